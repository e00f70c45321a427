package smtp

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"maillab/internal/mail"
)

// script is a connection whose client's side is known beforehand: each Read gives the next piece, or fails. What the
// server writes is kept.
type script struct {
	pieces []any // string or error
	peer   net.Addr
	out    bytes.Buffer
	closed bool
}

func (s *script) Read(p []byte) (int, error) {
	if len(s.pieces) == 0 {
		return 0, io.EOF
	}
	text, isText := s.pieces[0].(string)
	if !isText {
		err := s.pieces[0].(error)
		s.pieces = s.pieces[1:]
		return 0, err
	}
	n := copy(p, text)
	if s.pieces[0] = text[n:]; n == len(text) {
		s.pieces = s.pieces[1:]
	}
	return n, nil
}

func (s *script) Write(p []byte) (int, error)      { return s.out.Write(p) }
func (s *script) Close() error                     { s.closed = true; return nil }
func (s *script) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (s *script) RemoteAddr() net.Addr             { return s.peer }
func (s *script) SetDeadline(time.Time) error      { return nil }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }

// run plays pieces to a server and returns what it answered, without line ends' CRs.
func run(t *testing.T, cfg Config, b Backend, pieces ...any) string {
	t.Helper()
	conn := &script{pieces: pieces, peer: &net.TCPAddr{IP: net.IPv4(172, 17, 0, 1), Port: 4}}
	New(cfg, b).ServeConn(context.Background(), conn)
	if !conn.closed {
		t.Error("the connection was not closed")
	}
	return strings.ReplaceAll(conn.out.String(), "\r\n", "\n")
}

// wantReplies compares replies by their codes: "220 250 354".
func wantReplies(t *testing.T, got, want string) {
	t.Helper()
	var codes []string
	for _, line := range strings.Split(strings.TrimSuffix(got, "\n"), "\n") {
		if len(line) > 3 && line[3] == ' ' {
			codes = append(codes, line[:3])
		}
	}
	if have := strings.Join(codes, " "); have != want {
		t.Errorf("got codes %s, want %s:\n%s", have, want, got)
	}
}

// opening is a transaction up to its message.
const opening = "mail from:<util1>\r\nrcpt to:<util1>\r\ndata\r\n"

// TestDataTimeout reaches for go-smtp's open fault 196: when DATA times out it goes on and runs the rest of the body as
// commands. Here nothing may run, and nothing may be delivered, wherever the time-out falls.
func TestDataTimeout(t *testing.T) {
	const body = "Subject: x\r\n\r\nMAIL FROM:<evil@example.com>\r\nRCPT TO:<util2>\r\nDATA\r\nevil\r\n.\r\nquit\r\n"
	end := strings.Index(body, "\r\n.\r\n") + len("\r\n.\r\n")
	for cut := range end {
		backend, record := &memory{}, &typist{}
		cfg := config()
		cfg.Connected = connected(record, nil)
		got := run(t, cfg, backend, opening+body[:cut], os.ErrDeadlineExceeded, body[cut:])
		wantReplies(t, got, "220 250 250 354 421")
		if !strings.HasSuffix(got, "421 4.4.2 test6isri.local.isri.fr Error: timeout exceeded\n") {
			t.Errorf("cut at %d: %s", cut, got)
		}
		if ran := record.text.String(); strings.Count(ran, "\n") != 3 || len(backend.messages()) > 0 {
			t.Errorf("cut at %d: ran %q, delivered %v", cut, ran, backend.messages())
		}
	}
}

// TestCutOff ends a session at every byte: a message is delivered exactly when its end has come, and never in part.
func TestCutOff(t *testing.T) {
	for name, session := range map[string]string{
		"data": opening + "hello\r\nworld\r\n.\r\n",
		"bdat": "ehlo x\r\nmail from:<util1>\r\nrcpt to:<util1>\r\nbdat 7\r\nhello\r\nbdat 7 last\r\nworld\r\n",
	} {
		for cut := range len(session) + 1 {
			for _, end := range []any{io.EOF, io.ErrUnexpectedEOF, os.ErrDeadlineExceeded} {
				backend := &memory{}
				got := run(t, config(), backend, session[:cut], end)
				whole := cut == len(session)
				if delivered := len(backend.messages()); delivered > 0 != whole || delivered > 1 {
					t.Fatalf("%s cut at %d with %v: %d messages\n%s", name, cut, end, delivered, got)
				}
				if strings.Contains(got, "queued as") != whole {
					t.Fatalf("%s cut at %d with %v: acknowledged\n%s", name, cut, end, got)
				}
				if whole && backend.messages()[0].body != "hello\r\nworld\r\n" {
					t.Fatalf("%s: got %q", name, backend.messages()[0].body)
				}
			}
		}
	}
}

// lineLog is a Log that keeps lines in the mail log's form.
type lineLog struct {
	mu    sync.Mutex
	lines []string
}

func (l *lineLog) add(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, text)
}

// connected makes a server record and log.
func connected(r mail.Recorder, l *lineLog) func(context.Context, mail.Peer) (mail.Recorder, Log) {
	return func(_ context.Context, p mail.Peer) (mail.Recorder, Log) {
		if l == nil {
			return r, noLog{}
		}
		return r, connLog{l, p.String()}
	}
}

// connLog is one connection's Log.
type connLog struct {
	*lineLog
	client string
}

func (l connLog) Connect()                 { l.add("connect from " + l.client) }
func (l connLog) Disconnect(counts string) { l.add("disconnect from " + l.client + " " + counts) }
func (l connLog) Client(id, method, user, sender string) {
	client := l.client
	if user != "" {
		client += ", sasl_method=" + method + ", sasl_username=" + user
	}
	if sender != "" {
		client += ", sasl_sender=" + sender
	}
	l.add(id + ": client=" + client)
}
func (l connLog) Reject(id, command, reply, context string) {
	if id == "" {
		id = "NOQUEUE"
	}
	l.add(id + ": reject: " + command + " from " + l.client + ": " + reply + "; " + context)
}
func (l connLog) Cut(reason, after string) { l.add(reason + " after " + after + " from " + l.client) }
func (l connLog) Pipelining(after, text string) {
	l.add("improper command pipelining after " + after + " from " + l.client + ": " + text)
}
func (l connLog) Warning(text string) { l.add("warning: " + text) }
