package cli

import (
	"archive/tar"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"maillab/internal/classroom"
	"maillab/internal/commandline"
)

func bundleVerb(a *app) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "bundle STUDENT",
		Short: "Everything about one student in an archive",
		Long: `Everything about one student in an archive (tar, compressed with zstd): mailboxes, what arrived and with which envelope,
dialogues, mail.log (not from a server that others share), answers, the result of a check made now, how it came about, versions.
Where nothing of the instance runs, it holds what is kept: results, history, and the student's archives in snapshots.`,
		Args:              commandline.Takes(1, 1),
		ValidArgsFunction: completion{a}.students,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runBundle(cmd.Context(), a, args[0], file)
		},
	}
	cmd.Flags().StringVar(&file, "file", "", "where to; by default INSTANCE-STUDENT.tar.zst in the current directory")
	return cmd
}

// runBundle writes aside and renames: a bundle is whole or not there.
func runBundle(ctx context.Context, a *app, typed, file string) error {
	c, err := a.class(ctx)
	if err != nil {
		return err
	}
	chosen, err := a.some(c.running, []string{typed})
	if err == nil {
		_, err = oneOf(chosen, typed)
	}
	if err != nil {
		return err
	}
	about := classroom.BundleAbout{Version: a.Version, Commit: a.Commit, Now: a.Now(), Zone: a.zone(c.Name), Lang: a.Language, Person: chosen.People[0]}
	bundle := func(out *tar.Writer) error { return classroom.Bundle(ctx, c.running, chosen.Sandboxes[0], about, out) }
	if !c.up {
		entries, err := a.folder(c.Name).Register()
		if err != nil {
			return err
		}
		c.old(entries.Some(chosen.Keys()).AsOf())
		bundle = func(out *tar.Writer) error {
			return classroom.KeptBundle(c.Instance, entries, snapshotsIn(a, c.Name), about, out)
		}
	}
	if file == "" {
		file = fmt.Sprintf("%s-%s.tar.zst", c.Name, about.Person.Key)
	}
	if err := classroom.Packed(file, bundle); err != nil {
		return err
	}
	fmt.Fprintln(a.Out, file)
	return nil
}
