//go:build unix

package leash

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestMain is the program that Run has beside its command when it is called with Verb.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == Verb {
		if err := Watch(os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func sh(script string) *exec.Cmd { return exec.Command("sh", "-c", script) }

// programs: watched by a second process, and not.
func programs(t *testing.T) []string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return []string{"", self}
}

// TestCodes: a command's exit code is told as a shell tells it.
func TestCodes(t *testing.T) {
	for _, program := range programs(t) {
		for script, want := range map[string]int{"exit 0": 0, "exit 7": 7, "kill -TERM $$": 143, "kill -KILL $$": 137} {
			if code, err := Run(t.Context(), sh(script), program, false); err != nil || code != want {
				t.Errorf("%s: %d, %v; want %d", script, code, err, want)
			}
		}
	}
}

func TestNoSuchProgram(t *testing.T) {
	for _, program := range programs(t) {
		if code, err := Run(t.Context(), exec.Command("/nonexistent/program"), program, false); err == nil {
			t.Errorf("code %d of what cannot be started", code)
		}
	}
	if _, err := Run(t.Context(), sh("exit 0"), "/nonexistent/watcher", false); err == nil || !strings.Contains(err.Error(), "watch over the command") {
		t.Errorf("a command that nobody watches: %v", err)
	}
}

// TestEndedWithContext: the command is asked to end, and what it started is ended with it.
func TestEndedWithContext(t *testing.T) {
	for _, program := range programs(t) {
		ctx, cancel := context.WithCancel(t.Context())
		out, in := io.Pipe()
		cmd := sh("trap 'exit 5' TERM; sleep 1000 & echo child $!; wait")
		cmd.Stdout = in
		go func() {
			line, _ := bufio.NewReader(out).ReadString('\n')
			if !strings.HasPrefix(line, "child ") {
				t.Errorf("the command said %q", line)
			}
			cancel()
			_, _ = io.Copy(io.Discard, out)
		}()
		code, err := Run(ctx, cmd, program, false)
		in.Close()
		if err != nil || code != 5 {
			t.Errorf("code %d, %v", code, err)
		}
		cancel()
	}
}

// TestWatch: without the word the command is ended; with it, and with what is no process, nothing is.
func TestWatch(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		text string
		fail bool
	}{{released + "\n", false}, {"12345678\n" + released + "\n", false}, {"-1\n", true}, {"all\n", true}} {
		cmd := exec.Command(self, Verb)
		cmd.Stdin = strings.NewReader(test.text)
		out, err := cmd.Output()
		if (err != nil) != test.fail || string(out) != "watching\n" {
			t.Errorf("%q: %q, %v", test.text, out, err)
		}
	}
	victim := sh("exec sleep 1000")
	held, err := newLeash(victim, self, true) // on a terminal the watcher is told a number
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	if err := held.hold(victim); err != nil {
		t.Fatal(err)
	}
	if err := held.word.Close(); err != nil { // as the kernel does when we are killed
		t.Fatal(err)
	}
	if err := victim.Wait(); err == nil || victim.ProcessState.Success() {
		t.Errorf("the command outlives us: %v", err)
	}
	if err := held.watcher.Wait(); err != nil {
		t.Errorf("the watcher: %v", err)
	}
}
