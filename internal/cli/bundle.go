package cli

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/klauspost/compress/zstd"
	"github.com/spf13/cobra"

	"maillab/internal/classroom"
	"maillab/internal/commandline"
	"maillab/internal/instance"
	"maillab/internal/safeio"
)

func bundleVerb(a *app) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "bundle STUDENT",
		Short: "Everything about one student in an archive",
		Long: `Everything about one student in an archive (tar, compressed with zstd): mailboxes, what arrived and with which envelope,
dialogues, mail.log (not from a server that others share), answers, the result of a check made now, versions.`,
		Args:              commandline.Takes(1, 1),
		ValidArgsFunction: a.completeStudents,
		RunE: func(cmd *cobra.Command, args []string) error {
			i, s, student, err := a.theOne(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if file == "" {
				file = fmt.Sprintf("%s-%s.tar.zst", i.Name, student)
			}
			if err := writeBundle(cmd.Context(), a, i, s, student, file); err != nil {
				return err
			}
			fmt.Fprintln(a.Out, file)
			return nil
		},
	}
	cmd.Flags().StringVar(&file, "file", "", "where to; by default INSTANCE-STUDENT.tar.zst in the current directory")
	return cmd
}

// writeBundle writes aside and renames: a bundle is whole or not there.
func writeBundle(ctx context.Context, a *app, i running, s instance.Sandbox, student, file string) error {
	return safeio.Write(file, 0o600, safeio.Whole, func(w *os.File) error {
		packed, err := zstd.NewWriter(w)
		if err != nil {
			return err
		}
		out := tar.NewWriter(packed)
		about := classroom.BundleAbout{Version: a.Version, Commit: a.Commit, Now: a.Now(), Zone: a.zone(i.Name), Lang: a.Language}
		if err := classroom.Bundle(ctx, i, s, student, about, out); err != nil {
			return err
		}
		return errors.Join(out.Close(), packed.Close())
	})
}
