package ci

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
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

// The workflows in the manual are YAML, and each job in them runs maillab.
func TestWorkflows(t *testing.T) {
	page, err := os.ReadFile("../../ci.md")
	if err != nil {
		t.Fatal(err)
	}
	scripts := map[string]string{}
	for _, block := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(page, -1) {
		var github struct {
			Jobs map[string]struct{ Steps []struct{ Run string } }
		}
		if err := yaml.Unmarshal(block[1], &github); err != nil {
			t.Fatalf("%v\n%s", err, block[1])
		}
		for name, job := range github.Jobs {
			for _, step := range job.Steps {
				scripts["github "+name] += step.Run + "\n"
			}
		}
		if github.Jobs != nil {
			continue
		}
		var gitlab map[string]struct{ Script []string }
		if err := yaml.Unmarshal(block[1], &gitlab); err != nil {
			t.Fatalf("%v\n%s", err, block[1])
		}
		for name, job := range gitlab {
			scripts["gitlab "+name] = strings.Join(job.Script, "\n")
		}
	}
	if len(scripts) < 3 {
		t.Errorf("workflows: %q", scripts)
	}
	for name, script := range scripts {
		if !strings.Contains(script, "maillab run ") {
			t.Errorf("%s does not run maillab: %q", name, script)
		}
	}
}
