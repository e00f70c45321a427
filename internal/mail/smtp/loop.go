package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"strings"
	"time"
	"unicode/utf8"

	"maillab/internal/mail"

	gosmtp "github.com/emersion/go-smtp"
)

// Limits of Postfix on what is typed.
const (
	lineLimit = 2048  // line_length_limit; RFC 5321 section 4.5.3.1.4 asks for 512
	saslLimit = 12288 // smtpd_sasl_response_limit, RFC 4954 section 4
	junkLimit = 100   // smtpd_junk_command_limit
)

// Names of the log for why and when a connection ended.
const (
	lostConnection = "lost connection"
	afterMessage   = "END-OF-MESSAGE"
)

// loop is one connection: it reads a command, does it, answers, until either side has enough. All of it runs in one
// goroutine. While a message comes in chunks (RFC 3030) the session's Data runs, and its reader runs the loop's steps
// between them; a command that ends the message then is pending until Data has returned.
type loop struct {
	ctx     context.Context // the connection's: the methods of a session carry none
	server  *Server
	cfg     *Config
	wire    *wire
	log     Log
	record  mail.Recorder
	client  Client
	name    string // of the client in the log: "unknown[172.17.0.1]"
	session gosmtp.Session
	tx      *transaction // nil outside one
	method  string       // the mechanism by which the client authenticated; "" before
	pending answer

	gone      error    // set once the connection is over
	command   *command // the one that was typed last, nil for an unknown one
	where     string   // what the log calls it
	ended     string   // why the connection ended, for the log; "" for QUIT and the like
	counts    counts
	errors    int // since the last message that was accepted
	junk      int // commands that move no mail, since then
	pipelined bool
}

// newLoop makes the loop of a new connection.
func newLoop(ctx context.Context, s *Server, conn net.Conn) *loop {
	l := &loop{ctx: ctx, server: s, cfg: &s.cfg, client: Client{Peer: mail.PeerOf(conn)}, where: "CONNECT",
		counts: newCounts(len(s.commands)), wire: newWire(conn, s.cfg.Timeout)}
	if s.cfg.Name != nil {
		l.client.Known = s.cfg.Name(ctx, l.client.Peer)
	}
	l.name = l.client.Peer.String()
	l.record, l.log = s.cfg.Connected(ctx, l.client.Peer)
	l.log.Connect()
	return l
}

// run serves the connection. A bug of ours, or of the backend's, ends this connection only.
func (l *loop) run() {
	defer func() {
		if bug := recover(); bug != nil {
			l.cfg.Errors.Error("panic serving an SMTP client", "client", l.name, "panic", fmt.Sprint(bug), "stack", string(debug.Stack()))
			l.wire.write("421 4.3.0 " + l.cfg.Hostname + " Server local error\r\n")
			l.hangUp()
		}
	}()
	if l.open() && l.welcome() {
		l.say("220 " + l.cfg.Hostname + " " + l.cfg.Banner)
	}
	for l.gone == nil {
		l.step()
	}
}

// open makes the connection's session, or tells the client that there is none.
func (l *loop) open() bool {
	var err error
	if l.session, err = l.server.backend.NewSession(l.ctx, &l.client); err != nil {
		l.session = nil
		l.cfg.Errors.Error("no session for an SMTP client", "client", l.name, "err", err)
		l.say("421 4.3.0 " + l.cfg.Hostname + " Error: service not available")
		l.hangUp()
	}
	return err == nil
}

// welcome tells whether the client is greeted, or tells it why not.
func (l *loop) welcome() bool {
	text := l.refusal("connect")
	if text != "" {
		l.say(text)
		l.hangUp()
	}
	return text == ""
}

// end closes the connection and says so in the log.
func (l *loop) end() {
	defer l.hangUpGently()
	l.logout()
	_ = l.wire.flush()
	if l.ended != "" && !(l.where == afterMessage && l.ended == lostConnection) {
		l.log.Cut(l.ended, l.tx.progress(l.where))
	}
	l.log.Disconnect(l.counts.format(l.server.commands))
	l.record.Close()
}

// logout ends the session.
func (l *loop) logout() {
	if l.session == nil {
		return
	}
	if err := l.session.Logout(); err != nil {
		l.cfg.Errors.Warn("the end of an SMTP session", "client", l.name, "err", err)
	}
	l.session = nil
}

// step reads one command and does it.
func (l *loop) step() {
	if l.errors >= l.cfg.HardErrors {
		l.ended = "too many errors"
		l.say("421 4.7.0 " + l.cfg.Hostname + " Error: too many errors")
		l.hangUp()
		return
	}
	line, long, bare, err := l.wire.line(lineLimit)
	if err != nil {
		l.lost(err)
		return
	}
	text := string(line)
	if long {
		l.log.Warning(fmt.Sprintf("%s: request longer than %d: %.30s...", l.name, lineLimit, printable(l.withoutSecrets(text), '?')))
	}
	l.do(l.dispatch(text, bare))
}

// answer is what a command leads to.
type answer struct {
	text   string // what the client is told; lines joined by \n. Empty: it has been told already, or will be
	failed bool   // the command counts as an error
	ends   bool   // it ends the transaction, and a message that comes in chunks
	hangup bool
	tls    bool   // the text is the last thing in clear
	done   func() // what to do when all is done, before the client is told
}

// ok and no are the usual answers.
func ok(text string) answer { return answer{text: text} }
func no(text string) answer { return answer{text: text, failed: true} }

// do carries an answer out.
func (l *loop) do(a answer) {
	switch {
	case a.text == "":
	case a.ends && l.tx.inChunks(): // that the session gets no message comes first
		l.tx.content.abort()
		l.pending = a
	default:
		l.finish(a)
	}
}

// finish ends a command: the client is told, and it is counted.
func (l *loop) finish(a answer) {
	if a.ends {
		l.tx = nil
		l.session.Reset()
	}
	if a.done != nil {
		a.done()
	}
	l.say(a.text)
	if a.failed {
		l.errors++
	} else if l.command != nil {
		l.counts.succeeded(l.command.index)
	}
	if l.command != nil && l.command.limited {
		if l.junk++; l.junk > junkLimit {
			l.errors++
		}
	}
	switch {
	case a.tls:
		l.upgrade()
	case a.hangup || strings.HasPrefix(a.text, "421") || strings.HasPrefix(a.text, "521"):
		l.hangUp()
	}
}

// dispatch finds what a line asks for and runs it.
func (l *loop) dispatch(line string, bareLF bool) answer {
	l.command = nil
	args := tokenize(line)
	l.recordCommand(line, args)
	switch {
	case bareLF && l.cfg.BareLF == BareLFReject:
		l.reject("bare <LF> received", nil)
		return answer{text: "550 5.5.2 " + l.cfg.Hostname + " Error: bare <LF> received", failed: true, hangup: true}
	case !utf8.ValidString(line):
		return no("500 5.5.2 Error: bad UTF-8 syntax")
	case len(args) == 0:
		return no("500 5.5.2 Error: bad syntax")
	}
	l.command = l.server.lookup(args[0].text)
	l.counts.seen(l.command)
	if l.command == nil {
		return l.unknown(line, args[0].text)
	}
	l.where = l.command.name
	l.checkPipelining()
	return l.command.run(l, line, args)
}

// unknown answers what is not a command. A mail header or a web request shows that the client believes to be
// somewhere else; nothing good can follow.
func (l *loop) unknown(line, word string) answer {
	l.where = "UNKNOWN"
	if isHeader(word) || isForbidden(word) {
		l.log.Warning(fmt.Sprintf("non-SMTP command from %s: %.100s", l.name, escape(line)))
		return answer{text: "221 2.7.0 Error: I can break rules, too. Goodbye.", failed: true, hangup: true}
	}
	return no("500 5.5.2 Error: command not recognized")
}

// recordCommand puts a typed line into the record, without what AUTH carries.
func (l *loop) recordCommand(line string, args []token) {
	if len(args) > 2 && strings.EqualFold(args[0].text, "AUTH") {
		flaw := ""
		if strings.EqualFold(args[1].text, "PLAIN") {
			flaw = mail.PlainFlaw(args[2].text)
		}
		line = args[0].text + " " + args[1].text + " ****" + flaw
	}
	l.record.Client(line)
}

// checkPipelining logs, once, that a client has typed ahead where it must wait: before it was told by EHLO that it
// may, or after a command that must be the last of a group.
func (l *loop) checkPipelining() {
	waiting := l.wire.ahead()
	if l.pipelined || len(waiting) == 0 || l.command.name == "BDAT" || // a chunk may come with its command
		l.client.ESMTP && !l.command.last {
		return
	}
	l.pipelined = true
	text := string(waiting[:min(len(waiting), 100)])
	l.log.Pipelining(l.where, escape(l.withoutSecrets(text)))
}

// withoutSecrets cuts AUTH and what follows out of text that was typed ahead: all accounts can read the log.
func (l *loop) withoutSecrets(text string) string {
	if l.where == "AUTH" {
		return "****"
	}
	for i := 0; i+4 <= len(text); i++ {
		if strings.EqualFold(text[i:i+4], "AUTH") {
			return text[:i] + "AUTH ****"
		}
	}
	return text
}

// reject logs a refusal with what is known of the transaction; to is the recipient that it is about.
func (l *loop) reject(reply string, to *string) { l.rejectMail(reply, l.tx.from(), to) }

// rejectMail is reject with a sender.
func (l *loop) rejectMail(reply string, from, to *string) {
	l.log.Reject(l.tx.name(), l.where, reply, l.tx.context(from, to, &l.client))
}

// say sends a reply, of several lines when there is a \n in it. A client that has made errors waits.
func (l *loop) say(text string) {
	if l.errors >= l.cfg.SoftErrors {
		_ = l.wire.flush()
		l.cfg.Pause(l.ctx)
	}
	for {
		row, rest, more := strings.Cut(text, "\n")
		if more {
			row = row[:3] + "-" + row[4:]
		}
		l.record.Server(row)
		l.wire.write(row)
		l.wire.write("\r\n")
		if !more {
			return
		}
		text = rest
	}
}

// hangUp ends the session after the reply that was just said.
func (l *loop) hangUp() { l.gone = net.ErrClosed }

// hangUpNow is hangUp for a connection on which nothing more can be read.
func (l *loop) hangUpNow() {
	_ = l.wire.flush()
	l.wire.err = net.ErrClosed
	l.hangUp()
}

// lost ends the session because reading failed.
func (l *loop) lost(err error) {
	var timeout net.Error
	switch {
	case l.gone != nil:
		return
	case err == errStopping:
		l.wire.err = nil // the client can still be told
		l.say("421 4.3.2 " + l.cfg.Hostname + " Service not available, closing transmission channel")
		l.hangUpNow()
	case errors.As(err, &timeout) && timeout.Timeout():
		l.wire.err = nil
		l.ended = "timeout"
		l.say("421 4.4.2 " + l.cfg.Hostname + " Error: timeout exceeded")
		l.hangUpNow()
	default:
		l.ended = lostConnection
		l.hangUp()
	}
}

// hangUpGently closes the connection. If the client has typed ahead, closing at once would make TCP throw away the
// last reply, which tells why: so the client is given a moment to stop.
func (l *loop) hangUpGently() {
	type halfCloser interface{ CloseWrite() error }
	conn := l.wire.conn
	if half, ok := conn.(halfCloser); ok && l.wire.err == nil && l.where != "QUIT" && half.CloseWrite() == nil {
		_ = l.wire.raw.SetReadDeadline(time.Now().Add(time.Second))
		_, _ = io.CopyN(io.Discard, conn, 1<<20)
	}
	_ = conn.Close()
}

// upgrade turns TLS on after STARTTLS. What the client typed ahead in clear is thrown away: it may be somebody else's
// (RFC 3207 section 6, CVE-2011-0411). So is all that is known of it (section 4.2), and the session.
func (l *loop) upgrade() {
	if l.wire.flush() != nil {
		l.lost(l.wire.err)
		return
	}
	conn := tls.Server(l.wire.raw, l.cfg.TLS)
	ctx, cancel := context.WithTimeout(l.ctx, l.cfg.Timeout)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		l.log.Warning("TLS library problem: " + printable(err.Error(), '?'))
		l.ended, l.wire.err = lostConnection, err
		l.hangUp()
		return
	}
	l.logout()
	l.wire.secure(conn)
	l.client = Client{Peer: l.client.Peer, TLS: true}
	l.tx, l.method = nil, ""
	l.open()
}
