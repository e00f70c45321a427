//go:build linux

package sandbox

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWithPassword(t *testing.T) {
	spec := `{"version":1,"future":{"x":[1,2]},"accounts":[{"name":"a","passwordHash":"$old","shell":"x"},{"name":"b","passwordHash":"$b"}]}`
	got, err := withPassword([]byte(spec), "a", "$new")
	if err != nil {
		t.Fatal(err)
	}
	var have, want any
	if err := json.Unmarshal(got, &have); err != nil {
		t.Fatal(err)
	}
	_ = json.Unmarshal([]byte(`{"version":1,"future":{"x":[1,2]},"accounts":[{"name":"a","passwordHash":"$new","shell":"x"},{"name":"b","passwordHash":"$b"}]}`), &want)
	if diff := cmp.Diff(want, have); diff != "" {
		t.Error(diff)
	}
	for _, broken := range []string{"", "[]", `{"accounts":3}`, spec} {
		if _, err := withPassword([]byte(broken), "nobody", "$new"); err == nil {
			t.Errorf("%q: nobody has a password now", broken)
		}
	}
}

// TestChosenPassword: what a student chose in one sandbox is in force in another with the same spec, where nothing else was chosen or
// given since.
func TestChosenPassword(t *testing.T) {
	here := withShadow(t, "$given", "")
	if chosen, err := here.Chosen("util1"); chosen != "" || err != nil {
		t.Fatalf("nothing was chosen: %q, %v", chosen, err)
	}
	chosen, err := withShadow(t, "$given", "$own").Chosen("util1")
	if err != nil || chosen != "$given $own" {
		t.Fatalf("%q, %v", chosen, err)
	}
	for _, c := range []struct{ given, own, chosen, want string }{
		{"$given", "", chosen, "$own"},
		{"$given", "$later", chosen, "$later"},
		{"$another", "", chosen, "$another"}, // by the teacher, meanwhile
	} {
		s := withShadow(t, c.given, c.own)
		if err := s.Choose("util1", c.chosen); err != nil {
			t.Errorf("%v: %v", c, err)
		}
		if got := hashOf(t, s); got != c.want {
			t.Errorf("%v: %q is in force", c, got)
		}
		again, err := s.Chosen("util1")
		if want := c.given + " " + c.want; err != nil || c.want != c.given && again != want {
			t.Errorf("%v: the next copy has %q, %v", c, again, err)
		}
	}
	for _, hostile := range []string{"$given", "$given ", "$given x:0:0\nroot", "$given a b", ""} {
		s := withShadow(t, "$given", "")
		if err := s.Choose("util1", hostile); err == nil || hashOf(t, s) != "$given" {
			t.Errorf("%q: %v, %q is in force", hostile, err, hashOf(t, s))
		}
	}
	if err := here.Choose("nobody", chosen); err == nil {
		t.Error("nobody has a password now")
	}
}

// withShadow is a sandbox with one account, which has been given a password, and has chosen one if own is not "".
func withShadow(t *testing.T, given, own string) *Supervisor {
	t.Helper()
	dir := t.TempDir()
	a := account{name: "util1", hash: given, uid: 150001}
	line := shadowLine(a.name, given, 1)
	if own != "" {
		line = shadowLine(a.name, own, 1)
	}
	for name, text := range map[string]string{
		"passwd": "root:x:0:0:root:/root:/bin/bash\nutil1:x:150001:150001::/home/util1:/bin/bash\n", "group": "root:x:0:\nutil1:x:150001:\n", "shadow": "root:*:1:::::\n" + line + "\n",
	} {
		if err := os.MkdirAll(filepath.Join(dir, "etc"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "etc", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return &Supervisor{
		system: system{root: dir, shadowGID: -1}, state: state{accounts: map[string]account{a.name: a}},
		shadow: shadowSaver{shadow: filepath.Join(dir, "etc", "shadow"), saved: filepath.Join(dir, "saved"), accounts: []account{a}},
	}
}

func hashOf(t *testing.T, s *Supervisor) string {
	t.Helper()
	text, err := os.ReadFile(s.shadow.shadow)
	if err != nil || !strings.HasPrefix(string(text), "root:*:") {
		t.Fatalf("%q, %v", text, err)
	}
	return field(parseTable(text).find("util1"), 1)
}
