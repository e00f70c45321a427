package ci

import (
	"os"
	"os/exec"
	"testing"
)

// The other examples, in the same lab.

func TestShell(t *testing.T) {
	for _, tool := range []string{"sh", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	play(t, exec.Command("sh", "shell.sh"))
}

func TestPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip(err)
	}
	play(t, exec.Command(python, "test_mail.py"))
}

func play(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	cmd.Env = os.Environ()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
