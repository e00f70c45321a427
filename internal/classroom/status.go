// Package classroom is what a teacher does with a whole class at once while it is at work: see how it is, check, put back, keep
// and compare copies, send, look who is where, collect what one student did. Each asks the sandboxes side by side and returns
// values; package cli prints them. The shapes of -o json are part of the contract: names are never changed, only added.
package classroom

import (
	"context"
	"errors"
	"fmt"
	"time"

	"maillab/internal/control"
	"maillab/internal/deploy"
	"maillab/internal/engine"
	"maillab/internal/instance"
)

// The shapes of -o json are part of the contract: names are never changed, only added.

type Status struct {
	Instance  string          `json:"instance"`
	Lab       string          `json:"lab"`
	Engine    string          `json:"engine"`
	Topology  string          `json:"topology"`
	Expires   string          `json:"expires,omitempty"` // RFC 3339
	Missing   string          `json:"missing,omitempty"` // what this engine cannot do
	Problem   string          `json:"problem,omitempty"` // why no sandbox can be asked
	Filter    engine.State    `json:"filter,omitempty"`  // of the class's SpamAssassin, where it has one
	Gone      []GoneStatus    `json:"gone,omitempty"`    // machines that are
	Sandboxes []SandboxStatus `json:"sandboxes"`
}

// GoneStatus is a machine that is gone, and who is there.
type GoneStatus struct {
	Node  string    `json:"node"`
	Since time.Time `json:"since,omitzero"`
	Seats []int     `json:"seats"`
	// Copies are from when the newest is that is kept of each, by seat; null: the gateways could not be asked.
	Copies map[int]time.Time `json:"copies"`
	said   string
}

type SandboxStatus struct {
	Seat      int               `json:"seat"`
	Student   string            `json:"student,omitempty"`
	Students  []string          `json:"students,omitempty"` // of a shared sandbox
	State     string            `json:"state"`              // ready, starting, unconfigured, unreachable, stopped, paused, missing
	Problem   string            `json:"problem,omitempty"`
	Addresses map[string]string `json:"addresses"`
	Accounts  []AccountStatus   `json:"accounts"`
	Tasks     *TasksStatus      `json:"tasks,omitempty"`
	Stopped   bool              `json:"stopped,omitempty"` // the mail server, by its student
	Faults    int               `json:"faults,omitempty"`  // on purpose, that the teacher has put in force
	Each      []StudentStatus   `json:"each,omitempty"`    // of a shared sandbox, in the order of the seats
}

// StudentStatus is one student's part of a shared sandbox.
type StudentStatus struct {
	Seat     int             `json:"seat"`
	Student  string          `json:"student"`
	Accounts []AccountStatus `json:"accounts"`
	Tasks    *TasksStatus    `json:"tasks,omitempty"`
}

type AccountStatus struct {
	Name     string `json:"name"`
	Messages int    `json:"messages"`
	Unread   int    `json:"unread"`
}

type TasksStatus struct {
	Passed int `json:"passed"`
	Total  int `json:"total"`
}

// stateUnreachable is a sandbox that runs and does not answer. What does not run is called as the engine calls it.
const stateUnreachable = "unreachable"

// AskStatus asks the sandboxes side by side.
func AskStatus(ctx context.Context, i deploy.Running, picked instance.Chosen) Status {
	chosen := picked.Sandboxes
	can := i.Engine.Capabilities()
	out := Status{Instance: i.Name, Lab: i.Lab, Engine: can.Name, Topology: i.Topology, Missing: can.Missing,
		Sandboxes: make([]SandboxStatus, len(chosen))}
	if !i.Expires.IsZero() {
		out.Expires = i.Expires.Format(time.RFC3339)
	}
	for _, r := range i.Resources {
		if r.Kind == engine.Filter {
			out.Filter = r.State
		}
	}
	place := map[int]int{}
	var alive []instance.Sandbox
	for n, s := range chosen {
		place[s.Seat] = n
		out.Sandboxes[n] = rowOf(s, i.Host)
		if s.State == engine.Running {
			alive = append(alive, s)
		}
	}
	if len(alive) < len(chosen) {
		out.explain(ctx, i, place)
		out.miss(ctx, i)
	}
	if !i.Gateway {
		out.Problem = (&deploy.NoGatewayError{Instance: i.Name}).Error()
		return out
	}
	client := i.Client()
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, statusPatience)
	defer cancel()
	instance.Each(ctx, alive, func(ctx context.Context, s instance.Sandbox) error {
		status, err := client.Seat(s.Seat).Status(ctx)
		out.Sandboxes[place[s.Seat]].answered(status, err)
		if s.Seat == 0 && err == nil {
			out.Sandboxes[place[s.Seat]].Each = each(status, picked.In(s))
		}
		return err
	})
	return out
}

// explain has the engine say why sandboxes do not run, where it can.
func (s *Status) explain(ctx context.Context, i deploy.Running, place map[int]int) {
	explainer, ok := i.Engine.(engine.Explainer)
	if !ok {
		return
	}
	why, err := explainer.Why(ctx, i.Name)
	if err != nil {
		return // what is known has been said
	}
	for seat, reason := range why {
		if n, asked := place[seat]; asked && reason != "" {
			s.Sandboxes[n].Problem = reason
		}
	}
}

// miss tells which machines are gone.
func (s *Status) miss(ctx context.Context, i deploy.Running) {
	gone, err := deploy.GoneNodes(ctx, i)
	if err != nil {
		return // what is known has been said
	}
	for _, g := range gone {
		one := GoneStatus{Node: g.Name, Since: g.Since, Copies: g.Copies, said: g.Said()}
		for _, sandbox := range g.Sandboxes {
			one.Seats = append(one.Seats, sandbox.Seat)
		}
		s.Gone = append(s.Gone, one)
	}
}

// statusPatience bounds how long status waits for a sandbox that does not answer.
const statusPatience = 5 * time.Second

func rowOf(s instance.Sandbox, host string) SandboxStatus {
	row := SandboxStatus{Seat: s.Seat, State: string(s.State), Addresses: s.Addresses(host), Accounts: []AccountStatus{}}
	switch s.State {
	case engine.Running:
		row.State = stateUnreachable
	default:
		row.Problem = NotRunning(s).Error()
	}
	if s.Seat == 0 {
		row.Students = s.Students
	} else {
		row.Student = s.Name()
	}
	return row
}

// NotRunning says why a sandbox does not answer and what mends it; nil when it runs.
func NotRunning(s instance.Sandbox) error {
	switch s.State {
	case engine.Running:
		return nil
	case engine.Missing:
		return errors.New("its container was removed: maillab up makes it anew, with its mail")
	}
	return fmt.Errorf("its container is %s: maillab up repairs it", s.State)
}

// Awake is do for sandboxes that run. The others are not waited for: they cannot answer.
func Awake(do func(context.Context, instance.Sandbox) error) func(context.Context, instance.Sandbox) error {
	return func(ctx context.Context, s instance.Sandbox) error {
		if err := NotRunning(s); err != nil {
			return err
		}
		return do(ctx, s)
	}
}

// answered takes a sandbox's own word into its row.
func (r *SandboxStatus) answered(status control.Status, err error) {
	if err != nil {
		r.Problem = err.Error()
		return
	}
	r.State, r.Problem, r.Stopped, r.Faults = status.State, status.Problem, status.Stopped, status.Faults
	everybody := func(string) bool { return true }
	r.Accounts, r.Tasks = accountsOf(status, everybody), tasksOf(status, everybody)
}

// each is what a shared sandbox says of its students, one by one.
func each(status control.Status, people instance.People) (all []StudentStatus) {
	for _, p := range people {
		theirs := func(student string) bool { return student == p.Key }
		all = append(all, StudentStatus{Seat: p.Seat, Student: p.Key, Accounts: accountsOf(status, theirs), Tasks: tasksOf(status, theirs)})
	}
	return all
}

// accountsOf are the accounts of those whom who picks.
func accountsOf(status control.Status, who func(student string) bool) []AccountStatus {
	accounts := []AccountStatus{}
	for _, account := range status.Accounts {
		if who(account.Student) {
			accounts = append(accounts, AccountStatus{account.Name, account.Messages, account.Unread})
		}
	}
	return accounts
}

// tasksOf is how far those got together whom who picks; nil where there are no tasks.
func tasksOf(status control.Status, who func(student string) bool) (sum *TasksStatus) {
	for _, p := range status.Tasks {
		if !who(p.Student) {
			continue
		}
		if sum == nil {
			sum = &TasksStatus{}
		}
		sum.Passed += p.Passed
		sum.Total += p.Total
	}
	return sum
}
