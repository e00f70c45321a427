package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"maillab/internal/screen/screentest"
)

// asked runs ask with a terminal, and gives its first prompt to a person, who may type or end the context.
func asked(t *testing.T, ask func(context.Context, *app) error, person func(typing io.Writer, interrupt func())) (*os.File, error) {
	t.Helper()
	pty, tty := screentest.Open(t)
	prompts, screen := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	a := &app{Env: Env{In: tty, Err: screen}}
	ended := make(chan error, 1)
	go func() { ended <- ask(ctx, a) }()
	if _, err := prompts.Read(make([]byte, 200)); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, prompts) }()
	person(pty, cancel)
	return tty, <-ended
}

func TestInterruptedQuestion(t *testing.T) {
	for name, ask := range map[string]func(context.Context, *app) error{
		"yes or no": func(ctx context.Context, a *app) error { return a.confirm(ctx, "Remove it?") },
		"password": func(ctx context.Context, a *app) error {
			_, err := newPassword(ctx, a, "util1", false)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			tty, err := asked(t, ask, func(_ io.Writer, interrupt func()) { interrupt() })
			if exitCode(err) != exitInterrupted || !strings.Contains(fmt.Sprint(err), "nothing was done") {
				t.Errorf("it ends with %d: %v", exitCode(err), err)
			}
			if !screentest.Echoes(t, tty) {
				t.Error("the terminal no longer shows what is typed")
			}
		})
	}
}

func TestPasswordAtTerminal(t *testing.T) {
	for typed, want := range map[string]int{
		"secret-1\rsecret-1\r": exitDone,
		"secret-1\rsecret-2\r": exitUsage,
		"secr\x03":             exitInterrupted, // Ctrl-C
	} {
		var word string
		tty, err := asked(t, func(ctx context.Context, a *app) (err error) {
			word, err = newPassword(ctx, a, "util1", false)
			return err
		}, func(typing io.Writer, _ func()) { _, _ = io.WriteString(typing, typed) })
		if exitCode(err) != want || (word == "secret-1") != (want == exitDone) {
			t.Errorf("%q ends with %d and %q: %v", typed, exitCode(err), word, err)
		}
		if !screentest.Echoes(t, tty) {
			t.Errorf("after %q the terminal does not show what is typed", typed)
		}
	}
}

func TestAnsweredQuestion(t *testing.T) {
	for answer, want := range map[string]int{"y\n": exitDone, "oui\n": exitDone, "\n": exitFailed, "n\n": exitFailed} {
		_, err := asked(t, func(ctx context.Context, a *app) error { return a.confirm(ctx, "Remove it?") },
			func(typing io.Writer, _ func()) { _, _ = io.WriteString(typing, answer) })
		if exitCode(err) != want {
			t.Errorf("%q ends with %d: %v", answer, exitCode(err), err)
		}
	}
}
