package grading

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLinesOfAnEpoch: evidence from the log begins where the epoch did, also when that is in mail.log.1 by now.
func TestLinesOfAnEpoch(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mail.log")
	if err := os.WriteFile(file, []byte("one\ntwo\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		from int64
		want string
	}{{0, "one two"}, {4, "two"}, {8, ""}, {9, "one two"}, {-4, "two"}, {-8, "one two"}, {-9, "one two"}} {
		lines, err := linesOf(file, test.from)
		if got := strings.Join(lines, " "); err != nil || got != test.want {
			t.Errorf("from %d: %q, %v", test.from, got, err)
		}
	}
}
