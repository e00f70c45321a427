package grading

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLinesOfAnEpoch: evidence from the log begins where the epoch did, also when that is in mail.log.1 by now.
func TestLinesOfAnEpoch(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mail.log")
	for _, test := range []struct {
		from         int64
		before, text string
		want         string
	}{
		{0, "", "one\ntwo\n", "one two"}, {4, "", "one\ntwo\n", "two"}, {8, "", "one\ntwo\n", ""}, {9, "", "one\ntwo\n", "one two"},
		{-4, "one\ntwo\n", "three\n", "two three"}, {-8, "one\ntwo\n", "three\n", "one two three"}, {-9, "one\ntwo\n", "", "one two"},
		{0, "one\n", "two\nthr", "two"},
	} {
		for name, text := range map[string]string{file: test.text, file + ".1": test.before} {
			if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		r := logReader{path: file, start: test.from}
		if got := next(t, &r); got != test.want {
			t.Errorf("from %d: %q, want %q", test.from, got, test.want)
		}
		r.close()
	}
}

func next(t *testing.T, r *logReader) string {
	t.Helper()
	var lines []string
	if err := r.read(func(line string) { lines = append(lines, line) }); err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, " ")
}

// TestLogIsReadOnce: each line comes once, whatever is done to the file meanwhile; a long one is cut.
func TestLogIsReadOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mail.log")
	write := func(text string) {
		t.Helper()
		f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	r := &logReader{path: file}
	t.Cleanup(func() { r.close() })
	for i, step := range []struct {
		do   func() error
		want string
	}{
		{func() error { return nil }, ""}, // it is not there yet
		{func() error { write("one\ntw"); return nil }, "one"},
		{func() error { write("o\n"); return os.Rename(file, file+".1") }, "two"},
		{func() error { write("three\n"); return nil }, "three"},
		{func() error { return os.Truncate(file, 0) }, ""},
		{func() error { write("four\n" + strings.Repeat("x", 3*maxLine) + "\nfive\n"); return nil }, "four " + strings.Repeat("x", maxLine) + " five"},
		{func() error { write("six\n"); err := os.Rename(file, file+".1"); write("seven\n"); return err }, "six seven"},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if got := next(t, r); got != step.want {
			t.Errorf("step %d: %.60q, want %.60q", i, got, fmt.Sprint(step.want))
		}
	}
}
