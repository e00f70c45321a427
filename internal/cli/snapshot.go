package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"maillab/internal/classroom"
	"maillab/internal/commandline"
	"maillab/internal/control"
	"maillab/internal/instance"
	"maillab/internal/listing"
	"maillab/internal/snapshot"
)

func snapshotVerb(a *app) *cobra.Command {
	var names []string
	cmd := &cobra.Command{
		Use:   "snapshot",
		Short: "Named copies of the class's mail and homes",
		Long: `Named copies of what students own: spools with UIDs and flags, waiting mail, homes, mail.log. Each is taken at one
instant while mail keeps arriving, and kept in the instance's data folder, one archive a sandbox.`,
	}
	cmd.PersistentFlags().StringSliceVar(&names, "student", nil, "of these students only")
	_ = cmd.RegisterFlagCompletionFunc("student", completion{a}.students)
	cmd.AddCommand(
		snapshotSave(a, &names), snapshotList(a), snapshotRestore(a, &names), snapshotDiff(a, &names),
		snapshotExport(a), snapshotImport(a), snapshotRemove(a),
	)
	return cmd
}

// snapshots is where an instance's are.
func snapshotsIn(a *app, name string) snapshot.Store {
	return snapshot.Store{Dir: a.folder(name).Snapshots()}
}

// snapshotsOf finds the instance whose snapshots are meant: one that is down still has them.
func snapshotsOf(ctx context.Context, a *app) (snapshot.Store, error) {
	if name := a.flags.instance; name != "" && a.folder(name).Exists() {
		return snapshotsIn(a, name), nil
	}
	i, err := a.the(ctx)
	return snapshotsIn(a, i.Name), err
}

func snapshotSave(a *app, names *[]string) *cobra.Command {
	return &cobra.Command{
		Use:   "save SNAPSHOT",
		Short: "Take a snapshot",
		Args:  commandline.Takes(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			i, chosen, err := a.those(ctx, *names)
			if err != nil {
				return err
			}
			return saveAll(ctx, a, i, chosen, args[0])
		},
	}
}

// saveAll saves sandboxes side by side. When some fail the others' archives are kept, and the exit code says so.
func saveAll(ctx context.Context, a *app, i running, picked instance.Chosen, name string) error {
	if err := snapshot.CheckName(name); err != nil {
		return usage(err)
	}
	failed, err := classroom.TakeSnapshot(ctx, i, picked, snapshotsIn(a, i.Name), name, a.Now())
	if errors.Is(err, snapshot.ErrExists) {
		return withHint(err, "maillab snapshot rm "+name+"   removes it")
	}
	if err != nil {
		return err
	}
	if saved := classroom.Reached(picked, failed); saved > 0 {
		a.Fprintf(a.Err, "snapshot %s of %s\n", name, classroom.Students(saved))
	}
	return a.failures(picked.Sandboxes, failed)
}

func snapshotList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "ls",
		Short: "The snapshots that there are",
		Long:  `The snapshots that there are. -o json prints {"snapshots":[{"name","time","bytes","seats":[…]}]}.`,
		Args:  commandline.Takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			store, err := snapshotsOf(cmd.Context(), a)
			if err != nil {
				return err
			}
			all, err := store.List()
			if err != nil {
				return err
			}
			l := listing.List{Header: []string{"snapshot", "taken", "sandboxes", "bytes"}}
			for _, s := range all {
				l.Rows = append(l.Rows, []string{s.Name, s.Time.Local().Format(time.DateTime), strconv.Itoa(len(s.Seats)), strconv.FormatInt(s.Bytes, 10)})
			}
			l.Value = struct {
				Snapshots []snapshot.Info `json:"snapshots"`
			}{append([]snapshot.Info{}, all...)}
			return a.print(l)
		},
	}
}

func snapshotRestore(a *app, names *[]string) *cobra.Command {
	var scope string
	cmd := &cobra.Command{
		Use:   "restore SNAPSHOT",
		Short: "Put back a snapshot",
		Long: `Put back a snapshot: mail with its UIDs and flags, waiting mail, homes and mail.log, as they were. Every archive is
checked before anything is touched. POP3 and IMAP sessions and mail readers end; everything else stays. It asks first on a
terminal, unless -y; elsewhere, as in a script, it does not ask.`,
		Args:              commandline.Takes(1, 1),
		ValidArgsFunction: first(1, completion{a}.snapshots),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := classroom.CheckScope(scope); err != nil {
				return usage(err)
			}
			ctx := cmd.Context()
			i, chosen, err := a.those(ctx, *names)
			if err != nil {
				return err
			}
			return restoreTo(ctx, a, i, chosen, args[0], scope)
		},
	}
	cmd.Flags().StringVar(&scope, "scope", "all", "mail, home or all")
	_ = cmd.RegisterFlagCompletionFunc("scope", fixed(classroom.Scopes()...))
	return cmd
}

// restoreTo verifies every archive that is wanted before it asks, and restores one.
func restoreTo(ctx context.Context, a *app, i running, picked instance.Chosen, name, scope string) error {
	chosen, store := picked.Sandboxes, snapshotsIn(a, i.Name)
	info, err := store.Find(name)
	if err != nil {
		return usage(err)
	}
	from, missing, err := classroom.Match(ctx, store, info, chosen)
	if err != nil {
		return err
	}
	if a.asks() {
		work, err := classroom.WorkIn(store, name, from)
		if err != nil {
			return err
		}
		lost := told(classroom.Losses(ctx, i, picked, work))
		if err := a.confirm(ctx, fmt.Sprintf("Put %s of %s back to snapshot %s? What is there now is lost%s.", classroom.ScopeNames(scope), picked.Meant(), name, lost)); err != nil {
			return err
		}
	}
	client := i.Client()
	defer client.Close()
	return putBack(ctx, a, i, client, picked, func(ctx context.Context, s instance.Sandbox) (report control.ResetReport, err error) {
		if err := missing[s.Seat]; err != nil {
			return report, err
		}
		return classroom.Restore(ctx, client, store, name, from[s.Seat], s.Seat, control.Restore{Students: picked.Of(s), Scope: scope})
	})
}
