package classroom

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"maillab/internal/control"
	"maillab/internal/deploy"
	"maillab/internal/instance"
	"maillab/internal/register"
)

// BundleAbout is what a bundle says of itself, and how.
type BundleAbout struct {
	Version, Commit string
	Now             time.Time
	Zone            *time.Location
	Lang            string
	Seat            int // of the student
}

// Bundle puts everything about one student into an archive.

func Bundle(ctx context.Context, i deploy.Running, s instance.Sandbox, student string, about BundleAbout, out *tar.Writer) error {
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
	checked, err := client.Check(ctx, s.Seat, control.CheckRequest{Students: []string{student}, History: true})
	if err != nil {
		return err
	}
	var entries register.Register
	for _, c := range checked {
		entries = entries.With(entryOf(c, about.Seat, about.Now))
	}
	ready, err := client.Ready(ctx, s.Seat)
	if err != nil {
		return err
	}
	versions := map[string]string{"maillab": about.Version, "commit": about.Commit, "sandbox": ready.Version, "spec": ready.Spec, "image": s.Image,
		"lab": i.Lab, "instance": i.Name, "student": student, "taken": about.Now.UTC().Format(time.RFC3339)}
	for name, value := range map[string]any{
		"dialogues.json": dialogues, "versions.json": versions,
		"check.json": Result(i.Name, entries, about.Lang), "history.json": HistoryOf(i.Name, entries),
	} {
		text, err := json.MarshalIndent(value, "", "  ")
		if err != nil {
			return err
		}
		if err := bundleEntry(out, about.Now, name, append(text, '\n')); err != nil {
			return err
		}
	}
	return bundleEntry(out, about.Now, "dialogues.txt", []byte(DialoguesText(dialogues, about.Zone)))
}

func bundleEntry(out *tar.Writer, now time.Time, name string, text []byte) error {
	h := tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o600, Size: int64(len(text)), ModTime: now.Truncate(time.Second), Format: tar.FormatPAX}
	if err := out.WriteHeader(&h); err != nil {
		return err
	}
	_, err := out.Write(text)
	return err
}
