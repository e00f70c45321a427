//go:build linux

package e2e

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// containers are the instance's, "name id" each, sorted.
func (c *class) containers() []string {
	c.t.Helper()
	out, err := exec.Command("docker", "ps", "-a", "--no-trunc", "--filter", "label=maillab.instance="+c.name, "--format", "{{.Names}} {{.ID}}").Output()
	if err != nil {
		c.t.Fatal(err)
	}
	lines := strings.Fields(strings.ReplaceAll(strings.TrimSpace(string(out)), " ", "="))
	slices.Sort(lines)
	return lines
}

// engineDo does something to a container behind maillab's back.
func engineDo(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("docker", args...).CombinedOutput(); err != nil {
		t.Fatalf("docker %v: %v\n%s", args, err, out)
	}
}

// TestDoorsMove: other ports, and another name for students, are the gateway's business: no sandbox is made anew for them,
// and everybody is told the new ones. Then sandboxes are held and removed behind maillab's back, and nobody is forgotten.
func TestDoorsMove(t *testing.T) {
	c := newClass(t, "move")
	up := []string{"up", "-f", "amiens-smtp-pop-imap", "--students", "2"}
	c.run(up...)
	before, was := c.containers(), c.status().Sandboxes[1].Addresses["smtp"]
	deliver(t, was, "util1", "before-the-move")
	t.Run("OtherPorts", func(t *testing.T) {
		c := c.with(t)
		moved := append(up, "--base", "23000") // no -y: nobody's session is cut
		if plan := c.run(append(moved, "--dry-run")...); !strings.Contains(plan, "doors of sandbox 1, sandbox 2") || strings.Contains(plan, "recreate") {
			t.Errorf("the plan is\n%s", plan)
		}
		c.run(moved...)
		is := c.status().Sandboxes[1].Addresses
		if is["smtp"] != "127.0.0.1:23225" || is["smtp"] == was {
			t.Errorf("status tells %v", is)
		}
		deliver(t, is["smtp"], "util1", "after-the-move")
		login(t, is["ssh"], "util1", "master2021")
		c.run("extend", "1h") // says facts anew
		if plan := c.run(append(up, "--dry-run")...); plan != "nothing to do\n" {
			t.Errorf("up again has something to do:\n%s", plan)
		}
	})
	t.Run("AnotherHost", func(t *testing.T) {
		c := c.with(t)
		named := append(up, "--host", "localhost")
		if plan := c.run(append(named, "--dry-run")...); !strings.Contains(plan, "students are told to connect to localhost, not where the doors listen") {
			t.Errorf("the plan is\n%s", plan)
		}
		c.run(named...)
		if is := c.status().Sandboxes[1].Addresses; is["smtp"] != "localhost:23225" {
			t.Errorf("status tells %v", is)
		}
	})
	if after := c.containers(); !slices.Equal(before, after) {
		t.Errorf("containers were\n%s\nand are\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
	t.Run("BehindItsBack", func(t *testing.T) {
		c := c.with(t)
		engineDo(t, "pause", "maillab-"+c.name+"-1")
		engineDo(t, "rm", "-f", "maillab-"+c.name+"-2")
		s := c.status().Sandboxes
		if len(s) != 2 || s[0].State != "paused" || s[1].State != "missing" {
			t.Errorf("status tells %+v", s)
		}
		if out := c.run("ls", "-o", "json"); !strings.Contains(out, `"sandboxes": 2`) || !strings.Contains(out, `"ready": 0`) {
			t.Errorf("ls tells %s", out)
		}
		if code, _, errs := c.try(t.Context(), "exec", "2", "--", "true"); code == 0 || !strings.Contains(errs, "2") {
			t.Errorf("exec in what is not there: exit code %d: %s", code, errs)
		}
		c.run(up...)
		if box := c.run("exec", "2", "--", "cat", "/var/mail/util1"); strings.Count(box, "Subject: before-the-move")+strings.Count(box, "Subject: after-the-move") != 2 {
			t.Errorf("the mailbox is\n%s", box)
		}
		for _, s := range c.status().Sandboxes {
			if s.State != "ready" {
				t.Errorf("seat %d is %s", s.Seat, s.State)
			}
		}
	})
}
