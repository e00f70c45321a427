package login

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"maillab/internal/screen/screentest"
)

// screen is a terminal of this size: what types at it, and the side that a program has.
func screen(t *testing.T, columns, rows uint16) (typist, tty *os.File) {
	t.Helper()
	typist, tty = screentest.Open(t)
	resize(t, typist, columns, rows)
	return typist, tty
}

func resize(t *testing.T, typist *os.File, columns, rows uint16) {
	t.Helper()
	if err := unix.IoctlSetWinsize(int(typist.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: rows}); err != nil {
		t.Fatal(err)
	}
}

// TestTerminal: a shell on a terminal gets one of that kind and size, and hears when it is resized; keys come through as
// they are pressed, and afterwards the terminal is as it was.
func TestTerminal(t *testing.T) {
	h := newHost(t)
	client, err := Open(t.Context(), h.client(), alices(), "alice", "")
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	typist, tty := screen(t, 100, 30)
	fd := int(tty.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		t.Fatal(err)
	}
	out, said := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		_, err := Shell(client, "", "vt220", tty, said, io.Discard)
		ended <- err
	}()
	heard := make([]byte, len("this is \"\"\n"))
	if _, err := io.ReadFull(out, heard); err != nil {
		t.Fatal(err)
	}
	if _, err := typist.Write([]byte("\x03")); err != nil { // in raw mode no interrupt, but a key
		t.Fatal(err)
	}
	key := make([]byte, 1)
	if _, err := io.ReadFull(out, key); err != nil || key[0] != 3 {
		t.Errorf("Ctrl-C came through as %q, %v", key, err)
	}
	resize(t, typist, 132, 50)
	for !slices.Contains(h.sizes(), "132x50") {
		if err := syscall.Kill(os.Getpid(), syscall.SIGWINCH); err != nil {
			t.Fatal(err)
		}
	}
	if first := h.sizes()[0]; first != "vt220 100x30" {
		t.Errorf("the terminal asked for: %q", first)
	}
	client.Close()
	<-ended
	after, err := term.GetState(fd)
	if err != nil || fmt.Sprint(*after) != fmt.Sprint(*before) {
		t.Errorf("the terminal was %v and is %v, %v", before, after, err)
	}
}

// TestTerminalWithACommand: a command has none, so that what it prints is what a file would get.
func TestTerminalWithACommand(t *testing.T) {
	h := newHost(t)
	client, err := Open(t.Context(), h.client(), alices(), "alice", "")
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	typist, tty := screen(t, 80, 24)
	if _, err := typist.Write([]byte("x\n\x04")); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if code, err := Shell(client, "exit 5", "xterm", tty, &out, io.Discard); err != nil || code != 5 || !strings.HasPrefix(out.String(), "this is") {
		t.Errorf("%d, %v, %q", code, err, out.String())
	}
	if sizes := h.sizes(); len(sizes) > 0 {
		t.Errorf("a terminal was asked for: %q", sizes)
	}
}

func (h *host) sizes() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.screens)
}
