package ask

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"maillab/internal/say"
	"maillab/internal/screen/screentest"
)

// asked puts a question at a terminal, and gives it to a person once its prompt has been read.
func asked(t *testing.T, question func(context.Context, Person, *os.File) error, person func(typing io.Writer, interrupt func())) (*os.File, error) {
	t.Helper()
	pty, tty := screentest.Open(t)
	prompts, screen := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- question(ctx, Person{In: tty, Out: screen, Say: say.In("fr")}, tty) }()
	if _, err := prompts.Read(make([]byte, 200)); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, prompts) }()
	person(pty, cancel)
	return tty, <-ended
}

func TestYes(t *testing.T) {
	for typed, want := range map[string]bool{"y\n": true, " Yes\n": true, "O\n": true, "oui\n": true, "\n": false, "n\n": false, "yess\n": false, "\x04": false} {
		agreed := !want
		_, err := asked(t, func(ctx context.Context, p Person, _ *os.File) (err error) {
			agreed, err = p.Yes(ctx, "Remove it?")
			return err
		}, func(typing io.Writer, _ func()) { _, _ = io.WriteString(typing, typed) })
		if agreed != want || err != nil {
			t.Errorf("%q: %v, %v", typed, agreed, err)
		}
	}
}

// TestHidden: what is typed is read line by line, Ctrl-C and Ctrl-D leave, and afterwards the terminal shows again what is typed.
func TestHidden(t *testing.T) {
	for typed, want := range map[string]error{"one\rtwo\r": nil, "one\rtw\x03": ErrLeft, "\x04": ErrLeft} {
		var words []string
		tty, err := asked(t, func(ctx context.Context, p Person, tty *os.File) (err error) {
			words, err = p.Hidden(ctx, tty, "Un : ", "Deux : ")
			return err
		}, func(typing io.Writer, _ func()) { _, _ = io.WriteString(typing, typed) })
		if got := strings.Join(words, " "); !errors.Is(err, want) || (got == "one two") != (want == nil) {
			t.Errorf("%q: %q, %v", typed, got, err)
		}
		if !screentest.Echoes(t, tty) {
			t.Errorf("after %q the terminal does not show what is typed", typed)
		}
	}
}

// TestInterrupted: who waits for an answer does not outlast its context.
func TestInterrupted(t *testing.T) {
	for name, question := range map[string]func(context.Context, Person, *os.File) error{
		"yes": func(ctx context.Context, p Person, _ *os.File) error {
			agreed, err := p.Yes(ctx, "Remove it?")
			return errors.Join(err, map[bool]error{true: errors.New("agreed")}[agreed])
		},
		"hidden": func(ctx context.Context, p Person, tty *os.File) error {
			_, err := p.Hidden(ctx, tty, "Un : ")
			return err
		},
	} {
		tty, err := asked(t, question, func(_ io.Writer, interrupt func()) { interrupt() })
		if !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "agreed") {
			t.Errorf("%s: %v", name, err)
		}
		if !screentest.Echoes(t, tty) {
			t.Errorf("%s: the terminal no longer shows what is typed", name)
		}
	}
}

func TestThere(t *testing.T) {
	_, tty := screentest.Open(t)
	if !(Person{In: tty}).There() || (Person{In: &bytes.Buffer{}}).There() {
		t.Error("a terminal is one, and a buffer is none")
	}
}
