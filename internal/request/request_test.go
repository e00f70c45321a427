package request

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"maillab/internal/commandline"
	"maillab/internal/instance"
	"maillab/internal/say"
)

// flags are what a command line gives.
func flags(t *testing.T, line ...string) (f Flags) {
	t.Helper()
	cmd := &cobra.Command{Use: "up", RunE: func(*cobra.Command, []string) error { return nil }}
	f.AddLab(cmd, "")
	f.AddClass(cmd, "the class list")
	cmd.SetArgs(line)
	if err := cmd.Execute(); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestRead(t *testing.T) {
	list := filepath.Join(t.TempDir(), "m1.csv")
	if err := os.WriteFile(list, []byte("name,email,group\nAnna Ohm,anna@example.org,A\nBen Volt,ben@example.org,B\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		line     string
		students int
		assumed  bool
	}{
		{"", 3, true}, // as beside the lab
		{"--students 7", 7, false},
		{"--class " + list, 2, false},
		{"--class " + list + " --group A", 1, false},
	} {
		f := flags(t, strings.Fields(test.line+" -f hello")...)
		var told strings.Builder
		r, _, err := f.Read("x", instance.OpenFolder(t.TempDir(), "x"), &told, say.In("en"))
		if err != nil {
			t.Fatal(test.line, err)
		}
		if len(r.Class.Students) != test.students || r.Assumed != test.assumed || r.Lab.Name != "hello" || len(r.Roster) == 0 {
			t.Errorf("%s: %d students, assumed %v, lab %s", test.line, len(r.Class.Students), r.Assumed, r.Lab.Name)
		}
		if named := f.Class != ""; named != strings.Contains(told.String(), list) {
			t.Errorf("%s: told %q", test.line, told.String())
		}
	}
}

// TestRefused: what cannot be is an error of usage.
func TestRefused(t *testing.T) {
	for _, line := range []string{"--group A", "--map number=No", "--class none.csv", "-f no-such-lab", "--class none.csv --map number", "--class none.csv --map a=b --map A=c"} {
		f := flags(t, strings.Fields(line)...)
		_, _, err := f.Read("x", instance.OpenFolder(t.TempDir(), "x"), os.Stderr, say.In("en"))
		var wrong *commandline.Error
		if !errors.As(err, &wrong) || wrong.Code != commandline.ExitUsage {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestName(t *testing.T) {
	if name, err := flags(t, "-f", "hello").Name(); name != "hello" || err != nil {
		t.Error(name, err)
	}
}
