package classroom

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"maillab/internal/control"
	"maillab/internal/deploy"
	"maillab/internal/instance"
	"maillab/internal/safeio"
	"maillab/internal/snapshot"
)

// Leave takes a student out of an instance that is up: the sandbox with all that is in it. A server that the class shares is made
// anew, and the others get back what is theirs: nothing less forgets what it has recorded and logged. up is an up without the
// student.
func Leave(ctx context.Context, c deploy.Carrier, h *instance.Held, i deploy.Running, others instance.Chosen, up func() (deploy.Running, error), now time.Time) error {
	if others.Sandboxes[0].Seat != 0 {
		_, err := up()
		return err
	}
	store, aside := snapshot.Store{Dir: h.Snapshots()}, asidePrefix+now.UTC().Format("20060102-150405")
	failed, err := TakeSnapshot(ctx, i, others, store, aside, now)
	if err = errors.Join(err, failed[0]); err != nil {
		return fmt.Errorf("nothing was done: what the others have cannot be kept: %w", err)
	}
	result, err := c.Down(ctx, h, i.Engine, i.Name, deploy.Nothing)
	if err = errors.Join(err, result.Err()); err == nil {
		i, err = up()
	}
	if err == nil {
		err = putOthersBack(ctx, i, store, aside)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("what the others have is in snapshot %s", aside), err)
	}
	return store.Remove(aside)
}

// asidePrefix begins the names of snapshots of what others have while somebody is forgotten.
const asidePrefix = "others-"

// Aside tells of what others had when a forget was broken off: it is in a snapshot that nobody put back.
func Aside(store snapshot.Store) (lines []string, err error) {
	all, err := store.List()
	for _, s := range all {
		if strings.HasPrefix(s.Name, asidePrefix) {
			lines = append(lines, fmt.Sprintf("a forget was broken off, and what the others had then is in snapshot %s: maillab reset --to %[1]s --scope all gives it back, maillab snapshot rm %[1]s drops it", s.Name))
		}
	}
	return lines, err
}

func putOthersBack(ctx context.Context, i deploy.Running, store snapshot.Store, name string) error {
	client := i.Client()
	defer client.Close()
	_, err := Restore(ctx, client, store, name, 0, 0, control.Restore{Scope: "all"})
	return err
}

// Erase removes a student, one of everybody who ever had a seat, from an instance's folder and its snapshots, and looks for what is
// left.
func Erase(h *instance.Held, p instance.Person, everybody instance.People) (l deploy.Looked, err error) {
	store, names := snapshot.Store{Dir: h.Snapshots()}, p.Names(everybody)
	owned, err := h.Owned()
	if err != nil {
		return l, err
	}
	accounts := owned[p.Key]
	if err := errors.Join(store.Erase(p.Key, accounts), h.Erase(p, accounts)); err != nil {
		return l, err
	}
	err = filepath.WalkDir(h.Path(), func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && e.Name() == "seats" && filepath.Dir(path) == h.Path():
			return fs.SkipDir // the sandboxes' own, of an engine that keeps them here
		case !e.Type().IsRegular() || strings.HasSuffix(path, ".tar.zst"):
			return nil
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		found, err := safeio.Mentions(f, names)
		if found {
			l.Left = append(l.Left, path)
		}
		return err
	})
	archived, archiveErr := store.Mentions(names)
	if l.Left = append(l.Left, archived...); len(l.Left) == 0 {
		l.Through = append(l.Through, h.Path(), "its snapshots")
	}
	return l, errors.Join(err, archiveErr)
}
