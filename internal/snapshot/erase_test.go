package snapshot

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// class is a sandbox's stream of two students: alice has util1, zoe util2.
func class(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, e := range [][2]string{
		{"sandbox.json", `{"version":1,"seat":0,"accounts":["util1","util2"],"left_out":["util2: mail/x"]}`},
		{workEntry, `{"alice":[{"epoch":1,"answers":{"it":"mine"}}],"zoe":[{"epoch":1,"answers":{"it":"hers"}}]}`},
		{"accounts/util1/inbox", "From alice\n"}, {"accounts/util2/inbox", "From zoe\n"}, {"index/util2/INBOX.index", "zoe"}, {"queue/AB12", "to zoe"}, {"log/mail.log", "zoe"},
		{"recordings/alice/20260326T110905.123-1.cast", "his screen"}, {"recordings/zoe/20260326T110905.123-2.cast", "her screen, of zoe"},
	} {
		if err := w.WriteHeader(&tar.Header{Name: e[0], Typeflag: tar.TypeReg, Mode: 0o600, Size: int64(len(e[1])), Format: tar.FormatPAX}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestErase: what is a student's alone goes, of what is others', too, the student's part; what is left is whole, and has
// nothing of the student in it.
func TestErase(t *testing.T) {
	s := Store{Dir: t.TempDir()}
	for name, students := range map[string][]string{"hers": {"zoe"}, "both": {"alice", "zoe"}, "his": {"alice"}} {
		d, err := s.Begin(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Put(0, func(w io.Writer) error {
			_, err := Write(w, Manifest{Students: students}, bytes.NewReader(class(t)))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if err := d.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	if where, err := s.Mentions([]string{"zoe"}); err != nil || len(where) < 10 {
		t.Errorf("%v, %v", where, err)
	}
	if err := s.Erase("zoe", []string{"util2"}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(s.Dir, "hers")); !os.IsNotExist(err) {
		t.Error("an archive of hers alone is left", err)
	}
	f, err := s.Open("both", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := Verify(f)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, one := range m.Files {
		names = append(names, one.Name)
	}
	if diff := cmp.Diff([]string{"sandbox.json", workEntry, "accounts/util1/inbox", "recordings/alice/20260326T110905.123-1.cast"}, names); diff != "" {
		t.Error(diff)
	}
	own, err := s.Of("alice")
	if err != nil || len(own) != 2 {
		t.Fatal(own, err)
	}
	for _, a := range own {
		if where, err := a.mentions([]string{"zoe", "util2"}); a.Snapshot == "both" && len(where) > 0 || err != nil {
			t.Errorf("%v, %v", where, err)
		}
	}
}
