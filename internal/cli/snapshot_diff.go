package cli

import (
	"context"
	"strconv"
	"sync"

	"github.com/spf13/cobra"

	"maillab/internal/classroom"
	"maillab/internal/commandline"
	"maillab/internal/instance"
	"maillab/internal/snapshot"
)

func snapshotDiff(a *app, names *[]string) *cobra.Command {
	return &cobra.Command{
		Use:   "diff SNAPSHOT [SNAPSHOT]",
		Short: "Messages gained and lost since a snapshot, or between two, and tasks that stand otherwise",
		Long: `Messages gained and lost since a snapshot, or from the first to the second, per account, and the tasks that stand
otherwise: passed, failed, as the teacher marked them.

-o json prints {"changes":[{"seat","student","kind","account","box","from","subject","date"}],"tasks":[{"student","task",
"before","after"}]}; kind is gained or lost. -o csv prints the messages.`,
		Args:              commandline.Takes(1, 2),
		ValidArgsFunction: first(2, a.completeSnapshots),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			i, chosen, err := a.those(ctx, *names)
			if err != nil {
				return err
			}
			return diffAll(ctx, a, i, chosen.Sandboxes, args)
		},
	}
}

type changeJSON struct {
	Seat    int    `json:"seat"`
	Student string `json:"student"`
	snapshot.Change
}

func diffAll(ctx context.Context, a *app, i running, chosen []instance.Sandbox, args []string) error {
	store := snapshotsIn(a, i.Name)
	for _, name := range args {
		if _, err := store.Find(name); err != nil {
			return usage(err)
		}
	}
	client := i.Client()
	defer client.Close()
	var mu sync.Mutex
	changes, turns := map[int][]snapshot.Change{}, map[int][]snapshot.Turn{}
	failed := instance.Each(ctx, chosen, func(ctx context.Context, s instance.Sandbox) error {
		before, err := classroom.Archived(store, args[0], s.Seat)
		if err != nil {
			return err
		}
		after, err := classroom.ContentNow(ctx, client, store, s, args[1:])
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		changes[s.Seat], turns[s.Seat] = snapshot.Diff(before.Messages, after.Messages), snapshot.Turns(before.Work, after.Work)
		return nil
	})
	value := struct {
		Changes []changeJSON    `json:"changes"`
		Tasks   []snapshot.Turn `json:"tasks"`
	}{[]changeJSON{}, []snapshot.Turn{}}
	tasks := list{header: []string{"student", "task", "before", "after"}}
	l := list{header: []string{"seat", "student", "account", "box", "change", "from", "subject"}}
	for _, s := range chosen {
		for _, c := range changes[s.Seat] {
			value.Changes = append(value.Changes, changeJSON{s.Seat, s.Name(), c})
			l.rows = append(l.rows, []string{strconv.Itoa(s.Seat), s.Name(), c.Account, c.Box, c.Kind, dash(c.From), dash(c.Subject)})
		}
		for _, t := range turns[s.Seat] {
			value.Tasks = append(value.Tasks, t)
			tasks.rows = append(tasks.rows, []string{t.Student, t.Task, dash(string(t.Before)), dash(string(t.After))})
		}
	}
	l.value = value
	if err := printDiff(a, l, tasks, len(failed) == 0); err != nil {
		return err
	}
	return a.failures(chosen, failed)
}

// printDiff prints messages and, for people, tasks; whole is false when some sandboxes did not answer.
func printDiff(a *app, messages, tasks list, whole bool) error {
	table := a.flags.output == "table"
	switch {
	case table && whole && len(messages.rows)+len(tasks.rows) == 0:
		a.Fprintln(a.Err, "no difference: the same messages are in the mailboxes, and tasks stand as they did")
	case table && whole && len(messages.rows) == 0:
		a.Fprintln(a.Err, "the same messages are in the mailboxes")
	default:
		if err := a.print(messages); err != nil {
			return err
		}
	}
	if !table || len(tasks.rows) == 0 {
		return nil
	}
	return a.print(tasks)
}
