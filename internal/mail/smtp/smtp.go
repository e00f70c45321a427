// Package smtp is the SMTP server that students talk to by hand. It promises Postfix 3.7's words: the same lines get
// the same replies, and the same events reach the log, so that what is learnt here is true elsewhere.
//
// It is a loop of its own, strictly sequential, that drives the session of a github.com/emersion/go-smtp backend. That
// library's server has fixed replies and is unforgiving to a person; its sessions, options and errors are taken as they
// are (backend.go). The loop
//
//   - reads lines, strips telnet negotiation, bounds each read (wire.go);
//   - splits a command, checks its order and syntax, hands what is left to decide to the session, and puts what comes of it
//     into Postfix's words (loop.go, and one file per command group);
//   - decides the end of data, alone (lines.go): there is no second opinion, and nothing in a message can be taken for a
//     command.
package smtp

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"time"

	"maillab/internal/mail"
	"maillab/internal/period"
)

// Auth is when a client must prove who it is.
type Auth string

// The policies. The zero value is AuthNone.
const (
	AuthNone     Auth = "none"     // AUTH is neither offered nor accepted
	AuthOptional Auth = "optional" // offered
	AuthRequired Auth = "required" // no MAIL, VRFY or ETRN without it: 530 5.7.0 (RFC 4954 section 6)
)

// BareLF is what happens to lines that end in a lone LF.
type BareLF string

// The policies. The zero value is BareLFAccept.
const (
	// BareLFAccept takes a lone LF for a line's end everywhere, as Postfix 3.7 does: LF.LF ends DATA, nc can be used.
	BareLFAccept BareLF = "accept"
	// BareLFReject is Postfix's smtpd_forbid_bare_newline=reject: only CRLF.CRLF ends DATA, a message or a command with
	// a lone LF is answered with 550 5.5.2.
	BareLFReject BareLF = "reject"
)

// Config is how one server behaves. The zero value of a field is the default named beside it.
type Config struct {
	Hostname string      // full name, in the greeting and in HELO's answer
	Domain   string      // completes a bare name (Postfix's myorigin); Hostname
	Banner   string      // what follows the name in the 220 line; "ESMTP Postfix (Debian/GNU)"
	Auth     Auth        // AuthNone
	BareLF   BareLF      // BareLFAccept
	TLS      *tls.Config // nil: STARTTLS is neither offered nor accepted

	SizeLimit      int64         // bytes of a message, with CRLF line ends; 10,240,000 (message_size_limit)
	RecipientLimit int           // per message; 1000 (smtpd_recipient_limit)
	Timeout        time.Duration // for each read and each write; 5 minutes (smtpd_timeout, RFC 5321 section 4.5.3.2.7)
	SoftErrors     int           // from so many errors on every reply is delayed; 10 (smtpd_soft_error_limit)
	HardErrors     int           // after so many the connection is closed; 20 (smtpd_hard_error_limit)

	// Name looks a client's name up; nil: nobody's is.
	Name  func(context.Context, mail.Peer) string
	Pause func(context.Context) // the delay; one second (smtpd_error_sleep_time)
	// Connected is called once for each connection, and makes its record and its log; nil: nothing is recorded or logged.
	Connected func(context.Context, mail.Peer) (mail.Recorder, Log)
	Errors    *slog.Logger // what only a developer wants to know; nil: thrown away
}

// withDefaults fills in what was left zero.
func (c Config) withDefaults() Config {
	setDefault(&c.Domain, c.Hostname)
	setDefault(&c.Banner, "ESMTP Postfix (Debian/GNU)")
	setDefault(&c.Auth, AuthNone)
	setDefault(&c.BareLF, BareLFAccept)
	setDefault(&c.SizeLimit, 10_240_000)
	setDefault(&c.RecipientLimit, 1000)
	setDefault(&c.Timeout, 5*time.Minute)
	setDefault(&c.SoftErrors, 10)
	setDefault(&c.HardErrors, 20)
	if c.Pause == nil {
		c.Pause = pauseSecond
	}
	if c.Connected == nil {
		c.Connected = func(context.Context, mail.Peer) (mail.Recorder, Log) { return mail.Discard{}, noLog{} }
	}
	if c.Errors == nil {
		c.Errors = slog.New(slog.DiscardHandler)
	}
	return c
}

// setDefault replaces a zero value.
func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// pauseSecond is Postfix's smtpd_error_sleep_time.
func pauseSecond(ctx context.Context) { _ = period.Wait(ctx, time.Second) }

// Server serves connections; it keeps nothing between them. It is safe for concurrent use.
type Server struct {
	cfg      Config
	backend  Backend
	commands []command
	reads    largeReads
}

// New makes a server. The caller accepts connections and limits how many there are.
func New(cfg Config, backend Backend) *Server {
	return &Server{cfg: cfg.withDefaults(), backend: backend, commands: commandTable()}
}

// ServeConn speaks SMTP on conn until either side ends it, and closes it. conn.RemoteAddr() is the peer. When ctx is
// cancelled a waiting client is told with 421; a delivery that has begun is finished.
func (s *Server) ServeConn(ctx context.Context, conn net.Conn) {
	l := newLoop(ctx, s, conn)
	stop := context.AfterFunc(ctx, l.wire.stop)
	defer stop()
	defer l.end()
	l.run()
}
