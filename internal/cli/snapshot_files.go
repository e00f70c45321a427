package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"maillab/internal/commandline"
	"maillab/internal/safeio"
	"maillab/internal/snapshot"
)

func snapshotExport(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "export SNAPSHOT FILE",
		Short:             "Write a snapshot into one file",
		Args:              commandline.Takes(2, 2),
		ValidArgsFunction: commandline.ThenFile(completion{a}.snapshots),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := snapshotsOf(cmd.Context(), a)
			if err != nil {
				return err
			}
			if args[1] == "-" {
				return store.Export(args[0], a.Out)
			}
			return safeio.Write(args[1], 0o600, safeio.Durable, func(w *os.File) error { return store.Export(args[0], w) })
		},
	}
}

func snapshotImport(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "import SNAPSHOT FILE",
		Short: "Take in a snapshot from a file",
		Args:  commandline.Takes(2, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := snapshot.CheckName(args[0]); err != nil {
				return usage(err)
			}
			store, err := snapshotsOf(cmd.Context(), a)
			if err != nil {
				return err
			}
			in := a.In
			if args[1] != "-" {
				f, err := os.Open(args[1])
				if err != nil {
					return usage(err)
				}
				defer f.Close()
				in = f
			}
			info, err := store.Import(args[0], in)
			if err == nil {
				a.Fprintf(a.Err, "snapshot %s: %d archives\n", info.Name, len(info.Seats))
			}
			return err
		},
	}
}

func snapshotRemove(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "rm SNAPSHOT",
		Short:             "Remove a snapshot",
		Long:              "Remove a snapshot. It asks first on a terminal, unless -y; elsewhere, as in a script, it does not ask.",
		Args:              commandline.Takes(1, 1),
		ValidArgsFunction: first(1, completion{a}.snapshots),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := snapshotsOf(cmd.Context(), a)
			if err != nil {
				return err
			}
			if _, err := store.Find(args[0]); err != nil {
				return usage(err)
			}
			if a.asks() {
				if err := a.confirm(cmd.Context(), fmt.Sprintf("Remove snapshot %s?", args[0])); err != nil {
					return err
				}
			}
			return store.Remove(args[0])
		},
	}
}
