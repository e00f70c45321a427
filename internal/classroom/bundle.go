package classroom

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/klauspost/compress/zstd"

	"maillab/internal/control"
	"maillab/internal/deploy"
	"maillab/internal/instance"
	"maillab/internal/register"
	"maillab/internal/safeio"
	"maillab/internal/snapshot"
)

// BundleAbout is what a bundle says of itself, and how.
type BundleAbout struct {
	Version, Commit string
	Now             time.Time
	Zone            *time.Location
	Lang            string
	Person          instance.Person
}

// Bundle puts everything about one student into an archive.

func Bundle(ctx context.Context, i deploy.Running, s instance.Sandbox, about BundleAbout, out *tar.Writer) error {
	if err := NotRunning(s); err != nil {
		return fmt.Errorf("%s: %w", s.Name(), err)
	}
	student := about.Person.Key
	client := i.Client()
	defer client.Close()
	inner, err := client.Seat(s.Seat).Bundle(ctx, student)
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
	dialogues, err := client.Seat(s.Seat).Dialogues(ctx, student)
	if err != nil {
		return err
	}
	checked, err := client.Seat(s.Seat).Check(ctx, control.CheckRequest{Students: []string{student}, History: true})
	if err != nil {
		return err
	}
	var entries register.Register
	for _, c := range checked {
		entries = entries.With(entryOf(c, about.Person.Seat, about.Now))
	}
	ready, err := client.Seat(s.Seat).Ready(ctx)
	if err != nil {
		return err
	}
	versions := map[string]string{"maillab": about.Version, "commit": about.Commit, "sandbox": ready.Version, "spec": ready.Spec, "image": s.Image,
		"lab": i.Lab, "instance": i.Name, "student": student, "taken": about.Now.UTC().Format(time.RFC3339)}
	values := map[string]any{
		"dialogues.json": dialogues, "versions.json": versions,
		"check.json": Result(i.Name, entries, about.Lang), "history.json": HistoryOf(i.Name, entries),
	}
	if err := bundleValues(out, about.Now, values); err != nil {
		return err
	}
	return bundleEntry(out, about.Now, "dialogues.txt", []byte(DialoguesText(dialogues, about.Zone)))
}

// KeptBundle is what is kept of a student where nothing of the instance runs: results, history, and archives that are of nobody
// else.
func KeptBundle(i instance.Instance, entries register.Register, store snapshot.Store, about BundleAbout, out *tar.Writer) error {
	mine := entries.Some([]string{about.Person.Key})
	values := map[string]any{
		"check.json": Result(i.Name, mine, about.Lang), "history.json": HistoryOf(i.Name, mine),
		"versions.json": map[string]string{"maillab": about.Version, "commit": about.Commit, "lab": i.Lab, "instance": i.Name, "student": about.Person.Key,
			"taken": about.Now.UTC().Format(time.RFC3339), "asOf": mine.AsOf().Format(time.RFC3339)},
	}
	if err := bundleValues(out, about.Now, values); err != nil {
		return err
	}
	own, err := store.Of(about.Person.Key)
	for _, archive := range own {
		text, readErr := os.ReadFile(archive.Path)
		if err = errors.Join(err, readErr); err == nil {
			err = bundleEntry(out, about.Now, "snapshots/"+archive.Snapshot+".tar.zst", text)
		}
	}
	return err
}

// Packed writes a bundle to a file, compressed, whole or not at all.
func Packed(file string, bundle func(*tar.Writer) error) error {
	return safeio.Write(file, 0o600, safeio.Whole, func(w *os.File) error {
		packed, err := zstd.NewWriter(w)
		if err != nil {
			return err
		}
		out := tar.NewWriter(packed)
		if err := bundle(out); err != nil {
			return err
		}
		return errors.Join(out.Close(), packed.Close())
	})
}

// bundleValues writes values as JSON, in the order of their names.
func bundleValues(out *tar.Writer, now time.Time, values map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		text, err := json.MarshalIndent(values[name], "", "  ")
		if err != nil {
			return err
		}
		if err := bundleEntry(out, now, name, append(text, '\n')); err != nil {
			return err
		}
	}
	return nil
}

func bundleEntry(out *tar.Writer, now time.Time, name string, text []byte) error {
	h := tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o600, Size: int64(len(text)), ModTime: now.Truncate(time.Second), Format: tar.FormatPAX}
	if err := out.WriteHeader(&h); err != nil {
		return err
	}
	_, err := out.Write(text)
	return err
}
