package snapshot

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

// stream is a sandbox's, as package maild writes it.
func stream(t testing.TB, boxes map[string]string, more ...tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	add := func(h tar.Header, text string) {
		h.Size, h.Format = int64(len(text)), tar.FormatPAX
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
	}
	add(tar.Header{Name: "sandbox.json", Mode: 0o600}, `{"version":1}`)
	if text, ok := boxes[workEntry]; ok {
		add(tar.Header{Name: workEntry, Mode: 0o600}, text)
	}
	for _, name := range []string{"inbox", "home/mbox", "home/mail/Archives"} {
		if text, ok := boxes[name]; ok {
			add(tar.Header{Name: "accounts/util1/" + name, Mode: 0o600}, text)
		}
	}
	for _, h := range more {
		add(h, "")
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func about() Manifest {
	return Manifest{Lab: "l", Instance: "i", Seat: 3, Students: []string{"alice"}, Time: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}
}

func archive(t testing.TB, stream []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	if _, err := Write(&out, about(), bytes.NewReader(stream)); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestThereAndBack: what was archived streams out again as it was.
func TestThereAndBack(t *testing.T) {
	in := stream(t, map[string]string{"inbox": "From a\n\nx\n\n"},
		tar.Header{Name: "accounts/util1/home/d/", Typeflag: tar.TypeDir, Mode: 0o700},
		tar.Header{Name: "accounts/util1/home/d/l", Typeflag: tar.TypeSymlink, Linkname: "../x", Mode: 0o777})
	packed := archive(t, in)
	m, err := Verify(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	if m.Seat != 3 || len(m.Files) != 4 || m.Files[1].SHA256 == "" {
		t.Errorf("manifest %+v", m)
	}
	var out bytes.Buffer
	if err := Stream(&out, bytes.NewReader(packed)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(in, out.Bytes()) {
		t.Error("not the stream that it was made from")
	}
}

// TestDamage: cut anywhere, or with any bit of what is packed changed, an archive is refused.
func TestDamage(t *testing.T) {
	packed := archive(t, stream(t, map[string]string{"inbox": "From a\n\nhello\n\n"}))
	for cut := range len(packed) {
		if _, err := Verify(bytes.NewReader(packed[:cut])); err == nil {
			t.Fatalf("cut at %d of %d it is good", cut, len(packed))
		}
	}
	plain := unpacked(t, packed)
	for _, change := range []struct{ from, to string }{
		{"hello", "hallo"}, {"accounts/util1/inbox\x00", "accounts/util2/inbox\x00"}, {`"seat":3`, `"seat":x`}, {`"version":1,"lab"`, `"version":9,"lab"`},
		{"accounts/util1/inbox\x00\x00\x00", "accounts/util1/../x\x00\x00\x00"},
	} {
		if !bytes.Contains(plain, []byte(change.from)) {
			t.Fatalf("nothing says %q", change.from)
		}
		bad := fixed(bytes.Replace(plain, []byte(change.from), []byte(change.to), 1))
		if _, err := Verify(bytes.NewReader(pack(t, bad))); err == nil {
			t.Errorf("with %q for %q it is good", change.to, change.from)
		}
	}
	for name, extra := range map[string][]byte{
		"without a manifest": stream(t, nil),
		"of another kind":    []byte("hello"),
		"nothing":            nil,
	} {
		if _, err := Verify(bytes.NewReader(pack(t, extra))); err == nil {
			t.Errorf("an archive %s is good", name)
		}
	}
	if _, err := Write(io.Discard, about(), io.MultiReader(bytes.NewReader(stream(t, nil)[:700]), broken{})); err == nil {
		t.Error("a stream that was cut is archived")
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func unpacked(t testing.TB, packed []byte) []byte {
	t.Helper()
	in, err := zstd.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	text, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func pack(t testing.TB, text []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := zstd.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// fixed puts the header checksums of a tar right, so that it is the content that is judged.
func fixed(text []byte) []byte {
	for at := 0; at+512 <= len(text); at += 512 {
		block := text[at : at+512]
		if string(block[257:262]) != "ustar" {
			continue
		}
		copy(block[148:156], "        ")
		sum := 0
		for _, b := range block {
			sum += int(b)
		}
		copy(block[148:156], fmt.Sprintf("%06o\x00 ", sum))
	}
	return text
}

// FuzzUnpack: neither is one that is not even packed as it should be.
func FuzzUnpack(f *testing.F) {
	f.Add(archive(f, stream(f, nil)))
	f.Add([]byte("(\xb5/\xfd"))
	f.Fuzz(func(t *testing.T, packed []byte) { _, _ = Verify(bytes.NewReader(packed)) })
}

// FuzzVerify: an archive from a stranger is refused or good; it never breaks the program.
func FuzzVerify(f *testing.F) {
	f.Add(unpacked(f, archive(f, stream(f, map[string]string{"inbox": "From a\n\nhello\n\n"}))))
	f.Add(stream(f, nil))
	f.Fuzz(func(t *testing.T, plain []byte) {
		m, err := verify(bytes.NewReader(plain))
		if err != nil {
			return
		}
		for _, file := range m.Files {
			if !fs.ValidPath(strings.TrimSuffix(file.Name, "/")) {
				t.Errorf("%q is good", file.Name)
			}
		}
		if _, err := ContentOf(bytes.NewReader(plain)); err != nil {
			t.Errorf("verified, and not to be read: %v", err)
		}
	})
}

// FuzzMessages: what students make of their mailboxes is listed without harm, and a terminal is not moved by it.
func FuzzMessages(f *testing.F) {
	f.Add("From a@b  Thu Jan  1 00:00:00 1970\nSubject: =?utf-8?q?=1b[2J?=\nStatus: RO\n\nx\n\nFrom c\n\n")
	f.Fuzz(func(t *testing.T, box string) {
		found, err := messagesIn(strings.NewReader(box))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range found {
			if strings.ContainsAny(m.Subject+m.From, "\x1b\r\n\x07") {
				t.Errorf("%q", m.Subject+m.From)
			}
		}
	})
}

// TestDiff: read messages are the same messages, copies are counted, and what was moved is lost here and gained there.
func TestDiff(t *testing.T) {
	one := func(subject, status string) string {
		return "From a@b  Thu Jan  1 00:00:00 1970\nFrom: A <a@b>\nSubject: " + subject + "\n" + status + "\nbody of " + subject + "\n\n"
	}
	before, err := ContentOf(bytes.NewReader(stream(t, map[string]string{"inbox": one("kept", "") + one("gone", "") + one("moved", "")})))
	if err != nil {
		t.Fatal(err)
	}
	after, err := ContentOf(bytes.NewReader(stream(t, map[string]string{
		"inbox":              one("kept", "Status: RO\nX-UID: 7\n") + one("kept", "") + one("=?utf-8?q?n=C3=A9?=", ""),
		"home/mbox":          one("moved", "Status: RO\n"),
		"home/mail/Archives": "no message at all",
	})))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range Diff(before.Messages, after.Messages) {
		got = append(got, strings.Join([]string{c.Kind, c.Account, c.Box, c.From, c.Subject}, "|"))
	}
	want := []string{
		"gained|util1|INBOX|A <a@b>|kept", "gained|util1|INBOX|A <a@b>|né",
		"lost|util1|INBOX|A <a@b>|gone", "lost|util1|INBOX|A <a@b>|moved",
		"gained|util1|~/mbox|A <a@b>|moved",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func saveIn(s Store, name string, packed []byte) error {
	d, err := s.Begin(name)
	if err != nil {
		return err
	}
	defer d.Abort()
	for seat := range 3 {
		if err := d.Put(seat, func(w io.Writer) error { _, err := w.Write(packed); return err }); err != nil {
			return err
		}
	}
	return d.Commit()
}

// TestStore: names are taken once, what fails leaves nothing, and what is exported comes in again.
func TestStore(t *testing.T) {
	s := Store{Dir: filepath.Join(t.TempDir(), "snapshots")}
	if all, err := s.List(); err != nil || len(all) != 0 {
		t.Fatal(all, err)
	}
	packed := archive(t, stream(t, map[string]string{"inbox": "From a\n\n"}))
	if err := saveIn(s, "a", packed); err != nil {
		t.Fatal(err)
	}
	if err := saveIn(s, "a", packed); !errors.Is(err, ErrExists) {
		t.Errorf("a name twice: %v", err)
	}
	for _, name := range []string{"", "clean", "../x", ".x", "a/b", strings.Repeat("x", 65), "a\n", "x."} {
		if err := CheckName(name); err == nil {
			t.Errorf("%q is a name", name)
		}
	}
	d, err := s.Begin("b")
	if err != nil {
		t.Fatal(err)
	}
	full := errors.New("no space left on device")
	if err := d.Put(1, func(w io.Writer) error { _, _ = w.Write(packed[:9]); return full }); !errors.Is(err, full) {
		t.Error(err)
	}
	d.Abort()
	var exported bytes.Buffer
	if err := s.Export("a", &exported); err != nil {
		t.Fatal(err)
	}
	for name, in := range map[string][]byte{"whole": exported.Bytes(), "one": packed} {
		if _, err := s.Import(name, bytes.NewReader(in)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	bad := bytes.Clone(exported.Bytes())
	bad[bytes.Index(bad, packed)+len(packed)/2] ^= 1
	for name, in := range map[string][]byte{"bad": bad, "cut": exported.Bytes()[:len(exported.Bytes())/2], "none": nil, "text": []byte("hello")} {
		if _, err := s.Import(name, bytes.NewReader(in)); err == nil {
			t.Errorf("%s came in", name)
		}
	}
	if err := s.Remove("whole"); err != nil {
		t.Error(err)
	}
	var names []string
	all, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range all {
		names = append(names, fmt.Sprint(info.Name, info.Seats))
	}
	if diff := cmp.Diff([]string{"a[0 1 2]", "one[3]"}, names); diff != "" {
		t.Error(diff)
	}
	left, _ := os.ReadDir(s.Dir)
	if len(left) != 2 {
		t.Errorf("left behind: %v", left)
	}
}

// TestKilled: killed again and again while it saves, imports and removes, the snapshots that had their names are whole,
// and there is none that is not.
func TestKilled(t *testing.T) {
	if dir := os.Getenv("SNAPSHOT_KILLED"); dir != "" {
		keepSaving(Store{Dir: dir}, archive(t, stream(t, map[string]string{"inbox": strings.Repeat("From a\n\nx\n\n", 2000)})))
	}
	dir := filepath.Join(t.TempDir(), "snapshots")
	s := Store{Dir: dir}
	packed := archive(t, stream(t, map[string]string{"inbox": "From a\n\n"}))
	if err := saveIn(s, "first", packed); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for round := range 12 {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestKilled$")
		cmd.Env = append(os.Environ(), "SNAPSHOT_KILLED="+dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// Killed once something is under way: how far it is by then is chance.
		waitFor(t, "work under way", func() bool {
			left, _ := os.ReadDir(dir)
			left = slices.DeleteFunc(left, func(e os.DirEntry) bool { return strings.HasSuffix(e.Name(), lockSuffix) })
			return len(left) > 2+round%4
		})
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		all, err := s.List()
		if err != nil {
			t.Fatal(err)
		}
		for _, info := range all {
			seen++
			for _, seat := range info.Seats {
				if _, err := verifyFile(filepath.Join(dir, info.Name, fmt.Sprint(seat)+archiveSuffix)); err != nil {
					t.Errorf("%s, seat %d: %v", info.Name, seat, err)
				}
			}
			if len(info.Seats) != 3 {
				t.Errorf("%s has %v", info.Name, info.Seats)
			}
		}
		if _, err := s.Find("first"); err != nil {
			t.Fatal(err)
		}
	}
	if seen <= 12 {
		t.Error("nothing but the first was ever seen: the test proves nothing")
	}
}

func keepSaving(s Store, packed []byte) {
	for n := 0; ; n++ {
		name := fmt.Sprintf("s%d-%d", os.Getpid(), n)
		if err := saveIn(s, name, packed); err != nil {
			panic(err)
		}
		if n > 3 {
			_ = s.Remove(fmt.Sprintf("s%d-%d", os.Getpid(), n-3))
		}
	}
}

func waitFor(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never saw %s", what)
		}
	}
}
