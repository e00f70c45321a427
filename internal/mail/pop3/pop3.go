// Package pop3 is a POP3 server that is pleasant to talk to by hand: RFC 1939 without APOP, with CAPA (RFC 2449), STLS
// (RFC 2595), SASL PLAIN (RFC 5034), RESP-CODES (RFC 2449 §6.4), AUTH-RESP-CODE (RFC 3206), PIPELINING (RFC 2449 §6.6)
// and UTF8 (RFC 6856), in the words of Courier or of Dovecot.
//
// It promises: what a session sees of its maildrop is fixed at login; nothing is deleted but by QUIT, and a line that
// drops deletes nothing; a typing error is answered, and only twenty in a row end the connection; messages of any size
// pass with constant memory; telnet negotiation in command lines is taken out, and the one that telnet waits for is
// answered.
//
// It knows neither spools nor passwords: a Backend brings both.
package pop3

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"time"

	"maillab/internal/mail"
)

// Config says how a Server behaves. Only Wording has to be set; New fills in the rest.
type Config struct {
	Wording string // Courier or Dovecot
	Banner  string // what follows +OK in the greeting; "" is the wording's own, without a product's name
	// TLS makes STLS available; nil: not advertised, and refused.
	TLS *tls.Config
	// Idle is how long a command line may take to arrive, before login and after; 0 is ten minutes, the least that
	// RFC 1939 §3 allows.
	Idle time.Duration
	// Stalled is how long a client may take no octet of a reply; 0 is five minutes.
	Stalled time.Duration
	// BadCommands is how many commands in a row may fail before the connection is closed; 0 is twenty.
	BadCommands int

	// Witness is asked once a connection who takes it down and who logs it; nil, and nil in what it returns, are nobody.
	Witness func(net.Conn) (mail.Recorder, Log)
	Slog    *slog.Logger // what the operator should know: a backend that fails; nil: thrown away
}

// Wordings that Config knows.
const (
	Courier = "courier"
	Dovecot = "dovecot"
)

// Server serves POP3 connections. It keeps nothing of a connection.
type Server struct {
	cfg     Config
	backend Backend
	words   phrases
	buffers *bufferPool
}

// New makes a server. It fails on a wording that it does not know.
func New(cfg Config, backend Backend) (*Server, error) {
	words, ok := phrasesOf(cfg.Wording)
	if !ok {
		return nil, fmt.Errorf("pop3 wording %q: neither %s nor %s", cfg.Wording, Courier, Dovecot)
	}
	if cfg.Banner == "" {
		cfg.Banner = words.banner
	}
	if cfg.Idle == 0 {
		cfg.Idle = 10 * time.Minute
	}
	if cfg.Stalled == 0 {
		cfg.Stalled = 5 * time.Minute
	}
	if cfg.BadCommands == 0 {
		cfg.BadCommands = 20
	}
	if cfg.Slog == nil {
		cfg.Slog = slog.New(slog.DiscardHandler)
	}
	return &Server{cfg: cfg, backend: backend, words: words, buffers: newBufferPool()}, nil
}

// ServeConn serves one connection until its end and closes it. The peer is conn.RemoteAddr.
//
// When ctx is cancelled, a client that waits at the prompt is told why (the text of context.Cause, or that the server
// shuts down) as a -ERR [SYS/TEMP] line, and the connection is closed within about a second, without deleting anything.
// With a context that was cancelled before, that line is all that the client gets: so a caller refuses a connection that
// is one too many.
func (s *Server) ServeConn(ctx context.Context, conn net.Conn) {
	c := newSession(s, conn)
	defer func() {
		if r := recover(); r != nil {
			c.n.Ending = mail.Failed
			s.cfg.Slog.Error("pop3 session panicked", "peer", c.peer.Host(), "panic", r, "stack", string(debug.Stack()))
		}
		c.end()
	}()
	stop := context.AfterFunc(ctx, c.link.stop)
	defer stop()
	c.run(ctx)
}
