package classroom

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"maillab/internal/control"
	"maillab/internal/deploy"
	"maillab/internal/engine"
	"maillab/internal/fault"
	"maillab/internal/instance"
)

// Faults are what goes wrong on purpose in a class.
type Faults struct {
	Instance  string          `json:"instance"`
	Sandboxes []SandboxFaults `json:"sandboxes"`
}

// SandboxFaults are those of one sandbox.
type SandboxFaults struct {
	Seat    int             `json:"seat"`
	Student string          `json:"student"` // of a shared server: what it is called
	Faults  []fault.InForce `json:"faults"`
}

// FaultWords parts what a command line says into students and a fault: the service is where it begins.
func FaultWords(args []string) (students, words []string) {
	i := slices.IndexFunc(args, func(arg string) bool { return slices.Contains(fault.Services(), arg) })
	if i < 0 {
		return args, nil
	}
	return args[:i], args[i:]
}

// FaultChange is what a command line asks for: with clear, the services are those whose faults go; else a fault is put in force.
func FaultChange(clear bool, words []string) (c control.ChangeFaults, err error) {
	if !clear {
		f, err := fault.Parse(words)
		return control.ChangeFaults{Add: []fault.Fault{f}}, err
	}
	for _, word := range words {
		if !slices.Contains(fault.Services(), word) {
			return c, fmt.Errorf("--clear takes services: %q is none (%s)", word, strings.Join(fault.Services(), ", "))
		}
	}
	return control.ChangeFaults{Clear: true, Services: words}, nil
}

// AskFaults asks the sandboxes side by side; with a change, they take it first.
func AskFaults(ctx context.Context, i deploy.Running, chosen instance.Chosen, named bool, change *control.ChangeFaults) (out Faults, failed map[int]error, err error) {
	if named && change != nil && slices.ContainsFunc(chosen.Sandboxes, func(s instance.Sandbox) bool { return s.Seat == 0 }) {
		return out, nil, errors.New("the class shares one server: a fault there is everybody's, name no student")
	}
	client := i.Client()
	defer client.Close()
	var mu sync.Mutex
	out = Faults{Instance: i.Name, Sandboxes: []SandboxFaults{}}
	failed = instance.Each(ctx, chosen.Sandboxes, Awake(func(ctx context.Context, s instance.Sandbox) error {
		all, err := client.Seat(s.Seat).Faults(ctx)
		if change != nil && err == nil {
			all, err = client.Seat(s.Seat).ChangeFaults(ctx, *change)
		}
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		out.Sandboxes = append(out.Sandboxes, SandboxFaults{s.Seat, s.Name(), all})
		return nil
	}))
	slices.SortFunc(out.Sandboxes, func(a, b SandboxFaults) int { return a.Seat - b.Seat })
	return out, failed, nil
}

// Table is a row a fault.
func (f Faults) Table() (header []string, rows [][]string) {
	for _, s := range f.Sandboxes {
		for _, one := range s.Faults {
			rows = append(rows, []string{strconv.Itoa(s.Seat), s.Student, one.By, one.String(), strconv.Itoa(one.Struck)})
		}
	}
	return []string{"seat", "student", "by", "fault", "struck"}, rows
}

// Mentions are what must not be forgotten of a class: who has stopped the own server, and where the teacher's faults are in force.
func (s Status) Mentions() (lines []string) {
	var stopped, faulty []string
	for _, g := range s.Gone {
		lines = append(lines, g.said)
	}
	if s.Filter != "" && s.Filter != engine.Running {
		lines = append(lines, fmt.Sprintf("the class's SpamAssassin is %s: maillab up repairs it", s.Filter))
	}
	for _, row := range s.Sandboxes {
		name := row.Student
		if row.Seat == 0 {
			name = "the shared server"
		}
		if row.Stopped {
			stopped = append(stopped, name)
		}
		if row.Faults > 0 {
			faulty = append(faulty, name)
		}
	}
	if len(stopped) > 0 {
		lines = append(lines, fmt.Sprintf("mail server stopped by its student: %s", strings.Join(stopped, ", ")))
	}
	if len(faulty) > 0 {
		lines = append(lines, fmt.Sprintf("faults on purpose are in force for %s: maillab fault lists them, --clear ends them", strings.Join(faulty, ", ")))
	}
	return lines
}
