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
	Sandboxes []SandboxStatus `json:"sandboxes"`
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
	Each      []StudentStatus   `json:"each,omitempty"` // of a shared sandbox, in the order of the seats
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
	place := map[int]int{}
	var alive []instance.Sandbox
	for n, s := range chosen {
		place[s.Seat] = n
		out.Sandboxes[n] = rowOf(s, i.Host)
		if s.State == engine.Running {
			alive = append(alive, s)
		}
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
		status, err := client.Status(ctx, s.Seat)
		out.Sandboxes[place[s.Seat]].answered(status, err)
		if s.Seat == 0 && err == nil {
			out.Sandboxes[place[s.Seat]].Each = each(status, picked.In(s))
		}
		return err
	})
	return out
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
	r.State, r.Problem = status.State, status.Problem
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
