//go:build linux

package mailproof

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"time"
)

// ledger is what the clients know: what was promised to them, and what they took away themselves. Entries are named
// "USER ID".
type ledger struct {
	mu    sync.Mutex
	known map[string]*fate
	found map[string]int // in the end
}

// fate is what is known of one message for one user.
type fate struct {
	offered  int  // times it was sent to its end without being refused
	acked    bool // was answered with 250
	bounced  bool // was sent back
	gone     bool // somebody deleted it, or moved it out
	expunged bool // and was told that it is
	queued   bool // went through the queue, which may deliver again after a crash: RFC 5321, 4.5.4.1
}

func newLedger() *ledger { return &ledger{known: map[string]*fate{}, found: map[string]int{}} }

func (l *ledger) note(m letter, change func(*fate)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, user := range m.to {
		entry := user
		if user == forwarder {
			entry = forwarded
		}
		f := l.known[entry+" "+m.id]
		if f == nil {
			f = &fate{}
			l.known[entry+" "+m.id] = f
		}
		f.queued = f.queued || slices.Contains(m.to, forwarder)
		change(f)
	}
}

// away notes that a user's messages are about to be deleted.
func (l *ledger) away(user string, ids ...string) {
	for _, id := range ids {
		l.note(letter{id: id, to: []string{user}}, func(f *fate) { f.gone = true })
	}
}

// A user with a .forward makes mail take the queue's way.
const forwarder, forwarded = "util8", "util9"

// writer sends all the mail, and gets back what cannot be delivered.
const writer = "util19"

// letter is a message.
type letter struct {
	id string
	to []string
	n  int // decides its form
	// body is the message's text, when it is not to be decided.
	body string
}

// text is told whole from torn by its last line. It holds what mailboxes stumble over. In large messages there are no
// From_ lines: mailutils 3.15 puts quotes into the middle of lines of such, every few thousand octets, when it saves.
func (m letter) text() string {
	body := cmp.Or(m.body, strings.Repeat("From a line of the body\r\n\r\n", 1+m.n%30))
	if m.n%17 == 16 {
		body = strings.Repeat(strings.Replace(body, "From ", "from ", -1), 300)
	}
	return "From: " + writer + "@local.isri.fr\r\nSubject: " + m.id + "\r\n\r\n" + body + "end of " + m.id + "\r\n"
}

// sender is an SMTP client that keeps trying as a mail server does.
type sender struct {
	name   string
	addr   string
	ledger *ledger
	rnd    *rand.Rand

	count   int
	refused error // what the last refusal said
	conn    *textproto.Conn
	link    net.Conn
}

func newSender(name, addr string, l *ledger, seed uint64) *sender {
	return &sender{name: name, addr: addr, ledger: l, rnd: rand.New(rand.NewPCG(seed, uint64(len(name))))}
}

// run sends message after message until ctx ends; the last one is finished. It returns how many were acknowledged.
func (s *sender) run(ctx context.Context, users []string) (sent int, err error) {
	defer s.hangUp()
	for ctx.Err() == nil && err == nil {
		var taken bool
		if taken, err = s.next(users); taken {
			sent++
		}
	}
	return sent, err
}

// next sends one more message, again and again until it is taken or refused.
func (s *sender) next(users []string) (taken bool, err error) {
	m := letter{id: fmt.Sprintf("%s.%d", s.name, s.count), n: s.rnd.IntN(1000)}
	s.count++
	for _, i := range s.rnd.Perm(len(users))[:1+s.rnd.IntN(min(3, len(users)))] {
		m.to = append(m.to, users[i])
	}
	for end := time.Now().Add(patience); ; {
		err := s.send(m)
		var refused *textproto.Error
		if err == nil || errors.As(err, &refused) {
			s.refused = err
			return err == nil, nil
		}
		s.hangUp()
		if time.Now().After(end) {
			return false, fmt.Errorf("%s is not taken: %w", m.id, err)
		}
	}
}

func (s *sender) hangUp() {
	if s.conn != nil {
		s.conn.Close()
		s.conn = nil
	}
}

// send makes one attempt. A *textproto.Error is a refusal.
func (s *sender) send(m letter) error {
	if s.conn == nil {
		if err := s.connect(); err != nil {
			return err
		}
	}
	_ = s.link.SetDeadline(time.Now().Add(patience))
	if err := s.command("MAIL FROM:<"+writer+"@local.isri.fr>", 250); err != nil {
		return err
	}
	for _, user := range m.to {
		if err := s.command("RCPT TO:<"+user+"@local.isri.fr>", 250); err != nil {
			return err
		}
	}
	if err := s.command("DATA", 354); err != nil {
		return err
	}
	s.ledger.note(m, func(f *fate) { f.offered++ })
	err := s.command(m.text()+".", 250)
	var refused *textproto.Error
	switch {
	case err == nil:
		s.ledger.note(m, func(f *fate) { f.acked = true })
	case errors.As(err, &refused) && len(m.to) == 1: // of several, some mailboxes may have it: RFC 5321, 4.5.4.1
		s.ledger.note(m, func(f *fate) { f.offered-- })
	}
	return err
}

func (s *sender) connect() error {
	conn, err := net.DialTimeout("tcp", s.addr, patience)
	if err != nil {
		return err
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	s.link, s.conn = conn, textproto.NewConn(conn)
	if _, _, err := s.conn.ReadResponse(220); err != nil {
		s.hangUp()
		return fmt.Errorf("greeting: %v", err) // a 421 is worth another try: no *textproto.Error
	}
	return s.command("EHLO load", 250)
}

// command says something and wants an answer. A closing server is no refusal.
func (s *sender) command(text string, code int) error {
	if err := s.conn.PrintfLine("%s", text); err != nil {
		return err
	}
	_, _, err := s.conn.ReadResponse(code)
	var refused *textproto.Error
	if errors.As(err, &refused) && refused.Code == 421 {
		return errors.New(refused.Msg)
	}
	return err
}

// typist types lines at any of the protocols.
type typist struct {
	net.Conn
	in *bufio.Reader
}

func dial(addr string) (*typist, error) {
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	return &typist{conn, bufio.NewReader(conn)}, nil
}

func (c *typist) line() (string, error) {
	line, err := c.in.ReadString('\n')
	return strings.TrimRight(line, "\r\n"), err
}

// say types a line and reads up to the line that starts with until, which is the last.
func (c *typist) say(text, until string) (lines []string, err error) {
	if _, err := fmt.Fprintf(c, "%s\r\n", text); err != nil {
		return nil, err
	}
	return c.upTo(until)
}

func (c *typist) upTo(until string) (lines []string, err error) {
	for {
		line, err := c.line()
		if err != nil {
			return lines, err
		}
		lines = append(lines, line)
		if strings.HasPrefix(line, until) {
			return lines, nil
		}
		if strings.HasPrefix(line, "-ERR") || until == "t OK" && (strings.HasPrefix(line, "t NO") || strings.HasPrefix(line, "t BAD")) {
			return lines, errors.New(line)
		}
	}
}
