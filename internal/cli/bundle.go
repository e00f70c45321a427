package cli

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/spf13/cobra"

	"maillab/internal/control"
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
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeStudents,
		RunE: func(cmd *cobra.Command, args []string) error {
			i, err := a.the(cmd.Context())
			if err != nil {
				return err
			}
			s, student, err := a.theStudent(i, args[0])
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
	return safeio.Write(file, 0o600, safeio.Whole, func(w io.Writer) error {
		packed, err := zstd.NewWriter(w)
		if err != nil {
			return err
		}
		out := tar.NewWriter(packed)
		if err := fillBundle(ctx, a, i, s, student, out); err != nil {
			return err
		}
		return errors.Join(out.Close(), packed.Close())
	})
}

func fillBundle(ctx context.Context, a *app, i running, s instance.Sandbox, student string, out *tar.Writer) error {
	client := i.Client()
	defer client.Close()
	inner, err := client.Bundle(ctx, s.Seat, student)
	if err != nil {
		return err
	}
	defer inner.Close()
	for in := tar.NewReader(inner); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("bundle of %s: %w", student, err)
		}
		if err := out.WriteHeader(h); err != nil {
			return err
		}
		if _, err := io.Copy(out, in); err != nil {
			return fmt.Errorf("bundle of %s: %s: %w", student, h.Name, err)
		}
	}
	dialogues, err := client.Dialogues(ctx, s.Seat, student)
	if err != nil {
		return err
	}
	marks, err := a.folder(i.Name).Marks()
	if err != nil {
		return err
	}
	checked, err := client.Check(ctx, s.Seat, control.CheckRequest{Students: []string{student}, Marks: map[string]map[string]bool{student: marks[student]}})
	if err != nil {
		return err
	}
	ready, err := client.Ready(ctx, s.Seat)
	if err != nil {
		return err
	}
	versions := map[string]string{"maillab": a.Version, "commit": a.Commit, "sandbox": ready.Version, "spec": ready.Spec, "image": s.Image,
		"lab": i.Lab, "instance": i.Name, "student": student, "taken": a.Now().UTC().Format(time.RFC3339)}
	for name, value := range map[string]any{
		"dialogues.json": dialogues, "versions.json": versions,
		"check.json": checkResult(a, i.Name, checked, map[string]int{student: s.Seat}),
	} {
		text, err := json.MarshalIndent(value, "", "  ")
		if err != nil {
			return err
		}
		if err := bundleEntry(a, out, name, append(text, '\n')); err != nil {
			return err
		}
	}
	return bundleEntry(a, out, "dialogues.txt", []byte(dialoguesText(dialogues, a.zone(i.Name))))
}

func bundleEntry(a *app, out *tar.Writer, name string, text []byte) error {
	h := tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o600, Size: int64(len(text)), ModTime: a.Now().Truncate(time.Second), Format: tar.FormatPAX}
	if err := out.WriteHeader(&h); err != nil {
		return err
	}
	_, err := out.Write(text)
	return err
}
