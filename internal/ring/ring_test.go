package ring

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// line is a record of the tests': key, part, owner, when, and what fills it.
func line(r Record, fill int) []byte {
	return fmt.Appendf(nil, "%s %d %s %d %s\n", r.Key, r.Part, r.Owner, r.At.Unix(), strings.Repeat("x", fill))
}

func split(text []byte) (Record, int) {
	one, _, whole := bytes.Cut(text, []byte{'\n'})
	var r Record
	var at int64
	var fill string
	if _, err := fmt.Sscan(string(one), &r.Key, &r.Part, &r.Owner, &at, &fill); err != nil || !whole {
		return Record{}, min(len(one)+1, len(text))
	}
	r.At = time.Unix(at, 0)
	return r, len(one) + 1
}

func open(t *testing.T, dir string, octets int64, count int) *Ring {
	t.Helper()
	r, err := Open(Config{Dir: dir, Suffix: ".x", Octets: octets, Count: count, Split: split})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func onDisk(t *testing.T, dir string) (octets int64) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		octets += info.Size()
	}
	return octets
}

// TestModel: whatever comes, in whatever order, what the ring says it has is there, whole and in order, within the bounds;
// and so it is after it was opened again.
func TestModel(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const octets, count = 32 << 10, 60
	for range 4 {
		dir := t.TempDir()
		reopen := func(gone map[string]bool) *Ring {
			r := open(t, dir, octets, count)
			r.cfg.Lost = func(key string) { gone[key] = true }
			return r
		}
		gone := map[string]bool{}
		r := reopen(gone)
		want, owners, keys := map[string][][]byte{}, map[string]string{}, map[int]string{}
		for n := range 3000 {
			name := random.IntN(200)
			if gone[keys[name]] || !r.Has(keys[name]) { // it went: another one comes
				keys[name] = fmt.Sprint("k", n)
				owners[keys[name]] = fmt.Sprintf("o%d/p%d", random.IntN(3), random.IntN(3))
			}
			key := keys[name]
			if random.IntN(10) == 0 {
				owners[key] = "moved/p"
			}
			record := Record{Key: key, Owner: owners[key], At: time.Unix(int64(n), 0), Part: len(want[key])}
			text := line(record, 1+random.IntN(200))
			if err := r.Put(record, text); err != nil {
				t.Fatal(err)
			}
			want[key] = append(want[key], text)
			switch random.IntN(400) {
			case 0:
				if err := r.Close(); err != nil {
					t.Fatal(err)
				}
				r = reopen(gone)
				for key := range want { // that was shut out while it was opened
					gone[key] = gone[key] || !r.Has(key)
				}
			case 1:
				for key, all := range want {
					if gone[key] { // what is left of it in files may be found again by the next run
						continue
					}
					if got, err := r.Get(key); err != nil || r.Has(key) && cmp.Diff(all, got) != "" || !r.Has(key) && len(got) > 0 {
						t.Fatalf("%s: %q, %v; want %q", key, got, err, all)
					}
				}
				if len(r.things) > count || onDisk(t, dir) != r.Size() || r.Size() > octets {
					t.Fatalf("%d things, %d octets, counted %d", len(r.things), onDisk(t, dir), r.Size())
				}
			}
		}
	}
}

// TestShares: who has most loses his oldest, at each level; guests weigh more; who comes last is not the one to go.
func TestShares(t *testing.T) {
	r := open(t, t.TempDir(), 1<<20, 10)
	put := func(owner, key string) {
		t.Helper()
		if err := r.Put(Record{Key: key, Owner: owner, At: time.Unix(int64(r.came), 0)}, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 8 {
		put("a/x", fmt.Sprint("x", i))
	}
	put("a/y", "y0")
	put(Guests+"/p", "g0") // ten
	put(Guests+"/p", "g1") // eight of nine of a's are x's
	put(Guests+"/p", "g2") // and two of guests' weigh as much as eight
	var left []string
	for _, key := range []string{"x0", "x1", "x2", "x7", "y0", "g0", "g1", "g2"} {
		if r.Has(key) {
			left = append(left, key)
		}
	}
	if diff := cmp.Diff([]string{"x1", "x2", "x7", "y0", "g1", "g2"}, left); diff != "" {
		t.Error(diff)
	}
}

// TestWriteFails: what could not be written is left out, and what comes later is kept, in another file.
func TestWriteFails(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir, 1<<20, 10)
	if err := r.Put(Record{Key: "a"}, []byte("a")); err != nil {
		t.Fatal(err)
	}
	r.out.Close() // writes fail from here
	if err := r.Put(Record{Key: "b"}, []byte("b")); err != nil {
		t.Fatal(err)
	}
	if err := r.Flush(); err == nil {
		t.Error("a write that fails is not told of")
	}
	if err := r.Put(Record{Key: "b", Part: 1}, []byte("c")); err != nil {
		t.Fatal(err)
	}
	if got, err := r.Get("b"); err != nil || len(got) != 1 || string(got[0]) != "c" {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := r.Get("a"); err != nil || len(got) != 0 {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := r.Get("none"); err != nil || got != nil || r.Has("none") {
		t.Errorf("%q, %v", got, err)
	}
}

// TestTwice: a kill between the copying of a file and its removal leaves records twice; they count once.
func TestTwice(t *testing.T) {
	dir := t.TempDir()
	text := append(line(Record{Key: "a", Owner: "o", At: time.Unix(1, 0)}, 5), line(Record{Key: "a", Owner: "o", At: time.Unix(2, 0), Part: 1}, 6)...)
	for _, name := range []string{"00000001.x", "00000003.x"} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"0000002.x", "note", "00000004.y"} { // none of ours
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := open(t, dir, 1<<20, 10)
	if got, err := r.Get("a"); err != nil || string(bytes.Join(got, nil)) != string(text) {
		t.Errorf("%q, %v", got, err)
	}
	if err := r.Put(Record{Key: "b"}, []byte("b")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "00000004.x")); err != nil {
		t.Error(err)
	}
	if err := r.Clear(); err != nil || r.Has("a") || r.Size() != 0 {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "00000001.x")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
