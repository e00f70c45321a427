//go:build linux

package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"maillab/internal/engine"
	"maillab/internal/engine/embedded"
)

// TestAuthor: an author does exercises by SSH in a sandbox, by telnet, with the mail command and in a file, and has tasks made of them: each is
// written once its solution has passed in a sandbox and nothing else has, and what asks for nothing new is not.
func TestAuthor(t *testing.T) {
	t.Parallel()
	c := newClass(t, "author")
	c.env.Here = func(seats string, serve func(runtime, data string)) engine.Engine { // which nobody asks for
		return embedded.New(embedded.Config{Runtime: t.TempDir(), Data: c.env.DataDir, Seats: seats, Here: serve})
	}
	dir := filepath.Join(t.TempDir(), "mine")
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		code, _, errs := c.try(ctx, "author", "record", "-f", dir, "--engine", "docker")
		if ctx.Err() == nil {
			t.Errorf("author record ended: exit code %d\n%s", code, errs)
		}
	}()
	c.eventually("ready", "status")
	for {
		_, _, errs := c.try(t.Context(), "author", "task", "read")
		if strings.Contains(errs, "nothing was done since") {
			break
		}
		if !strings.Contains(errs, "nothing is being recorded") {
			t.Fatalf("what the sandbox came up with is taken for done:\n%s", errs)
		}
		time.Sleep(100 * time.Millisecond) // between two looks
	}
	me := login(t, c.status().Sandboxes[0].Addresses["ssh"], "me", "hello")
	file := func(name string) string {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	made := func(task string, wrong ...string) {
		t.Helper()
		code, _, errs := c.try(t.Context(), "author", "task", task)
		for _, want := range append(wrong, "nothing-done") {
			if !strings.Contains(errs, want+": failed, as it should") {
				t.Errorf("%s: %s is not tried:\n%s", task, want, errs)
			}
		}
		if code != 0 || !strings.Contains(errs, "solution: passed, as it should") || !strings.Contains(file("lab.yaml"), "- id: "+task) {
			t.Fatalf("%s: exit code %d\n%s", task, code, errs)
		}
	}

	reads := func() {
		term := onTerminal(t, me, "telnet localhost 110")
		for n, line := range []string{"user me", "pass hello", "retr 1", "quit"} {
			for !strings.HasPrefix(term.skip(), "+OK") {
			}
			time.Sleep(time.Duration(400+70*len(line)+n*131) * time.Millisecond) // what typing takes: 0007
			term.typeLine(line)
		}
		for !strings.Contains(term.skip(), "closed by foreign host") {
		}
	}
	if text := output(t, me, "cat statement.en.md", ""); !strings.Contains(text, "hello") || strings.Contains(text, "{password") {
		t.Errorf("the statement is\n%s", text)
	}
	reads()
	made("read", "a-step-left-out", "another-account", "pasted-by-a-program")

	reads()
	before := file("lab.yaml")
	if code, _, errs := c.try(t.Context(), "author", "task", "again"); code != 4 || !strings.Contains(errs, "nothing-done: passed, as it should not") || file("lab.yaml") != before {
		t.Errorf("the same again is a task: exit code %d\n%s", code, errs)
	}
	c.run("author", "discard")

	output(t, me, "mail -s question tech", "which one?\n")
	output(t, me, "printf '#!/bin/sh\\necho hello\\n' >greet; chmod +x greet", "")
	made("write", "a-step-left-out", "not-there", "another-account")
	if text := file("solution/solve.sh"); !strings.Contains(text, `mail -s "question" "tech"`) && !strings.Contains(text, `mail -s "question" "${user2}"`) || !strings.Contains(text, "chmod +x 'greet'") {
		t.Errorf("the solution is\n%s", text)
	}
	end()
	<-ended
	if left := c.containers(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	code, _, errs := c.try(t.Context(), "author", "try", "-f", dir, "--engine", "docker")
	if code != 0 || strings.Count(errs, "solution: passed, as it should") != 2 {
		t.Errorf("tried again: exit code %d\n%s", code, errs)
	}
}
