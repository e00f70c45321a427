package maild

import (
	"bufio"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTailLines(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	long := strings.Repeat("x", 10_000) // more than a block
	for text, cases := range map[string]map[int]string{
		"":                         {-1: "", 0: "", 3: ""},
		"one\ntwo\nthree\n":        {-1: "one\ntwo\nthree\n", 0: "", 1: "three\n", 2: "two\nthree\n", 9: "one\ntwo\nthree\n"},
		"one\ntwo":                 {1: "two", 2: "one\ntwo"},
		"one\n" + long + "\ntwo\n": {1: "two\n", 2: long + "\ntwo\n", 3: "one\n" + long + "\ntwo\n"},
		"\n\n\n":                   {1: "\n", 2: "\n\n"},
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for lines, want := range cases {
			var got strings.Builder
			if err := tail(t.Context(), &got, file, lines, false); err != nil || got.String() != want {
				t.Errorf("last %d lines of %.40q: %.40q, %v; want %.40q", lines, text, got.String(), err, want)
			}
		}
	}
}

// A log that is not there yet is waited for; one that is rotated away is read to its end, then its successor.
func TestTailFollowsRotation(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan error)
	go func() { ended <- tail(ctx, w, file, -1, true) }()
	in := bufio.NewReader(r)
	expect := func(want string) {
		t.Helper()
		if got, err := in.ReadString('\n'); err != nil || got != want+"\n" {
			t.Fatalf("read %q, %v; want %q", got, err, want)
		}
	}
	write := func(line string) {
		t.Helper()
		f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := io.WriteString(f, line+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	write("first")
	expect("first")
	write("second")
	if err := os.Rename(file, file+".1"); err != nil {
		t.Fatal(err)
	}
	write("third")
	expect("second")
	expect("third")
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
