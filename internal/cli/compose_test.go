package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"maillab/internal/cli"
	"maillab/internal/spec"
)

var update = flag.Bool("update", false, "write the generated files anew")

// rendered runs the program where compose/ is, and returns what it prints.
func rendered(t *testing.T, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	env := cli.Env{Out: &out, Err: &errs, Getenv: func(string) string { return "" }, Now: time.Now, DataDir: knownSecrets(t)}
	if code := cli.Run(context.Background(), env, args); code != 0 {
		t.Fatalf("maillab %s: exit code %d: %s", strings.Join(args, " "), code, errs.String())
	}
	return out.String()
}

// knownSecrets is a data folder in which the instances sandbox and class make the same tokens and passwords every time.
func knownSecrets(t *testing.T) string {
	t.Helper()
	data := t.TempDir()
	for _, name := range []string{"sandbox", "class"} {
		dir := filepath.Join(data, "instances", name)
		if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, "secret"), make([]byte, 32), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return data
}

// The stacks in compose/ are what the program makes of the labs on board: go test -update writes them anew.
func TestComposeFiles(t *testing.T) {
	t.Chdir("../../compose")
	for file, args := range map[string][]string{
		"sandbox.yaml": {"render", "compose", "-n", "sandbox", "--students", "1", "--context", "../images/sandbox"},
		"class.yaml":   {"render", "compose", "-n", "class", "--class", "../labs/amiens-smtp-pop-imap/class.csv", "--context", "../images/sandbox", "--base", "11000"},
	} {
		got := withFixedTokens(t, rendered(t, args...))
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(withoutSalt(t, want), withoutSalt(t, []byte(got))); diff != "" {
			t.Errorf("%s is not what maillab %s prints; go test ./internal/cli -run Compose -update writes it anew (-there +now):\n%s",
				file, strings.Join(args, " "), diff)
		}
	}
}

// withFixedTokens puts known tokens in the place of those that each rendering makes anew, so that the files in compose/ stay
// the same, and says what that means.
func withFixedTokens(t *testing.T, text string) string {
	t.Helper()
	var stack struct {
		Services map[string]struct{ Environment map[string]string }
	}
	if err := yaml.Unmarshal([]byte(text), &stack); err != nil {
		t.Fatal(err)
	}
	for name, service := range stack.Services {
		token := service.Environment["MAILLAB_TOKEN"]
		if name == "gateway" {
			continue
		}
		if len(token) < 20 || strings.Count(text, token) != 2 {
			t.Fatalf("the token of %s is %q, %d times in the stack", name, token, strings.Count(text, token))
		}
		text = strings.ReplaceAll(text, token, "token-of-"+name)
	}
	return "# The tokens are the same for everybody who uses this file. That is of no harm: a token is only good at the gateway's socket,\n" +
		"# which is on a volume of this stack, and in a sandbox below a folder that only root enters. maillab render makes new ones.\n#\n" + text
}

// withoutSalt is a stack with its specs as they are and without what differs from one rendering to the next: the hashes of
// passwords.
func withoutSalt(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var stack map[string]any
	if err := yaml.Unmarshal(text, &stack); err != nil {
		t.Fatal(err)
	}
	for name, service := range stack["services"].(map[string]any) {
		environment := service.(map[string]any)["environment"].(map[string]any)
		if name == "gateway" {
			continue
		}
		plain, err := spec.Unpack(environment["MAILLAB_SPEC"].(string))
		if err != nil {
			t.Fatal(name, err)
		}
		var s spec.Sandbox
		if err := json.Unmarshal(plain, &s); err != nil {
			t.Fatal(name, err)
		}
		for i := range s.Accounts {
			if !strings.HasPrefix(s.Accounts[i].PasswordHash, "$y$") || s.Accounts[i].Password != "" {
				t.Errorf("%s: the password of %s is not hashed", name, s.Accounts[i].Name)
			}
			s.Accounts[i].PasswordHash = ""
		}
		environment["MAILLAB_SPEC"] = s
	}
	return stack
}

// A context that is not there is made, with programs that can be run.
func TestRenderMakesContext(t *testing.T) {
	requireImage(t)
	dir := filepath.Join(t.TempDir(), "image")
	rendered(t, "render", "compose", "--context", dir)
	for file, mode := range map[string]os.FileMode{"Dockerfile": 0o644, "bin/labinit": 0o755} {
		info, err := os.Stat(filepath.Join(dir, file))
		if err != nil {
			t.Error(err)
		} else if info.Mode().Perm()&0o111 != mode&0o111 {
			t.Errorf("%s has mode %v", file, info.Mode())
		}
	}
}

// One seat's spec is what maild serve takes.
func TestRenderSpec(t *testing.T) {
	var s spec.Sandbox
	if err := json.Unmarshal([]byte(rendered(t, "render", "spec", "--students", "3", "--seat", "2")), &s); err != nil {
		t.Fatal(err)
	}
	if s.Seat != 2 || s.Version != spec.Version || s.Sealed == "" {
		t.Errorf("seat %d, version %d, sealed %q", s.Seat, s.Version, s.Sealed)
	}
}
