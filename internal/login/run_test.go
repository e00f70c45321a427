package login

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// far is a channel whose other end the test plays.
type far struct {
	out, errs *io.PipeReader
	sent      []string // requests
}

func (f *far) Read(p []byte) (int, error)  { return f.out.Read(p) }
func (f *far) Write(p []byte) (int, error) { return len(p), nil }
func (f *far) Close() error                { return nil }
func (f *far) CloseWrite() error           { return nil }
func (f *far) SendRequest(name string, _ bool, _ []byte) (bool, error) {
	f.sent = append(f.sent, name)
	return true, nil
}
func (f *far) Stderr() io.ReadWriter {
	return struct {
		io.Reader
		io.Writer
	}{f.errs, io.Discard}
}

// command plays one and tells what Run would: play writes its output, and ends it.
func command(t *testing.T, ctx context.Context, play func(out, errs *io.PipeWriter, requests chan<- *ssh.Request)) (code int, said string, f *far, err error) {
	t.Helper()
	outR, outW := io.Pipe()
	errR, errW := io.Pipe()
	t.Cleanup(func() { outW.Close(); errW.Close(); outR.Close(); errR.Close() })
	f = &far{out: outR, errs: errR}
	requests := make(chan *ssh.Request)
	go play(outW, errW, requests)
	var out bytes.Buffer
	code, err = remote{channel: f, requests: requests, out: &out, errs: &out}.wait(ctx)
	return code, out.String(), f, err
}

func status(code uint32) *ssh.Request {
	return &ssh.Request{Type: "exit-status", Payload: ssh.Marshal(struct{ Code uint32 }{code})}
}

func TestACommandEnds(t *testing.T) {
	big := strings.Repeat("x", 200<<10)
	code, said, _, err := command(t, t.Context(), func(out, errs *io.PipeWriter, requests chan<- *ssh.Request) {
		requests <- status(7)
		io.WriteString(out, big) //nolint:errcheck // a pipe of the test's
		out.Close()
		errs.Close()
		close(requests)
	})
	if code != 7 || err != nil || len(said) != len(big) {
		t.Errorf("%d, %v, %d octets", code, err, len(said))
	}
}

// TestWhatIsLeftInTheBackgroundIsNotWaitedFor, though it has the command's output open; what was said until then is there.
func TestWhatIsLeftInTheBackgroundIsNotWaitedFor(t *testing.T) {
	code, said, _, err := command(t, t.Context(), func(out, _ *io.PipeWriter, requests chan<- *ssh.Request) {
		io.WriteString(out, "one ") //nolint:errcheck // a pipe of the test's
		requests <- status(0)
		io.WriteString(out, "two") //nolint:errcheck // as above
	})
	if code != 0 || err != nil || said != "one two" {
		t.Errorf("%d, %v, %q", code, err, said)
	}
}

func TestACommandIsKilled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, _, f, err := command(t, ctx, func(out, _ *io.PipeWriter, _ chan<- *ssh.Request) {
		io.WriteString(out, "begun") //nolint:errcheck // a pipe of the test's
		cancel()
	})
	if !errors.Is(err, context.Canceled) || len(f.sent) != 1 || f.sent[0] != "signal" {
		t.Errorf("%v, %v", err, f.sent)
	}
}

func TestHowACommandEnded(t *testing.T) {
	killed := &ssh.Request{Type: "exit-signal", Payload: ssh.Marshal(struct {
		Name    string
		Dumped  bool
		Message string
		Lang    string
	}{Name: "KILL"})}
	if got, is := exitIn(killed); !is || got.code != 137 || got.err != nil {
		t.Errorf("killed: %+v", got)
	}
	if _, is := exitIn(&ssh.Request{Type: "keepalive@openssh.com"}); is {
		t.Error("a keepalive is no end")
	}
	_, _, _, err := command(t, t.Context(), func(out, errs *io.PipeWriter, requests chan<- *ssh.Request) {
		out.Close()
		errs.Close()
		close(requests)
	})
	if err == nil {
		t.Error("a connection that breaks is no end of a command")
	}
}

// TestASlowReaderLosesNothing: time runs only while nothing comes.
func TestASlowReaderLosesNothing(t *testing.T) {
	outR, outW := io.Pipe()
	errR, errW := io.Pipe()
	defer errR.Close()
	requests := make(chan *ssh.Request)
	go func() {
		requests <- status(0)
		for range 4 {
			io.WriteString(outW, "piece ") //nolint:errcheck // a pipe of the test's
		}
		outW.Close()
		errW.Close()
		close(requests)
	}()
	slow := &slowly{}
	if _, err := (remote{channel: &far{out: outR, errs: errR}, requests: requests, out: slow, errs: slow}).wait(t.Context()); err != nil || slow.String() != "piece piece piece piece " {
		t.Errorf("%q, %v", slow.String(), err)
	}
}

// slowly takes longer for a piece than what is left in the background is given.
type slowly struct{ bytes.Buffer }

func (s *slowly) Write(p []byte) (int, error) {
	time.Sleep(leftover + leftover/4)
	return s.Buffer.Write(p)
}
