package auth

import (
	"os/exec"
	"strings"
	"testing"
)

// TestHashIsDebians: the system's own crypt(3) agrees on a hash that we make, and we on one that it makes.
func TestHashIsDebians(t *testing.T) {
	perl, err := exec.LookPath("perl")
	if err != nil {
		t.Skip("perl, which reaches the system's crypt(3), is not installed")
	}
	crypt := func(password, setting string) string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), perl, "-e", "print crypt($ARGV[0], $ARGV[1])", password, setting).Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	for _, password := range []string{"master2021", "é à la Clef", strings.Repeat("x", 300), "'\"$\\"} {
		hash, err := Hash(password)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(hash, "$y$j9T$") {
			t.Errorf("%s has not Debian's parameters", hash)
		}
		theirs := crypt(password, hash)
		if strings.HasPrefix(theirs, "*") {
			t.Skip("this system's crypt(3) has no yescrypt")
		}
		if theirs != hash {
			t.Errorf("%q: we say %s, the system %s", password, hash, theirs)
		}
		for _, setting := range []string{"$y$j9T$LdJMENpBABJJ3hIHjB1Bi.", "$6$5dkf83jd", "$5$rounds=6000$abc", "$1$abcdefgh"} {
			if theirs := crypt(password, setting); !matches(theirs, password) || matches(theirs, password+"x") {
				t.Errorf("%q does not match the system's %s", password, theirs)
			}
		}
	}
}

func TestHashRefuses(t *testing.T) {
	for _, password := range []string{"", strings.Repeat("x", 513)} {
		if hash, err := Hash(password); err == nil {
			t.Errorf("%d octets: %s", len(password), hash)
		}
	}
}

func TestHashesDiffer(t *testing.T) {
	a, errA := Hash("master2021")
	b, errB := Hash("master2021")
	if errA != nil || errB != nil || a == b || !matches(a, "master2021") || !matches(b, "master2021") {
		t.Error(a, errA, b, errB)
	}
}

// FuzzShadow: a file of any content is read; what is found by a name has that name; locked accounts stay closed.
func FuzzShadow(f *testing.F) {
	f.Add("root:*:1::::::\nutil1:$y$j9T$a$b:0:0:99999:7:::\n:x:\n\n")
	f.Add("a:!\na:x:9999999999999999999:-1:-1:::-1:\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		for name, e := range parseShadow(text) {
			if e.Name != name || name == "" || strings.ContainsAny(name, ":\n") || strings.Contains(e.Hash, ":") {
				t.Errorf("%q: %+v", name, e)
			}
			if e.open(clock()) && (e.Hash == "" || e.Hash[0] == '!' || e.Hash[0] == '*') {
				t.Errorf("%q is open", e.original)
			}
			if !strings.Contains(text, e.line()) {
				t.Errorf("line %q is not of the file", e.line())
			}
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	hash, err := Hash("master2021")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if !matches(hash, "master2021") {
			b.Fatal("no match")
		}
	}
}

func BenchmarkVerified(b *testing.B) {
	v := New(Config{}, NewMemory(map[string]string{"util1": hashSHA512}))
	for b.Loop() {
		if _, err := v.Verify(b.Context(), "util1", "master2021", "p"); err != nil {
			b.Fatal(err)
		}
	}
}
