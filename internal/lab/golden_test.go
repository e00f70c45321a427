package lab

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/roster"
	"maillab/internal/spec"
)

var update = flag.Bool("update", false, "write golden files anew")

// golden runs each archive below dir: its files are a lab's folder, its section "want" is what comes of it.
func golden(t *testing.T, dir string, result func(t *testing.T, files fstest.MapFS) string) {
	t.Helper()
	archives, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil || len(archives) == 0 {
		t.Fatal("no archives", err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files, input := sections(string(text))
			want := ""
			if f := files["want"]; f != nil {
				want = string(f.Data)
			}
			got := result(t, files)
			if *update {
				want = got
				if err := os.WriteFile(name, []byte(input+"-- want --\n"+got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: -want +got:\n%s", name, diff)
			}
		})
	}
}

// sections takes an archive apart: a comment, then files, each after a line "-- name --". input is all before "want".
func sections(text string) (files fstest.MapFS, input string) {
	files = fstest.MapFS{}
	var current *fstest.MapFile
	for line := range strings.Lines(text) {
		name, start := strings.CutPrefix(line, "-- ")
		name, end := strings.CutSuffix(name, " --\n")
		if start && end {
			current = &fstest.MapFile{Mode: 0o444}
			files[name] = current
		} else if current != nil {
			current.Data = append(current.Data, line...)
		}
		if files["want"] == nil {
			input += line
		}
	}
	return files, input
}

// testSecrets shows what it was asked for.
func testSecrets(key string) string { return "<" + key + ">" }

// compileFiles parses lab.yaml and compiles it for class.csv, or three students without one.
func compileFiles(files fs.FS) ([]spec.Sandbox, error) {
	l, err := Parse(files, "lab.yaml")
	if err != nil {
		return nil, err
	}
	class := roster.Count(3)
	if text, err := fs.ReadFile(files, "class.csv"); err == nil {
		if class, _, err = roster.Read("class.csv", bytes.NewReader(text), roster.Options{}); err != nil {
			return nil, err
		}
	}
	return Compile(l, class, roster.Seat(nil, class).Given.Seats(), "test", testSecrets)
}

// TestProblems holds what is said of wrong labs: all at once, with line and mend.
func TestProblems(t *testing.T) {
	golden(t, "testdata/problems", func(t *testing.T, files fstest.MapFS) string {
		_, err := compileFiles(files)
		var problems Problems
		if !errors.As(err, &problems) {
			t.Fatalf("want problems, got %v", err)
		}
		for _, p := range problems {
			if p.File == "" || p.Message == "" {
				t.Errorf("incomplete: %#v", p)
			}
		}
		return err.Error() + "\n"
	})
}

// TestCompile holds what comes of right ones.
func TestCompile(t *testing.T) {
	golden(t, "testdata/compile", func(t *testing.T, files fstest.MapFS) string {
		sandboxes, err := compileFiles(files)
		if err != nil {
			t.Fatal(err)
		}
		again, err := compileFiles(files)
		if diff := cmp.Diff(sandboxes, again); diff != "" || err != nil {
			t.Errorf("not the same a second time: %v\n%s", err, diff)
		}
		var out strings.Builder
		for _, s := range sandboxes {
			describeSandbox(&out, s)
		}
		return out.String()
	})
}

// describeSandbox writes a spec so that a person can see what is wrong with it.
func describeSandbox(out *strings.Builder, s spec.Sandbox) {
	say := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
	say("seat %d of %s (%s), v%d, lang %s, title fr %q en %q", s.Seat, s.Instance, s.Lab, s.Version, s.Lang, s.Title["fr"], s.Title["en"])
	say("  %s, %s, local %s, hosts %s, %s, tls %s", s.Hostname, s.Domain, s.Locals, s.Hosts, s.Timezone, s.TLS)
	if b := s.Between; b != nil {
		say("  in %s at %s, zone of %s", b.Parent, b.Address, b.Owner)
	}
	for _, a := range s.Accounts {
		say("  account %s of %q (%s), password %q, lang %s, motd %d lines", a.Name, a.Student, a.FullName, a.Password, a.Lang, strings.Count(a.Motd, "\n"))
	}
	for _, alias := range sortedKeys(s.Aliases) {
		say("  alias %s → %s", alias, s.Aliases[alias])
	}
	say("  smtp %+v", deref(s.Services.SMTP))
	say("  pop3 %+v", deref(s.Services.POP3))
	say("  imap %+v", deref(s.Services.IMAP))
	say("  ssh %v", s.Services.SSH != nil)
	for _, o := range s.Outside {
		say("  outside %+v", o)
	}
	for _, r := range s.Routes {
		say("  route %+v", r)
	}
	for _, m := range s.Mail {
		say("  mail to %s:\n%s", m.To, indent(string(m.Raw)))
	}
	for _, f := range s.Files {
		say("  file %s of %s, %#o:\n%s", f.Path, f.Account, f.Mode, indent(string(f.Data)))
	}
	say("  limits %+v", s.Limits)
	say("  motd:\n%s", indent(s.Motd))
	say("  tasks: %s", s.Tasks)
}

func deref[T any](p *T) any {
	if p == nil {
		return "off"
	}
	return *p
}

func indent(text string) string {
	return "    |" + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n    |")
}

func readText(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
