package sandbox

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/spec"
)

func named(names ...string) *spec.Sandbox {
	s := &spec.Sandbox{}
	for _, name := range names {
		s.Accounts = append(s.Accounts, spec.Account{Name: name})
	}
	return s
}

// TestNumbers: who leaves moves nobody, who comes takes nobody's place, and who comes back has the old one.
func TestNumbers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "numbers")
	for _, step := range []struct {
		accounts string
		want     string
	}{
		{"zoe lea ho", "zoe 150001, lea 150002, ho 150003"},
		{"zoe ho ali", "zoe 150001, ho 150003, ali 150004"},
		{"bea ali zoe", "bea 150005, ali 150004, zoe 150001"},
		{"lea zoe", "lea 150002, zoe 150001"},
	} {
		s := named(strings.Fields(step.accounts)...)
		n, err := keepNumbers(path, s)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, a := range accountsOf(s, 150000, n) {
			got = append(got, fmt.Sprintf("%s %d", a.name, a.uid))
		}
		if diff := cmp.Diff(step.want, strings.Join(got, ", ")); diff != "" {
			t.Errorf("%s: %s", step.accounts, diff)
		}
	}
}

// TestNoNumberLeft: the range's end is told, and a neighbour's uid is not taken.
func TestNoNumberLeft(t *testing.T) {
	had := numbers{}
	for i := 1; i < uidRange; i++ {
		had[fmt.Sprint("gone", i)] = i
	}
	if _, err := had.with(named("late")); err == nil || !strings.Contains(err.Error(), "account late: all 999 uids") {
		t.Error(err)
	}
	if _, err := had.with(named("gone7")); err != nil {
		t.Error(err)
	}
	if _, err := parseNumbers([]byte("{")); err == nil {
		t.Error("half a file is taken")
	}
}
