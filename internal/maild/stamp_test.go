package maild

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// TestStamp: it is another one when anything was changed that a snapshot has, and the same while nothing is.
func TestStamp(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(t.TempDir(), "mail.log")
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	last := stampOf(dir, log)
	for _, change := range []func(){
		func() { write(filepath.Join(dir, "queue", "A1"), "x") },
		func() { write(filepath.Join(dir, "queue", "A1"), "xy") },
		func() { write(log, "a line") },
		func() { _ = os.Remove(filepath.Join(dir, "queue", "A1")) },
	} {
		change()
		now := stampOf(dir, log)
		if now == last || now != stampOf(dir, log) {
			t.Errorf("%x, then %x, then %x", last, now, stampOf(dir, log))
		}
		last = now
	}
	write(filepath.Join(dir, "stage", "x"), "under way")
	write(filepath.Join(dir, "copies", "h", "x"), "a page's")
	if now := stampOf(dir, log); now != last {
		t.Error("what no snapshot has counts")
	}
}

// BenchmarkStamp looks at a state directory as a lesson leaves it: what an idle sandbox costs, once an interval.
func BenchmarkStamp(b *testing.B) {
	dir := b.TempDir()
	for i := range 300 {
		if err := os.WriteFile(filepath.Join(dir, strconv.Itoa(i)), []byte("a dialogue"), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		stampOf(dir, filepath.Join(dir, "none"))
	}
}
