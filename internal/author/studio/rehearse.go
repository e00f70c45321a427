package studio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"maillab/internal/author"
	"maillab/internal/control"
	"maillab/internal/deploy"
	"maillab/internal/instance"
	"maillab/internal/lab/task"
	"maillab/internal/leash"
	"maillab/internal/login"
	"maillab/internal/progress"
)

// Stage is where ways are played: an instance that was brought up for it, with a student for each.
type Stage struct {
	deploy.Outcome
	Program string // maillab, which scripts call where the sandbox has no shell
}

// Seen is what came of one way.
type Seen struct {
	author.Play
	State  progress.State
	Text   task.Text // what the check saw
	Output string    // what the script said
}

// Right says whether it came as it was to.
func (s Seen) Right() bool {
	if s.Passes {
		return s.State == progress.Passed || s.State == progress.Manual
	}
	return s.State == progress.Failed
}

// patience bounds how long a way may take to be played.
const patience = 5 * time.Minute

// seated is where a way is played: one student's sandbox, or place on the server that all share.
type seated struct {
	deploy.ToldSandbox
	student string
}

// places are those of the stage, in the order of the seats.
func (s Stage) places() (all []seated) {
	for _, where := range s.Tell().Sandboxes {
		for _, student := range where.Students {
			all = append(all, seated{where, student})
		}
	}
	return all
}

// Play plays ways of a task side by side, each as a student of its own, and has the task checked there. What the task needs is taken for
// passed.
func (s Stage) Play(ctx context.Context, t task.Task, plays []author.Play) ([]Seen, error) {
	client := instance.Connect(s.Engine, s.Name)
	defer client.Close()
	places := s.places()
	if len(places) < len(plays) {
		return nil, fmt.Errorf("%d students for %d ways", len(places), len(plays))
	}
	seen, errs := make([]Seen, len(plays)), make([]error, len(plays))
	var all sync.WaitGroup
	for i, play := range plays {
		all.Go(func() { seen[i], errs[i] = s.one(ctx, client, places[i], t, play) })
	}
	all.Wait()
	return seen, errors.Join(errs...)
}

func (s Stage) one(ctx context.Context, client *control.Client, where seated, t task.Task, play author.Play) (Seen, error) {
	seen := Seen{Play: play}
	for _, need := range t.Needs {
		if _, err := client.Seat(where.Seat).Mark(ctx, control.Mark{Student: where.student, Task: need, By: "author", Mark: &progress.Mark{Share: 1}}); err != nil {
			return seen, err
		}
	}
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var said bytes.Buffer
	run := s.outside
	if s.Engine.Capabilities().System {
		run = s.inside
	}
	if err := run(bounded, client, where, play.Script, &said); err != nil {
		return seen, fmt.Errorf("%s: %w", play.Name, err)
	}
	seen.Output = said.String()
	checked, err := client.Seat(where.Seat).Check(ctx, control.CheckRequest{Students: []string{where.student}, Tasks: []string{t.ID}})
	if err != nil {
		return seen, err
	}
	if len(checked) != 1 || len(checked[0].Results) != 1 {
		return seen, fmt.Errorf("the check of %s says nothing of %s", t.ID, where.student)
	}
	seen.State, seen.Text = checked[0].Results[0].State, checked[0].Results[0].Seen
	return seen, nil
}

// variables tell a script whose accounts it uses and where it is.
func (p seated) variables(o deploy.Outcome) []string {
	own := p.ToldSandbox
	own.Accounts = accountsOf(own, p.student)
	told := o.Tell()
	told.Sandboxes = []deploy.ToldSandbox{own}
	return told.Variables()
}

// inside runs a script in a sandbox, as its student.
func (s Stage) inside(ctx context.Context, client *control.Client, where seated, script string, out io.Writer) error {
	var whole strings.Builder
	for _, v := range where.variables(s.Outcome) {
		if name, value, _ := strings.Cut(v, "="); strings.HasPrefix(name, "MAILLAB_USER_") || strings.HasPrefix(name, "MAILLAB_PASSWORD_") {
			fmt.Fprintf(&whole, "export %s='%s'\n", name, strings.ReplaceAll(value, "'", `'\''`))
		}
	}
	whole.WriteString(script)
	sandbox := instance.Sandbox{Seat: where.Seat, Students: where.Students}
	_, err := login.Command{Words: []string{"bash", "-s"}}.In(ctx, s.Engine, client, s.Name, sandbox, where.student, strings.NewReader(whole.String()), out, out)
	return err
}

// outside runs a script on this machine, against a sandbox's doors. It does not outlive us.
func (s Stage) outside(ctx context.Context, _ *control.Client, where seated, script string, out io.Writer) error {
	bash, err := exec.LookPath("bash")
	if err != nil {
		return fmt.Errorf("the solution is a script for bash: %w", err)
	}
	cmd := exec.Command(bash, "-s")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(script), out, out
	cmd.Env = slices.Concat(os.Environ(), where.variables(s.Outcome), []string{"MAILLAB=" + s.Program, "MAILLAB_STUDENT=" + where.student})
	_, err = leash.Run(ctx, cmd, s.Program, false)
	return errors.Join(err, ctx.Err())
}
