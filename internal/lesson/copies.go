package lesson

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"maillab/internal/belongings"
	"maillab/internal/control"
)

// Copies of what a student owns are kept in the state directory, as copies/HASH/TIME.tar.gz: HASH is the student's, and what is
// packed is the stream that Save writes. They are what the class's page, which may not read them, takes and puts back. One that
// is younger than a day is never pushed out by others: whoever may only ask for copies and resets can destroy nothing for good.
const (
	copiesDir  = "copies"
	copySuffix = ".tar.gz"
	copyID     = "20060102T150405.000"

	maxCopies    = 8 // of a student
	keptFor      = 24 * time.Hour
	maxCopy      = 64 << 20  // octets, packed
	maxAllCopies = 512 << 20 // of everybody's
)

// copiesOf is where a student's are.
func (l *Between) copiesOf(student string) string {
	sum := sha256.Sum256([]byte(student))
	return filepath.Join(l.cfg.StateDir, copiesDir, hex.EncodeToString(sum[:12]))
}

// Copies implements control.Copies.
func (l *Between) Copies(student string) ([]control.Copy, error) {
	entries, err := os.ReadDir(l.copiesOf(student))
	if errors.Is(err, fs.ErrNotExist) {
		return []control.Copy{}, nil
	}
	all := []control.Copy{}
	for _, e := range entries {
		id, whole := strings.CutSuffix(e.Name(), copySuffix)
		at, wrong := time.Parse(copyID, id)
		info, gone := e.Info()
		if whole && wrong == nil && gone == nil {
			all = append(all, control.Copy{ID: id, Student: student, Time: at, Octets: info.Size()})
		}
	}
	return all, err
}

// Copy implements control.Copies.
func (l *Between) Copy(ctx context.Context, of control.CopyOf) (control.Copy, error) {
	l.copying.Lock()
	defer l.copying.Unlock()
	return l.copy(ctx, of.Student)
}

// copy takes one. copying is held.
func (l *Between) copy(ctx context.Context, student string) (c control.Copy, err error) {
	if student == "" || len(l.accountsOf([]string{student})) == 0 {
		return c, fmt.Errorf("nobody here is called %s", student)
	}
	all, err := l.Copies(student)
	if err != nil {
		return c, err
	}
	now := l.cfg.Now().UTC()
	for len(all) >= maxCopies && now.Sub(all[0].Time) > keptFor {
		if err := os.Remove(l.copyFile(student, all[0].ID)); err != nil {
			return c, err
		}
		all = all[1:]
	}
	if len(all) >= maxCopies {
		return c, &control.Error{Status: http.StatusTooManyRequests, Text: fmt.Sprintf("%d copies of %s were taken within a day, and that is all that are kept: maillab snapshot and maillab reset go on", maxCopies, student)}
	}
	if n := len(all); n > 0 && !now.After(all[n-1].Time) { // a clock may stand, or go back: none takes the place of another
		now = all[n-1].Time.Add(time.Millisecond)
	}
	c = control.Copy{ID: now.Format(copyID), Student: student, Time: now}
	c.Octets, err = l.writeCopy(ctx, student, c.ID)
	return c, err
}

func (l *Between) copyFile(student, id string) string {
	return filepath.Join(l.copiesOf(student), id+copySuffix)
}

// writeCopy writes one, whole or not at all.
func (l *Between) writeCopy(ctx context.Context, student, id string) (octets int64, err error) {
	room := min(maxCopy, maxAllCopies-l.copiesSize())
	file := l.copyFile(student, id)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return 0, err
	}
	f, err := os.CreateTemp(filepath.Dir(file), "*"+partSuffix)
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name()) // when it has its name, there is none
	defer f.Close()
	packed := gzip.NewWriter(&bounded{f, room})
	err = l.Save(ctx, []string{student}, packed)
	if err = errors.Join(err, packed.Close()); err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return 0, err
	}
	return info.Size(), os.Rename(f.Name(), file)
}

// partSuffix is of files that are being written.
const partSuffix = ".part"

// bounded writes so many octets and no more.
type bounded struct {
	to   io.Writer
	room int64
}

var errNoRoom = &control.Error{Status: http.StatusInsufficientStorage,
	Text: "what is there is too large for a copy in the sandbox, and without a copy nothing is put back from the page: maillab snapshot and maillab reset do it"}

func (b *bounded) Write(p []byte) (int, error) {
	if b.room -= int64(len(p)); b.room < 0 {
		return 0, errNoRoom
	}
	return b.to.Write(p)
}

// copiesSize is what all copies take.
func (l *Between) copiesSize() (octets int64) {
	files, _ := filepath.Glob(filepath.Join(l.cfg.StateDir, copiesDir, "*", "*")) // the pattern is well-formed
	for _, file := range files {
		if info, err := os.Stat(file); err == nil {
			octets += info.Size()
		}
	}
	return octets
}

// PutBack implements control.Copies.
func (l *Between) PutBack(ctx context.Context, of control.CopyOf) (report control.ResetReport, err error) {
	l.copying.Lock()
	defer l.copying.Unlock()
	all, err := l.Copies(of.Student)
	if err != nil {
		return report, err
	}
	if !slices.ContainsFunc(all, func(c control.Copy) bool { return c.ID == of.ID }) {
		return report, &control.Error{Status: http.StatusNotFound, Text: fmt.Sprintf("there is no such copy of %s (any more)", of.Student)}
	}
	f, err := os.Open(l.copyFile(of.Student, of.ID)) // before another one is taken: what is open stays
	if err != nil {
		return report, err
	}
	defer f.Close()
	if _, err := l.copy(ctx, of.Student); err != nil {
		return report, err
	}
	stream, err := gzip.NewReader(f)
	if err != nil {
		return report, err
	}
	return l.Restore(ctx, control.Restore{Students: []string{of.Student}, Scope: string(belongings.All)}, stream)
}

// sweepCopies removes what was being written, and the copies of who is no student here any more.
func (l *Between) sweepCopies() error {
	entries, err := os.ReadDir(filepath.Join(l.cfg.StateDir, copiesDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	here := map[string]bool{}
	for _, a := range l.cfg.Spec.Accounts {
		here[filepath.Base(l.copiesOf(a.Student))] = a.Student != ""
	}
	for _, e := range entries {
		dir := filepath.Join(l.cfg.StateDir, copiesDir, e.Name())
		if !here[e.Name()] {
			err = errors.Join(err, os.RemoveAll(dir))
			continue
		}
		parts, _ := filepath.Glob(filepath.Join(dir, "*"+partSuffix)) // the pattern is well-formed
		for _, part := range parts {
			err = errors.Join(err, os.Remove(part))
		}
	}
	return err
}
