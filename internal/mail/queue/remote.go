package queue

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"maillab/internal/mail"
)

// attemptLimit bounds a whole conversation, so that a server which answers a byte a minute ends too.
const attemptLimit = 10 * time.Minute

// conversation is one attempt at one server.
type conversation struct {
	q       *Queue
	e       *entry
	server  server
	copies  []copyFor
	begin   time.Time
	talking time.Time // when the server had greeted; zero until then
	host    string    // mx.example.com[192.0.2.25]
	relay   string    // for the log: none, or host:port
	out     []outcome
}

// speak tries to hand a message to a server, for some of its recipients.
func (q *Queue) speak(ctx context.Context, e *entry, s server, copies []copyFor, begin time.Time) []outcome {
	ctx, cancel := context.WithTimeout(ctx, attemptLimit)
	defer cancel()
	c := &conversation{q: q, e: e, server: s, copies: copies, begin: begin, relay: "none", host: s.name}
	if err := q.mayRoute(s); err != nil {
		c.all(result{State: stateDeferred, DSN: "4.4.1", Text: err.Error()})
		return c.out
	}
	hosts, why := q.hostsOf(ctx, s)
	if len(hosts) == 0 {
		c.all(why)
		return c.out
	}
	c.tryAll(ctx, hosts)
	return c.out
}

// tryAll tries one host after the other, until one has spoken about the message.
func (c *conversation) tryAll(ctx context.Context, hosts []server) {
	var last result
	for _, host := range hosts {
		c.server, c.host, c.relay, c.talking = host, host.name, "none", time.Time{}
		conn, err := c.connect(ctx)
		if err != nil {
			last = c.noConnection(err)
			continue
		}
		failed, spoke := c.talk(ctx, conn)
		conn.Close()
		if spoke {
			return
		}
		last = failed
	}
	c.all(last)
}

// mayRoute says why a route's listener is not to be spoken to. Nobody listening is not a reason: connecting will tell.
func (r *resolver) mayRoute(s server) error {
	if !s.route || r.cfg.AnyListener {
		return nil
	}
	uid, listening := r.cfg.ListenerOwner(s.dial)
	if !listening {
		return nil
	}
	account, known := r.cfg.Accounts.LookupUID(uid)
	if known && (s.owner == "" || account.Name == s.owner) {
		return nil
	}
	if s.owner == "" {
		return fmt.Errorf("%s is not listened on by an account of this server", s.dial)
	}
	return fmt.Errorf("%s is not listened on by %s", s.dial, s.owner)
}

// connect dials the server and learns its address for the log.
func (c *conversation) connect(ctx context.Context) (net.Conn, error) {
	host, port, err := net.SplitHostPort(c.server.dial)
	if err != nil {
		return nil, err
	}
	conn, err := c.q.cfg.dial(ctx, c.server.dial)
	if err == nil {
		if a, _, err := net.SplitHostPort(conn.RemoteAddr().String()); err == nil {
			host = a
		}
	}
	c.host = fmt.Sprintf("%s[%s]", c.server.name, host)
	if err == nil {
		c.relay = c.host + ":" + port
	}
	return conn, err
}

// noConnection is the result for a server that is not reached, in Postfix's words.
func (c *conversation) noConnection(err error) result {
	_, port, _ := net.SplitHostPort(c.server.dial)
	var dns *net.DNSError
	if errors.As(err, &dns) {
		text := fmt.Sprintf("Host or domain name not found. Name service error for name=%s type=A: Host not found", dns.Name)
		return result{State: stateDeferred, DSN: "4.4.3", Text: text}
	}
	text := fmt.Sprintf("connect to %s:%s: %s", c.host, port, connectError(err))
	c.q.cfg.Log.Note("smtp", text)
	return result{State: stateDeferred, DSN: "4.4.1", Text: text}
}

// connectError is strerror(3)'s text for a failed connection.
func connectError(err error) string {
	var no syscall.Errno
	switch {
	case isTimeout(err):
		return "Connection timed out"
	case errors.As(err, &no):
		return sentence(no.Error())
	default:
		return oneLine(err.Error())
	}
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &t) && t.Timeout()
}

// talk goes through the conversation. A server that does not come to speak of the message has only failed.
func (c *conversation) talk(ctx context.Context, conn net.Conn) (failed result, spoke bool) {
	s, err := c.greet(ctx, conn)
	var refused *reply
	switch {
	case errors.As(err, &refused):
		return c.notNow(refused), false
	case err != nil:
		return c.broken(err, "performing the EHLO handshake"), false
	}
	c.talking = c.q.cfg.Now()
	if c.transact(s) {
		s.quit()
	}
	return result{}, true
}

// greet waits for the greeting and says hello.
func (c *conversation) greet(ctx context.Context, conn net.Conn) (session, error) {
	if c.server.route {
		return openPlain(conn, c.q.cfg.Hostname)
	}
	var config *tls.Config
	if c.server.tls {
		config = c.q.cfg.TLS.Clone()
		config.ServerName = c.server.name
	}
	return openLibrary(conn, c.q.cfg.Hostname, config, func() (net.Conn, error) { return c.q.cfg.dial(ctx, c.server.dial) })
}

// transact is one MAIL transaction. It returns whether the connection can still be said goodbye on.
func (c *conversation) transact(s session) bool {
	if err := s.mail(c.e); err != nil {
		c.all(c.failure(err, "MAIL FROM command", "sending MAIL FROM"))
		return isReply(err)
	}
	var taken []copyFor
	for _, r := range c.copies {
		err := s.rcpt(c.e.env.Recipients[r.rcpt])
		switch {
		case err == nil:
			taken = append(taken, r)
		case isReply(err):
			c.one(r, c.failure(err, "RCPT TO command", ""))
		default:
			c.all(c.broken(err, "sending RCPT TO"))
			return false
		}
	}
	if len(taken) == 0 {
		return true
	}
	c.copies = taken
	f, text, err := c.q.store.open(c.e)
	if err != nil {
		c.all(result{State: stateDeferred, DSN: "4.3.0", Text: "cannot read queue file: " + cause(err)})
		return true
	}
	defer f.Close()
	return c.send(s, text)
}

// send is DATA and what follows.
func (c *conversation) send(s session, text io.Reader) bool {
	answer, err := s.data(text)
	if err != nil {
		command, while := "DATA command", "sending DATA command"
		var at *cut
		if errors.As(err, &at) {
			command, while = "end of DATA command", at.while
		}
		c.all(c.failure(err, command, while))
		return isReply(err)
	}
	c.all(result{State: stateSent, DSN: dsnOf(2, enhancedIn(answer)), Text: quoted(answer), RemoteMTA: c.server.name,
		Via: c.relay})
	return true
}

// saidLimit is how much of an answer is told to others and kept.
const saidLimit = 1000

// quoted is what a server said, as others are told.
func quoted(answer string) string {
	if len(answer) > saidLimit {
		answer = strings.ToValidUTF8(answer[:saidLimit], "?") + "..."
	}
	return oneLine(answer)
}

func isReply(err error) bool {
	var r *reply
	return errors.As(err, &r)
}

// failure is the result for a refused command or a conversation that broke.
func (c *conversation) failure(err error, command, while string) result {
	var r *reply
	if errors.As(err, &r) {
		return c.refusal(r, "host %s said: %s", " (in reply to "+command+")")
	}
	return c.broken(err, while)
}

// refusal is the result for a reply: 5xx sends the message back, anything else keeps it.
func (c *conversation) refusal(r *reply, form, tail string) result {
	state, class := stateDeferred, 4
	if r.code >= 500 {
		state, class = stateBounced, 5
	}
	enhanced := r.enhanced
	if enhanced == "" {
		enhanced = enhancedIn(r.Error())
	}
	said := quoted(r.Error())
	return result{State: state, DSN: dsnOf(class, enhanced), Text: fmt.Sprintf(form, c.host, said) + tail,
		RemoteMTA: c.server.name, Reply: said}
}

// notNow is the result for a server that does not want to talk at all. That is never the message's fault, so it stays
// even on a 5xx (Postfix's smtp_skip_5xx_greeting).
func (c *conversation) notNow(r *reply) result {
	said := *r
	said.code = 400 + r.code%100
	out := c.refusal(&said, "", "")
	out.Text = fmt.Sprintf("host %s refused to talk to me: %s", c.host, quoted(r.Error()))
	out.Reply = quoted(r.Error())
	return out
}

// broken is the result for a conversation that ended by itself.
func (c *conversation) broken(err error, while string) result {
	text := fmt.Sprintf("lost connection with %s while %s", c.host, while)
	switch {
	case isTimeout(err):
		text = fmt.Sprintf("conversation with %s timed out while %s", c.host, while)
	case errors.Is(err, errTalkative):
		text = fmt.Sprintf("host %s did not stop talking while %s: %v", c.host, while, errTalkative)
	}
	return result{State: stateDeferred, DSN: "4.4.2", Text: text}
}

// enhancedIn finds the enhanced status code behind a reply's code (RFC 2034).
func enhancedIn(answer string) string {
	f := strings.Fields(answer)
	if len(f) < 2 {
		return ""
	}
	parts := strings.Split(f[1], ".")
	if len(parts) != 3 {
		return ""
	}
	for _, p := range parts {
		if n, err := strconv.Atoi(p); err != nil || n < 0 || n > 999 {
			return ""
		}
	}
	return f[1]
}

// dsnOf is the server's own status code if it is of the class that counts, else a general one.
func dsnOf(class int, enhanced string) string {
	if strings.HasPrefix(enhanced, strconv.Itoa(class)+".") {
		return enhanced
	}
	return fmt.Sprintf("%d.0.0", class)
}

// all gives every recipient that has none yet a result.
func (c *conversation) all(r result) {
	for _, copy := range c.copies {
		c.one(copy, r)
	}
}

// one gives a recipient its result, the first one counts.
func (c *conversation) one(copy copyFor, r result) {
	for _, o := range c.out {
		if o.rcpt == copy.rcpt {
			return
		}
	}
	now := c.q.cfg.Now()
	d := mail.Delays{Before: since(c.e.env.Arrived, c.e.queued), InQueue: since(c.e.queued, c.begin), Connect: since(c.begin, now)}
	if !c.talking.IsZero() {
		d.Connect, d.Transmit = since(c.begin, c.talking), since(c.talking, now)
	}
	c.out = append(c.out, outcome{rcpt: copy.rcpt, to: copy.dest.address, process: "smtp", relay: c.relay, delays: d, result: r})
}

// hostOf is the host of host:port.
func hostOf(hostport string) string {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		return hostport
	}
	return host
}
