package labs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"maillab/images"
	"maillab/internal/cli"
	"maillab/internal/deploy"
	"maillab/internal/engine"
	"maillab/internal/engine/docker"
	"maillab/internal/engine/enginetest"
	"maillab/labs"
)

// TestSolutions plays each lab's solution through, as a student would, on a real engine: without it no task passes,
// with it all do, but for those that wait for the teacher's word, and then those, too. A neighbour gets nothing of it.
func TestSolutions(t *testing.T) {
	needDocker(t)
	names, err := labs.List()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // what is typed by hand is mostly waited for
			playThrough(t, name)
		})
	}
}

func playThrough(t *testing.T, lab string) {
	c := lesson{t: t, name: fmt.Sprintf("t-labs-%d-%s", os.Getpid(), lab), data: t.TempDir()}
	t.Cleanup(func() { c.run(context.WithoutCancel(t.Context()), nil, "down", "-y") })
	c.must(nil, "up", "-f", lab)
	for _, s := range c.check() {
		if s.Passed != 0 {
			t.Errorf("%s has passed %d tasks without doing anything: %+v", s.Student, s.Passed, s.states("passed"))
		}
	}
	folder, err := labs.Open(lab)
	if err != nil {
		t.Fatal(err)
	}
	script, err := fs.ReadFile(folder, "solution/solve.sh")
	if err != nil {
		t.Fatal(err)
	}
	var neighbour sync.WaitGroup
	helps, err := fs.ReadFile(folder, "solution/neighbour.sh") // of a lab that is played by two
	if err == nil {
		neighbour.Go(func() {
			if _, out, errs := c.run(t.Context(), bytes.NewReader(helps), "exec", "--timeout", "5m", "bruno", "--", "bash", "-s"); errs != "" {
				t.Errorf("the neighbour's part complains: %s\n%s", errs, out)
			}
		})
	}
	if _, out, errs := c.run(t.Context(), bytes.NewReader(script), "exec", "--timeout", "5m", "alice", "--", "bash", "-s"); errs != "" {
		t.Errorf("the solution complains: %s\n%s", errs, out)
	}
	neighbour.Wait()
	students := c.check()
	if left := students[0].states("failed", "blocked"); len(left) > 0 {
		t.Errorf("not passed with the solution:\n%s", strings.Join(left, "\n"))
	}
	for _, one := range students[0].Tasks {
		if one.State == "manual" {
			c.must(nil, "mark", "alice", one.ID, "passed")
		}
	}
	students = c.check()
	if students[0].Passed != students[0].Total {
		t.Errorf("%d of %d tasks, also with the teacher's word", students[0].Passed, students[0].Total)
	}
	for i, s := range students[1:] {
		if s.Passed != 0 && (i > 0 || helps == nil) {
			t.Errorf("%s has passed what alice did: %v", s.Student, s.states("passed"))
		}
	}
	c.must(nil, "reset", "-y", "--scope", "all")
	if after := c.check()[0]; after.Passed != 0 {
		t.Errorf("after a reset these still count: %v", after.states("passed"))
	}
	if before := c.check("--epoch", "1")[0]; before.Passed != before.Total {
		t.Errorf("of the epoch before the reset %d of %d tasks are known", before.Passed, before.Total)
	}
}

func needDocker(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: no containers")
	}
	if missing := images.Programs("maild", "labinit", "gateway", "lab"); len(missing) > 0 {
		t.Fatalf("this test program was built without %s: run make build first", strings.Join(missing, ", "))
	}
	if _, err := openDocker(t.Context()); err != nil {
		enginetest.Absent(t, err)
	}
}

func openDocker(ctx context.Context) (engine.Engine, error) {
	return docker.OpenHere(ctx, docker.Build{
		Context: images.Context, Base: images.Base, Lock: filepath.Join(os.TempDir(), "maillab-labs-build.lock"),
	})
}

// lesson is an instance.
type lesson struct {
	t          *testing.T
	name, data string
	engine     deploy.Maker // docker's, where there is none
}

func (c lesson) run(ctx context.Context, in io.Reader, args ...string) (code int, out, errs string) {
	if in == nil {
		in = strings.NewReader("")
	}
	if c.engine.Make == nil {
		c.engine = deploy.Maker{Name: "docker", Make: openDocker}
	}
	var stdout, stderr bytes.Buffer
	code = cli.Run(ctx, cli.Env{In: in, Out: &stdout, Err: &stderr, Getenv: os.Getenv, Now: time.Now, DataDir: c.data,
		Version: "test", Commit: "test", Engines: []deploy.Maker{c.engine},
	}, append([]string{"-n", c.name}, args...))
	return code, stdout.String(), stderr.String()
}

func (c lesson) must(in io.Reader, args ...string) {
	c.t.Helper()
	if code, out, errs := c.run(c.t.Context(), in, args...); code != 0 {
		c.t.Fatalf("maillab %s: exit code %d\n%s%s", strings.Join(args, " "), code, out, errs)
	}
}

// checked is a student in check -o json.
type checked struct {
	Student       string
	Passed, Total int
	Tasks         []checkedTask
}

type checkedTask struct {
	ID, State, Seen, CopiedFrom string
}

// task is one of them.
func (s checked) task(id string) (found checkedTask) {
	for _, one := range s.Tasks {
		if one.ID == id {
			found = one
		}
	}
	return found
}

// states lists the tasks in some states.
func (s checked) states(wanted ...string) (tasks []string) {
	for _, one := range s.Tasks {
		for _, state := range wanted {
			if one.State == state {
				tasks = append(tasks, fmt.Sprintf("%s %s: %s", one.ID, one.State, one.Seen))
			}
		}
	}
	return tasks
}

func (c lesson) check(flags ...string) []checked {
	c.t.Helper()
	_, out, errs := c.run(c.t.Context(), nil, append([]string{"check", "-o", "json"}, flags...)...)
	var result struct{ Students []checked }
	if err := json.Unmarshal([]byte(out), &result); err != nil || len(result.Students) != 3 || result.Students[0].Student != "alice" {
		c.t.Fatalf("check: %v\n%s%s", err, out, errs)
	}
	return result.Students
}
