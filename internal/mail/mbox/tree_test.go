package mbox

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/mail"
)

// TestTree makes, removes and renames folders, and looks what is called what and what lies where.
func TestTree(t *testing.T) {
	for _, c := range []struct {
		name  string
		old   string // files and directories (with a slash at the end) that were there
		do    string // create, create/ (a folder), delete, rename A B; "!" and a word of the error before
		names string // folders have a slash at the end
		files string
	}{
		{"a mailbox with others below", "", "create work, create work/2026", "work, work/2026", "work, work.d/2026"},
		{"the other way round", "", "create work/2026, create work", "work, work/2026", "work, work.d/2026"},
		{"deep", "", "create a/b/c, create a, create a/b", "a, a/b, a/b/c", "a, a.d/b, a.d/b.d/c"},
		{"nothing is left", "", "create work/2026, delete work/2026, create work", "work", "work"},
		{"nothing is left of many", "", "create a/b/c, delete a/b/c", "", ""},
		{"what others need stays", "", "create a/b, create a/c, delete a/b", "a/, a/c", "a/c"},
		{"the only one is renamed away", "", "create work/2026, rename work/2026 old, create work", "old, work", "old, work"},
		{"a mailbox goes, what is below stays", "", "create a, create a/b, delete a", "a/, a/b", "a.d/b"},
		{"and it comes back", "", "create a, create a/b, delete a, create a", "a, a/b", "a, a.d/b"},
		{"a folder", "", "create/ dir, create dir/a", "dir/, dir/a", "dir/a"},
		{"a folder twice", "", "create/ dir, !exists create/ dir", "dir/", "dir/"},
		{"a folder becomes a mailbox", "", "create/ dir, create dir", "dir", "dir, dir.d/"},
		{"a folder is deleted", "", "create/ dir, delete dir, !such delete dir", "", ""},
		{"a folder with something below is not", "", "create dir/a, !below delete dir", "dir/, dir/a", "dir/a"},
		{"a folder of the file system's", "dir/.hidden", "!below delete dir", "dir/", "dir/.hidden"},
		{"all that is below is renamed", "", "create a, create a/b, create a/b/c, rename a z", "z, z/b, z/b/c", "z, z.d/b, z.d/b.d/c"},
		{"a folder is renamed", "", "create a/b, create/ a/e, rename a x/z", "x/, x/z/, x/z/b, x/z/e/", "x/z/b, x/z/e/"},
		{"an empty folder is renamed", "", "create/ a, rename a b", "b/", "b/"},
		{"renamed onto another", "", "create a/b, create c, !exists rename c a", "a/, a/b, c", "a/b, c"},
		{"renamed below another mailbox", "", "create a, create c, rename c a/c", "a, a/c", "a, a.d/c"},
		{"below INBOX", "", "create INBOX/friends, create INBOX/new", "INBOX/friends, INBOX/new", "INBOX.d/friends, INBOX.d/new"},
		{"the old layout", "2026/march 2026/april sent", "create 2026", "2026, 2026/april, 2026/march, sent", "2026, 2026.d/april, 2026.d/march, sent"},
		{"a directory that ends so", "conf.d/x", "create y", "conf/, conf/x, y", "conf.d/x, y"},
		{"and one beside it", "conf.d/x conf/z", "", "conf/, conf.d/, conf.d/x, conf/z", "conf/z, conf.d/x"},
		{"no such name", "", "!name create a.d, !name create a.d/b, !such rename a b, !such delete a", "", ""},
		{"a file that ends so", "a.d", "create a", "a, a.d", "a, a.d"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, dir := newSpool(t)
			root := filepath.Join(dir, "home", "u", "mail")
			for _, path := range strings.Fields(c.old) {
				path = filepath.Join(root, path)
				if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, nil, 0o600)); err != nil {
					t.Fatal(err)
				}
			}
			for step := range strings.SplitSeq(c.do, ", ") {
				shape(t, s, step)
			}
			if got := shown(t, s); got != c.names {
				t.Errorf("folders %s; want %s", got, c.names)
			}
			if got := lying(t, root); got != c.files {
				t.Errorf("files %s; want %s", got, c.files)
			}
			for _, f := range folders(t, s) {
				if f.IsMailbox {
					open(t, s, "u", f.Name)
				} else if _, err := s.Mailbox(context.Background(), "u", f.Name); !errors.Is(err, mail.ErrNoMailbox) {
					t.Errorf("opening the folder %s: %v", f.Name, err)
				}
			}
		})
	}
}

// shape does one step of TestTree.
func shape(t *testing.T, s *Spool, step string) {
	t.Helper()
	if step == "" {
		return
	}
	words := strings.Fields(step)
	want, refused := strings.CutPrefix(words[0], "!")
	if refused {
		words = words[1:]
	}
	ctx := context.Background()
	var err error
	switch words[0] {
	case "create", "create/":
		err = s.Create(ctx, "u", words[1], words[0] == "create/")
	case "delete":
		err = s.Delete(ctx, "u", words[1])
	case "rename":
		err = s.Rename(ctx, "u", words[1], words[2])
	}
	wrong := map[string]error{"exists": mail.ErrExists, "such": mail.ErrNoMailbox, "below": mail.ErrNotEmpty, "name": mail.ErrBadName}
	if refused && !errors.Is(err, wrong[want]) || !refused && err != nil {
		t.Errorf("%s: %v", step, err)
	}
}

func folders(t *testing.T, s *Spool) []Folder {
	t.Helper()
	all, err := s.Folders(context.Background(), "u")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func shown(t *testing.T, s *Spool) string {
	t.Helper()
	var names []string
	for _, f := range folders(t, s) {
		if !f.IsMailbox {
			f.Name += "/"
		}
		names = append(names, f.Name)
	}
	return strings.Join(names, ", ")
}

// lying are the files below a directory, and the directories that are empty.
func lying(t *testing.T, root string) string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) || path == root {
			return nil
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if !d.IsDir() {
			found = append(found, filepath.ToSlash(rel))
		} else if entries, _ := os.ReadDir(path); len(entries) == 0 {
			found = append(found, filepath.ToSlash(rel)+"/")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(found, ", ")
}

// TestRenamedBelow: the UIDs of what is below a folder survive its renaming, and so do open handles on what is below a
// directory that moves out of a mailbox's way.
func TestRenamedBelow(t *testing.T) {
	s, _ := newSpool(t)
	ctx := context.Background()
	shape(t, s, "create a/b")
	m := open(t, s, "u", "a/b")
	if _, err := m.Append(ctx, []mail.Delivery{{Body: []byte("Subject: one\n\n"), Keywords: []string{"k"}}}); err != nil {
		t.Fatal(err)
	}
	shape(t, s, "create a") // a becomes a.d
	if _, err := m.Append(ctx, []mail.Delivery{{Body: []byte("Subject: two\n\n")}}); err != nil {
		t.Fatal(err)
	}
	before, err := m.Look(ctx)
	if err != nil || len(before.Messages) != 2 {
		t.Fatalf("%+v, %v", before, err)
	}
	shape(t, s, "rename a z")
	if diff := cmp.Diff(before, open(t, s, "u", "z/b").Snapshot()); diff != "" {
		t.Error(diff)
	}
}

// TestVanished: what was expunged, by us or by others, is told with its mod-sequence, also by the next process.
func TestVanished(t *testing.T) {
	s, dir := newSpool(t)
	three(t, s, dir)
	m := open(t, s, "u", "")
	ctx := context.Background()
	since := m.Snapshot().ModSeq
	if _, err := m.Expunge(ctx, []uint32{2}); err != nil {
		t.Fatal(err)
	}
	first := m.Snapshot()
	if diff := cmp.Diff([]mail.Vanished{{UID: 2, ModSeq: first.ModSeq}}, first.Vanished); diff != "" || first.ModSeq <= since || first.Since > since {
		t.Fatalf("%+v %s", first, diff)
	}
	if err := errors.Join(m.Close(), os.Truncate(filepath.Join(dir, "spool", "u"), 0)); err != nil {
		t.Fatal(err)
	}
	after := open(t, s, "u", "").Snapshot()
	want := []mail.Vanished{{UID: 2, ModSeq: first.ModSeq}, {UID: 1, ModSeq: after.ModSeq}, {UID: 3, ModSeq: after.ModSeq}}
	if diff := cmp.Diff(want, after.Vanished); diff != "" || after.ModSeq <= first.ModSeq {
		t.Errorf("%+v %s", after, diff)
	}
}

// TestVanishedIsBounded: what is forgotten is said to be.
func TestVanishedIsBounded(t *testing.T) {
	p := picture{since: 1, modseq: 1}
	for uid := range uint32(3 * maxGone) {
		p.vanish(mail.Vanished{UID: uid + 1, ModSeq: uint64(uid) + 2})
	}
	if n := len(p.gone); n > maxGone || p.gone[0].ModSeq != p.since+1 || p.gone[n-1].UID != 3*maxGone {
		t.Errorf("%d left, from %+v on, complete since %d", n, p.gone[0], p.since)
	}
}
