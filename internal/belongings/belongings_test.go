package belongings

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// tree is what is below a directory: path → mode, and content or target.
func tree(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		said := info.Mode().String()
		switch {
		case info.Mode().IsRegular():
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			said += " " + info.ModTime().UTC().Format(time.RFC3339Nano) + " " + string(text)
		case info.Mode()&fs.ModeSymlink != 0:
			target, _ := os.Readlink(path)
			said += " → " + target
		}
		rel, _ := filepath.Rel(dir, path)
		all[filepath.ToSlash(rel)] = said
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func put(t testing.TB, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// student makes an account with a bit of everything.
func student(t testing.TB) (Plain, string) {
	t.Helper()
	p := Plain{Dir: t.TempDir()}
	home := filepath.Join(p.Dir, "home", "u")
	put(t, filepath.Join(p.Dir, "spool", "u"), "From x\nold\n\n", 0o660)
	put(t, filepath.Join(home, ".profile"), "p\n", 0o644)
	put(t, filepath.Join(home, "bin/run"), "#!/bin/sh\n", 0o750)
	put(t, filepath.Join(home, "mail/Sent"), "From y\n\n", 0o600)
	put(t, filepath.Join(home, "mbox"), "From z\n\n", 0o600)
	put(t, filepath.Join(home, "with blanks, é and \n"), "odd\n", 0o600)
	for link, target := range map[string]string{"out": "/etc/passwd", "up": "../../..", "loop": "loop"} {
		if err := os.Symlink(target, filepath.Join(home, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(home, "empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	return p, home
}

func saved(t testing.TB, p Plain, scope Scope) *os.File {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if leftOut, err := p.Save(t.Context(), "u", scope, 0, f); err != nil || len(leftOut) > 0 {
		t.Fatal(leftOut, err)
	}
	return f
}

// TestThereAndBack: what was saved comes back as it was, whatever stands in its place by then.
func TestThereAndBack(t *testing.T) {
	p, home := student(t)
	before := tree(t, p.Dir)
	archive := saved(t, p, All)
	if err := os.RemoveAll(filepath.Join(home, "bin")); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(home, "new/deep/file"), "new", 0o600)
	put(t, filepath.Join(home, "bin"), "a file now", 0o600)
	if err := os.Chmod(filepath.Join(home, "new/deep"), 0); err != nil {
		t.Fatal(err)
	}
	old, err := os.Open(filepath.Join(p.Dir, "spool", "u"))
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	if err := p.Prepare(t.Context(), []string{"u"}, All, archive); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Commit(t.Context(), []string{"u"}, All); err != nil {
		t.Fatal(err)
	}
	if err := p.Abort(t.Context(), []string{"u"}); err != nil {
		t.Fatal(err)
	}
	after := tree(t, p.Dir)
	delete(before, "spool/u") // its time is when it was put in place
	delete(after, "spool/u")
	if diff := cmp.Diff(before, after); diff != "" {
		t.Error(diff)
	}
	fresh, err := os.Stat(filepath.Join(p.Dir, "spool", "u"))
	if err != nil {
		t.Fatal(err)
	}
	if info, _ := old.Stat(); os.SameFile(info, fresh) {
		t.Error("the mailbox is the same file: whoever has it open writes into the new one")
	}
	if fresh.Mode().Perm() != 0o660 {
		t.Errorf("mode %v", fresh.Mode())
	}
}

// TestWhatIsReplacedWaits: old things are out of the way at once, and gone when nobody waits for it any more.
func TestWhatIsReplacedWaits(t *testing.T) {
	p, home := student(t)
	locked := filepath.Join(home, "mail")
	if err := p.Prepare(t.Context(), []string{"u"}, Mail, saved(t, p, Home)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(locked, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Commit(t.Context(), []string{"u"}, Mail); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(locked); err == nil {
		t.Error("what was replaced is still in its place")
	}
	if err := p.Abort(t.Context(), []string{"u"}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(filepath.Join(home, replaced)); err == nil {
		t.Error("what was replaced is still there")
	}
}

// TestAbortLeavesNothing: what was prepared and not wanted is gone, what was there is as it was.
func TestAbortLeavesNothing(t *testing.T) {
	p, _ := student(t)
	archive := saved(t, p, All)
	before := tree(t, p.Dir)
	if err := p.Prepare(t.Context(), []string{"u"}, All, archive); err != nil {
		t.Fatal(err)
	}
	if err := p.Abort(t.Context(), []string{"u"}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, tree(t, p.Dir)); diff != "" {
		t.Error(diff)
	}
}

// entries makes an archive by hand.
func entries(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, h := range headers {
		h.Mode, h.Format = 0o600, tar.FormatPAX
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(make([]byte, h.Size)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func hostileArchives(t testing.TB) map[string][]byte {
	file := func(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeReg} }
	return map[string][]byte{
		"above":          entries(t, file("home/../x")),
		"absolute":       entries(t, file("/etc/passwd")),
		"the home":       entries(t, tar.Header{Name: "home/", Typeflag: tar.TypeDir}),
		"elsewhere":      entries(t, file("spool/x")),
		"through a link": entries(t, tar.Header{Name: "home/l", Typeflag: tar.TypeSymlink, Linkname: "/etc"}, file("home/l/passwd")),
		"over a link":    entries(t, tar.Header{Name: "home/l", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}, file("home/l")),
		"twice":          entries(t, file("home/x"), file("home/x")),
		"a device":       entries(t, tar.Header{Name: "home/d", Typeflag: tar.TypeChar}),
		"a FIFO":         entries(t, tar.Header{Name: "home/f", Typeflag: tar.TypeFifo}),
		"a hard link":    entries(t, tar.Header{Name: "home/h", Typeflag: tar.TypeLink, Linkname: "home/x"}),
		"two inboxes":    entries(t, file("inbox"), file("inbox")),
		"an inbox dir":   entries(t, tar.Header{Name: "inbox", Typeflag: tar.TypeDir}),
		"our own aside":  entries(t, file("home/"+aside+"/x")),
		"too deep":       entries(t, file("home/"+strings.Repeat("d/", maxDepth)+"x")),
		"too long":       entries(t, file("home/"+strings.Repeat("n", maxName+1))),
		"too big a hole": entries(t, tar.Header{Name: "home/s", Typeflag: tar.TypeReg, PAXRecords: map[string]string{paxSize: "99999999999999", paxData: ""}}),
		"data outside":   entries(t, tar.Header{Name: "home/s", Typeflag: tar.TypeReg, Size: 4, PAXRecords: map[string]string{paxSize: "5", paxData: "2+4"}}),
		"no tar":         []byte(strings.Repeat("no tar ", 200)),
		"cut short":      entries(t, tar.Header{Name: "inbox", Typeflag: tar.TypeReg, Size: 3000})[:2000],
	}
}

// TestHostileArchivesTouchNothing: each is refused, before anything is touched.
func TestHostileArchivesTouchNothing(t *testing.T) {
	for name, archive := range hostileArchives(t) {
		t.Run(name, func(t *testing.T) {
			p, _ := student(t)
			before := tree(t, p.Dir)
			if err := CheckAll(bytes.NewReader(archive)); err == nil {
				t.Error("it is found good")
			}
			f := filepath.Join(t.TempDir(), "a")
			put(t, f, string(archive), 0o600)
			from, err := os.Open(f)
			if err != nil {
				t.Fatal(err)
			}
			defer from.Close()
			if err := p.Prepare(t.Context(), []string{"u"}, All, from); err == nil {
				t.Error("it is prepared")
			}
			if err := p.Abort(t.Context(), []string{"u"}); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(before, tree(t, p.Dir)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// FuzzPrepare: whatever an archive says, nothing is written outside of the home and the account's own mailbox, and what
// CheckAll accepts is what Prepare does.
func FuzzPrepare(f *testing.F) {
	for _, archive := range hostileArchives(f) {
		f.Add(archive)
	}
	f.Add(entries(f, tar.Header{Name: "inbox", Typeflag: tar.TypeReg, Size: 3}, tar.Header{Name: "home/d/", Typeflag: tar.TypeDir},
		tar.Header{Name: "home/d/x", Typeflag: tar.TypeReg, Size: 1}))
	f.Fuzz(func(t *testing.T, archive []byte) {
		p := Plain{Dir: t.TempDir()}
		if err := os.MkdirAll(filepath.Join(p.Dir, "home", "u"), 0o700); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "a")
		put(t, file, string(archive), 0o600)
		from, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer from.Close()
		err = p.Prepare(context.Background(), []string{"u"}, All, from)
		if bad := CheckAll(bytes.NewReader(archive)); bad != nil && err == nil {
			t.Errorf("prepared, though %v", bad)
		}
		for path := range tree(t, p.Dir) {
			top := strings.Split(path, "/")
			inHome := path == "home" || path == "home/u" || len(top) > 2 && top[0] == "home" && top[1] == "u" && top[2] == aside
			if !inHome && path != "spool" && path != "spool/.u.new" {
				t.Errorf("wrote %s", path)
			}
		}
	})
}

// TestSavingSkips: what cannot be kept does not keep the rest from being kept.
func TestSavingSkips(t *testing.T) {
	p, home := student(t)
	deep := filepath.Join(home, strings.Repeat("d/", maxDepth+3))
	if err := os.MkdirAll(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	root, err := os.OpenRoot(home)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	w := tar.NewWriter(&out)
	leftOut, err := SaveHome(t.Context(), w, root, All)
	if err := errors.Join(err, w.Close()); err != nil || len(leftOut) != 1 {
		t.Errorf("left out %q, %v", leftOut, err)
	}
	if err := CheckAll(&out); err != nil {
		t.Errorf("what was saved is refused: %v", err)
	}
	if _, err := p.Save(t.Context(), "../u", All, 0, nil); !errors.Is(err, ErrHostile) {
		t.Errorf("an account that leads elsewhere: %v", err)
	}
}

func TestScopes(t *testing.T) {
	if s, err := ParseScope(""); s != Mail || err != nil {
		t.Error(s, err)
	}
	if _, err := ParseScope("everything"); err == nil {
		t.Error("a scope that there is not")
	}
	for _, tt := range []struct {
		scope Scope
		name  string
		want  bool
	}{{Mail, "mbox", true}, {Mail, "mail", true}, {Mail, ".forward", false}, {Home, "mbox", false}, {Home, ".forward", true}, {All, "mail", true}, {All, aside, false}} {
		if got := tt.scope.covers(tt.name); got != tt.want {
			t.Errorf("%s covers %s: %v", tt.scope, tt.name, got)
		}
	}
}
