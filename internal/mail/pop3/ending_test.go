package pop3

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/mail"
)

// TestStop: a session that waits is told why it ends.
func TestStop(t *testing.T) {
	for _, c := range []struct {
		cause error
		want  string
	}{
		{nil, "-ERR [SYS/TEMP] Server shutting down."},
		{errors.New("Your mailbox was reset"), "-ERR [SYS/TEMP] Your mailbox was reset."},
	} {
		ctx, cancel := context.WithCancelCause(context.Background())
		b := twoLetters(t)
		client, server := net.Pipe()
		serve(t, ctx, Config{}, b, server)
		p := newTalk(t, client)
		p.login()
		p.say("DELE 1")
		cancel(c.cause)
		if got := p.line(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
		p.closed()
		if n := len(b.uidls("util1")); n != 2 {
			t.Error("deleted by the end of the server")
		}
	}
}

func TestRefused(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New("Too many connections from you"))
	client, server := net.Pipe()
	serve(t, ctx, Config{}, twoLetters(t), server)
	p := &talk{t, client, bufio.NewReader(client)}
	if got := p.line(); got != "-ERR [SYS/TEMP] Too many connections from you." {
		t.Error(got)
	}
	p.closed()
}

// dead is a connection whose client never says a word: its reads end as a deadline ends them, at once.
type dead struct{ net.Conn }

func (d dead) Read([]byte) (int, error) { return 0, os.ErrDeadlineExceeded }

// mute is a connection whose client never takes a word.
type mute struct{ net.Conn }

func (m mute) Write([]byte) (int, error) { return 0, os.ErrDeadlineExceeded }

func TestTimeouts(t *testing.T) {
	client, server := net.Pipe()
	e, j := &events{}, newJournal()
	cfg := Config{Witness: witness(j, e)}
	serve(t, context.Background(), cfg, twoLetters(t), dead{server})
	p := newTalk(t, client)
	if got := p.line(); got != "-ERR "+sayIdle {
		t.Error(got)
	}
	p.closed()
	<-j.closed

	_, server = net.Pipe()
	j2 := newJournal()
	cfg.Witness = witness(j2, e)
	serve(t, context.Background(), cfg, twoLetters(t), mute{server})
	<-j2.closed
	want := `timed out "" retr=0/0 top=0/0 del=0/0 size=0`
	if diff := cmp.Diff([]string{want, want}, e.text()); diff != "" {
		t.Error(diff)
	}
}

func TestDeadlines(t *testing.T) {
	var set []string
	l := &link{Conn: deadlines{&set}, stalled: time.Minute}
	l.expect(time.Minute)
	_, _ = l.Write(nil)
	l.stop()
	l.expect(time.Minute)
	_, _ = l.Write(nil)
	if diff := cmp.Diff([]string{"read ahead", "write ahead", "read past", "write ahead"}, set); diff != "" {
		t.Error("after stop nothing gives more time again:", diff)
	}
}

type deadlines struct{ set *[]string }

func (d deadlines) note(what string, at time.Time) error {
	side := " ahead"
	if at.Before(time.Unix(1e9, 0)) {
		side = " past"
	}
	*d.set = append(*d.set, what+side)
	return nil
}

func (d deadlines) SetReadDeadline(t time.Time) error  { return d.note("read", t) }
func (d deadlines) SetWriteDeadline(t time.Time) error { return d.note("write", t) }
func (d deadlines) SetDeadline(t time.Time) error      { return d.note("both", t) }
func (deadlines) Read([]byte) (int, error)             { return 0, io.EOF }
func (deadlines) Write(p []byte) (int, error)          { return len(p), nil }
func (deadlines) Close() error                         { return nil }
func (deadlines) LocalAddr() net.Addr                  { return nil }
func (deadlines) RemoteAddr() net.Addr                 { return nil }

// TestPanic: our own bug costs its own session only, and the maildrop is given back.
func TestPanic(t *testing.T) {
	b := twoLetters(t)
	j := newJournal()
	conn := start(t, Config{Witness: witness(j, nil)}, panicking{b})
	p := newTalk(t, conn)
	p.login()
	p.raw("RETR 1\r\n")
	p.closed()
	<-j.closed
	if b.closed != 1 {
		t.Error("maildrop not closed")
	}
}

type panicking struct{ *memory }

func (p panicking) Login(ctx context.Context, user, password string, peer mail.Peer) (string, Maildrop, error) {
	account, drop, err := p.memory.Login(ctx, user, password, peer)
	return account, panickingDrop{drop}, err
}

type panickingDrop struct{ Maildrop }

func (panickingDrop) Open(context.Context, int) (io.ReadCloser, error) { panic("a bug") }

func TestUnknownWording(t *testing.T) {
	if _, err := New(Config{Wording: "cyrus"}, nil); err == nil {
		t.Error("accepted")
	}
}
