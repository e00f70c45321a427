package cli

import (
	"context"
	"fmt"
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
		Short: "Messages gained and lost since a snapshot, or between two",
		Long: `Messages gained and lost since a snapshot, or from the first to the second, per account.

-o json prints {"changes":[{"seat","student","kind","account","box","from","subject","date"}]}; kind is gained or lost.`,
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
	changes := map[int][]snapshot.Change{}
	failed := instance.Each(ctx, chosen, func(ctx context.Context, s instance.Sandbox) error {
		before, err := classroom.Archived(store, args[0], s.Seat)
		if err != nil {
			return err
		}
		after, err := classroom.MessagesNow(ctx, client, store, s, args[1:])
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		changes[s.Seat] = snapshot.Diff(before, after)
		return nil
	})
	value := struct {
		Changes []changeJSON `json:"changes"`
	}{[]changeJSON{}}
	l := list{header: []string{"seat", "student", "account", "box", "change", "from", "subject"}}
	for _, s := range chosen {
		for _, c := range changes[s.Seat] {
			value.Changes = append(value.Changes, changeJSON{s.Seat, s.Name(), c})
			l.rows = append(l.rows, []string{strconv.Itoa(s.Seat), s.Name(), c.Account, c.Box, c.Kind, dash(c.From), dash(c.Subject)})
		}
	}
	l.value = value
	if len(l.rows) == 0 && len(failed) == 0 && a.flags.output == "table" {
		fmt.Fprintln(a.Err, "no difference: the same messages are in the mailboxes")
		return nil
	}
	if err := a.print(l); err != nil {
		return err
	}
	return a.failures(chosen, failed)
}
