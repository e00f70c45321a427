package auth

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/mail"
)

// Hashes that the system's own crypt(3) made of master2021.
const (
	hashSHA512 = "$6$abcdefgh$OymutM5ByGJqeUenHk8B1Cz9ldBSf7K9eQutlVMT8qmJpqqonY2Nnf5EZfkPChkD/I7mtEGEASn.6EP/XMf8N/"
	hashSHA256 = "$5$abcdefgh$B1OCrJ0KRMbxjWDvp5UO86QVJxqf/13I678J5MN8HPC"
	hashMD5    = "$1$abcdefgh$sHrwc5hyub3ElIyoyWVcu1"
	hashBcrypt = "$2b$05$abcdefghijklmnopqrstuuj40dOKXiwrLwiqij8knHzZQ2yHTtS6."
)

// writeShadow puts a new file in place, as passwd does.
func writeShadow(t *testing.T, path string, lines ...string) {
	t.Helper()
	if err := os.WriteFile(path+"+", []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+"+", path); err != nil {
		t.Fatal(err)
	}
}

func clock() time.Time { return time.Unix(20000*86400+1, 0) } // day 20000

func TestVerifyShadow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shadow")
	writeShadow(t, path,
		"root:*:19000:0:99999:7:::",
		"util1:"+hashSHA512+":19000:0:99999:7:::",
		"util2:"+hashSHA256+":19000:0:99999:7::20001:",
		"util3:"+hashMD5,
		"util4:"+hashBcrypt+":19000:0:99999:7:::",
		"locked:!"+hashSHA512+":19000:0:99999:7:::",
		"closed:"+hashSHA512+":19000:0:99999:7::20000:",
		"aged:"+hashSHA512+":19000:0:999:7:::",
		"mustchange:"+hashSHA512+":0:0:99999:7:::",
		"open::19000:0:99999:7:::",
		"garbled:$6$:19000:0:99999:7:::",
		"plain:master2021:19000:0:99999:7:::",
		"not a line", "",
		"util1:"+hashMD5+":19000:0:99999:7:::",
	)
	v := New(Config{Domains: []string{"tpmail.info.unicaen.fr"}, Now: clock}, NewShadow(path))
	for _, c := range []struct{ user, password, want string }{
		{"util1", "master2021", "util1"},
		{"util2", "master2021", "util2"},
		{"util3", "master2021", "util3"},
		{"util4", "master2021", "util4"},
		{"util1@tpmail.info.unicaen.fr", "master2021", "util1"},
		{"util1@TPMAIL.info.unicaen.fr", "master2021", "util1"},
		{"Util1", "master2021", "util1"},
		{"util1@example.com", "master2021", ""},
		{"util1@", "master2021", ""},
		{"@tpmail.info.unicaen.fr", "master2021", ""},
		{"util1", "master2022", ""},
		{"util1", "", ""},
		{"util1", strings.Repeat("x", 5000), ""},
		{"root", "*", ""},
		{"locked", "master2021", ""},
		{"closed", "master2021", ""},
		{"aged", "master2021", ""},
		{"mustchange", "master2021", ""},
		{"open", "", ""},
		{"open", "x", ""},
		{"garbled", "x", ""},
		{"plain", "master2021", ""},
		{"nobody", "master2021", ""},
		{"not a line", "master2021", ""},
		{"", "", ""},
	} {
		got, err := v.Verify(t.Context(), c.user, c.password, "127.0.0.1")
		if got != c.want || (c.want == "") != errors.Is(err, mail.ErrRejected) {
			t.Errorf("%s, %.20s: got %q, %v", c.user, c.password, got, err)
		}
	}
}

// counted makes v count what Verify costs: passwords checked.
func counted(v *Verifier) (checks func() int64) {
	var n atomic.Int64
	v.match = func(hash, password string) bool {
		n.Add(1)
		return matches(hash, password)
	}
	return n.Load
}

func TestChangesCountAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shadow")
	line := "util1:" + hashSHA512 + ":19000:0:99999:7::"
	v := New(Config{Now: clock}, NewShadow(path))
	checks := counted(v)
	verify := func(password string, want bool) {
		t.Helper()
		_, err := v.Verify(t.Context(), "util1", password, "p")
		if (err == nil) != want {
			t.Errorf("password %s: %v", password, err)
		}
	}
	writeShadow(t, path, line+":")
	verify("master2021", true)
	if n := checks(); n != 1 {
		t.Fatalf("%d checks", n)
	}
	for range 50 {
		verify("master2021", true)
	}
	if n := checks(); n != 1 {
		t.Errorf("a login that was right is checked again: %d checks", n)
	}
	verify("master2022", false)
	verify("master2021", true)
	if n := checks(); n != 2 {
		t.Errorf("a wrong password makes forget the right one: %d checks", n)
	}

	changed, err := Hash("master2022")
	if err != nil {
		t.Fatal(err)
	}
	writeShadow(t, path, "util1:"+changed+":20000:0:99999:7:::")
	verify("master2021", false)
	verify("master2022", true)

	writeShadow(t, path, "util1:!"+changed+":20000:0:99999:7:::") // usermod -L
	verify("master2022", false)
	writeShadow(t, path, "util1:"+changed+":20000:0:99999:7::19999:")
	verify("master2022", false)
	writeShadow(t, path, "util2:"+changed+":20000:0:99999:7:::") // userdel
	verify("master2022", false)
}

// TestUnknownCostsTheSame: what is refused costs one check, of a hash with the parameters that all hashes have.
func TestUnknownCostsTheSame(t *testing.T) {
	hash, err := Hash("master2021")
	if err != nil {
		t.Fatal(err)
	}
	v := New(Config{}, NewMemory(map[string]string{"util1": hash, "locked": "!" + hash}))
	checks := counted(v)
	for i, user := range []string{"util1", "nobody", "locked", "util1@elsewhere", ""} {
		if _, err := v.Verify(t.Context(), user, "wrong", "p"); !errors.Is(err, mail.ErrRejected) {
			t.Errorf("%s: %v", user, err)
		}
		if n := checks(); n != int64(i+1) {
			t.Errorf("%s: %d checks after %d logins", user, n, i+1)
		}
	}
	if a, b := hash[:len("$y$j9T$")], decoy[:len("$y$j9T$")]; a != b || len(hash) != len(decoy) {
		t.Errorf("the decoy %s is not like %s", decoy, hash)
	}
	if _, err := decode(decoy); err != nil {
		t.Error("the decoy is not checked at all:", err)
	}
}

func TestMissingShadow(t *testing.T) {
	v := New(Config{}, NewShadow(filepath.Join(t.TempDir(), "none")))
	_, err := v.Verify(t.Context(), "util1", "x", "p")
	if !errors.Is(err, os.ErrNotExist) || errors.Is(err, mail.ErrRejected) {
		t.Error(err)
	}
}

func TestMemory(t *testing.T) {
	m := NewMemory(map[string]string{"util1": hashSHA512})
	v := New(Config{}, m)
	verify := func(user, password string, want bool) {
		t.Helper()
		if _, err := v.Verify(t.Context(), user, password, "p"); (err == nil) != want {
			t.Errorf("%s %s: %v", user, password, err)
		}
	}
	verify("util1", "master2021", true)
	other, err := Hash("other")
	if err != nil {
		t.Fatal(err)
	}
	if !m.SetHash("util1", other) || m.SetHash("util9", other) {
		t.Error("SetHash knows the wrong accounts")
	}
	verify("util1", "master2021", false)
	verify("util1", "other", true)
	m.Replace(map[string]string{"util2": hashSHA512})
	verify("util1", "other", false)
	verify("util2", "master2021", true)
}

func TestFailuresAreSlow(t *testing.T) {
	now := time.Unix(1e9, 0)
	policy := NewThrottle(func() time.Time { return now })
	var slept []string
	v := New(Config{
		Policy: policy,
		Sleep:  func(_ context.Context, d time.Duration) { slept = append(slept, d.String()) },
	}, NewMemory(map[string]string{"util1": hashSHA512}))
	try := func(password, peer string) { _, _ = v.Verify(t.Context(), "util1", password, peer) }
	for range 5 {
		try("wrong", "a")
	}
	try("wrong", "b")
	try("master2021", "a") // not held back, and ends the row
	if n := policy.Failures("a"); n != 0 {
		t.Errorf("%d failures after a success", n)
	}
	try("wrong", "a")
	try("wrong", "a")
	if n := policy.Failures("a"); n != 2 {
		t.Errorf("%d failures", n)
	}
	now = now.Add(10 * time.Minute)
	try("wrong", "a")
	want := []string{"500ms", "1s", "2s", "4s", "5s", "500ms", "500ms", "1s", "500ms"}
	if diff := cmp.Diff(want, slept); diff != "" {
		t.Error(diff)
	}
	if n := len(policy.peers); n != 1 {
		t.Errorf("%d peers remembered, b is too old", n)
	}
}

// TestAtOnce: of a class that logs in at once to one account, one check is made.
func TestAtOnce(t *testing.T) {
	v := New(Config{Parallel: 1}, NewMemory(map[string]string{"util1": hashSHA512}))
	checks := counted(v)
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			if _, err := v.Verify(t.Context(), "util1", "master2021", fmt.Sprint(i%7)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := checks(); n != 1 {
		t.Errorf("%d checks", n)
	}
}
