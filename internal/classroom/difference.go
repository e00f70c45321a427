package classroom

import (
	"context"
	"strconv"
	"sync"

	"maillab/internal/deploy"
	"maillab/internal/instance"
	"maillab/internal/snapshot"
)

// Differences is what snapshot diff -o json prints.
type Differences struct {
	Changes []Difference    `json:"changes"`
	Tasks   []snapshot.Turn `json:"tasks"`
}

// Difference is a message of a sandbox's.
type Difference struct {
	Seat    int    `json:"seat"`
	Student string `json:"student"`
	snapshot.Change
}

// Differ compares a snapshot with a second one, or with the sandboxes as they are now.
func Differ(ctx context.Context, i deploy.Running, chosen []instance.Sandbox, store snapshot.Store, names []string) (Differences, map[int]error) {
	client := i.Client()
	defer client.Close()
	var mu sync.Mutex
	changes, turns := map[int][]snapshot.Change{}, map[int][]snapshot.Turn{}
	failed := instance.Each(ctx, chosen, func(ctx context.Context, s instance.Sandbox) error {
		before, err := Archived(store, names[0], s.Seat)
		if err != nil {
			return err
		}
		after, err := ContentNow(ctx, client, store, s, names[1:])
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		changes[s.Seat], turns[s.Seat] = snapshot.Diff(before.Messages, after.Messages), snapshot.Turns(before.Work, after.Work)
		return nil
	})
	d := Differences{Changes: []Difference{}, Tasks: []snapshot.Turn{}}
	for _, s := range chosen {
		for _, c := range changes[s.Seat] {
			d.Changes = append(d.Changes, Difference{s.Seat, s.Name(), c})
		}
		d.Tasks = append(d.Tasks, turns[s.Seat]...)
	}
	return d, failed
}

// Messages has a row a message.
func (d Differences) Messages() (header []string, rows [][]string) {
	for _, c := range d.Changes {
		rows = append(rows, []string{strconv.Itoa(c.Seat), c.Student, c.Account, c.Box, c.Kind, dash(c.From), dash(c.Subject)})
	}
	return []string{"seat", "student", "account", "box", "change", "from", "subject"}, rows
}

// Turns has a row a task that stands otherwise.
func (d Differences) Turns() (header []string, rows [][]string) {
	for _, t := range d.Tasks {
		rows = append(rows, []string{t.Student, t.Task, dash(string(t.Before)), dash(string(t.After))})
	}
	return []string{"student", "task", "before", "after"}, rows
}
