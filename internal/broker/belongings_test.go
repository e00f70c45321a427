//go:build linux

package broker

import (
	"archive/tar"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"maillab/internal/belongings"
)

// stubborn is a keeper with a reader that it cannot end.
type stubborn struct{}

var errStubborn = errors.New("somebody goes on reading")

func (stubborn) EndReaders(context.Context, []string) ([]belongings.Ended, error) {
	return []belongings.Ended{{Account: "util1", Program: "mail"}}, errStubborn
}
func (stubborn) EndLease(context.Context, string) error         { return nil }
func (stubborn) Password(context.Context, string, string) error { return nil }
func (stubborn) Chosen(string) (string, error)                  { return "", nil }
func (stubborn) Choose(string, string) error                    { return nil }

// archiveOf is an account's with one message and one file.
func archiveOf(t *testing.T) *os.File {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "")
	must(t, err)
	t.Cleanup(func() { f.Close() })
	w := tar.NewWriter(f)
	for name, text := range map[string]string{"inbox": "From new\n\n", "home/file": "new"} {
		must(t, w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o600, Size: int64(len(text)), Format: tar.FormatPAX}))
		_, err := w.Write([]byte(text))
		must(t, err)
	}
	must(t, w.Close())
	return f
}

// TestAStubbornReaderStopsNobody: he is told of, and every mailbox is replaced all the same.
func TestAStubbornReaderStopsNobody(t *testing.T) {
	o, ctx := open(t), context.Background()
	users := []string{"util1", "util11"}
	must(t, o.files.prepare(ctx, users, belongings.All, archiveOf(t)))
	ended, err := o.files.commit(ctx, users, belongings.All, stubborn{})
	if !errors.Is(err, errStubborn) || len(ended) == 0 {
		t.Errorf("nobody is told: %v, %v", ended, err)
	}
	for _, user := range users {
		if text, err := os.ReadFile(filepath.Join(o.files.Spool, user)); err != nil || string(text) != "From new\n\n" {
			t.Errorf("mailbox of %s: %q, %v", user, text, err)
		}
		if text, err := os.ReadFile(o.home(user, "file")); err != nil || string(text) != "new" {
			t.Errorf("home of %s: %q, %v", user, text, err)
		}
	}
}

// TestWhoShutsHimselfOut does not keep his home and his mailbox from being copied, or replaced.
func TestWhoShutsHimselfOut(t *testing.T) {
	o, ctx := open(t), context.Background()
	must(t, o.files.prepare(ctx, []string{"util1"}, belongings.All, archiveOf(t)))
	_, err := o.files.commit(ctx, []string{"util1"}, belongings.All, stubborn{})
	if !errors.Is(err, errStubborn) {
		t.Fatal(err)
	}
	shut := func() {
		must(t, os.Chmod(filepath.Join(o.files.Spool, "util1"), 0))
		must(t, os.Chmod(o.home("util1"), 0))
	}
	shut()
	f, err := os.CreateTemp(t.TempDir(), "")
	must(t, err)
	defer f.Close()
	_, err = o.files.save(ctx, request{User: "util1"}, belongings.All, f, stubborn{})
	must(t, err)
	names := map[string]bool{}
	_, err = f.Seek(0, 0)
	must(t, err)
	for in := tar.NewReader(f); ; {
		h, err := in.Next()
		if err != nil {
			break
		}
		names[h.Name] = true
	}
	if !names["inbox"] || !names["home/file"] {
		t.Errorf("copied: %v", names)
	}
	shut()
	must(t, o.files.prepare(ctx, []string{"util1"}, belongings.All, archiveOf(t)))
	if _, err := o.files.commit(ctx, []string{"util1"}, belongings.All, stubborn{}); !errors.Is(err, errStubborn) {
		t.Error(err)
	}
	must(t, o.files.abort(ctx, []string{"util1"}))
	if text, err := os.ReadFile(o.home("util1", "file")); err != nil || string(text) != "new" {
		t.Errorf("home: %q, %v", text, err)
	}
}

// chooser is a keeper that notes the passwords that are put in force.
type chooser struct {
	stubborn
	*backend
	chosen map[string]string
}

func (chooser) Chosen(user string) (string, error) { return "of " + user, nil }
func (c chooser) Choose(user, chosen string) error { c.chosen[user] = chosen; return nil }

// TestPasswordsGoWithTheWhole: what a user has given himself is in the archive of all that is his, and in force at the commit of all
// of it, not before and not of a part.
func TestPasswordsGoWithTheWhole(t *testing.T) {
	o, ctx := open(t), context.Background()
	c := chooser{chosen: map[string]string{}, backend: o.backend}
	f, err := os.CreateTemp(t.TempDir(), "")
	must(t, err)
	defer f.Close()
	s := &session{files: o.files, backend: c, chosen: map[string]string{}}
	do := func(op, scope string) {
		t.Helper()
		_, err := s.keep(ctx, request{Op: op, User: "util1", Users: "util1", Scope: scope}, f)
		if op != opCommit {
			must(t, err)
		}
	}
	do(opSave, "all")
	for _, step := range []struct{ prepare, commit, want string }{{"mail", "mail", ""}, {"home", "home", ""}, {"all", "home", ""}, {"all", "all", "of util1"}} {
		do(opPrepare, step.prepare)
		if len(c.chosen) > 0 {
			t.Errorf("%v: before it is to be: %v", step, c.chosen)
		}
		do(opCommit, step.commit)
		do(opAbort, "")
		if got := c.chosen["util1"]; got != step.want {
			t.Errorf("%v: %q", step, got)
		}
	}
}
