package imap

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"

	"maillab/internal/mail"
	"maillab/internal/mail/imap/syntax"
)

// A message that is appended is kept in a file while it comes, when it is larger than spillAt: several large ones at once
// would otherwise take more memory than there is. It is not written to the mailbox as it comes, for the mailbox would be
// locked as long as the client takes.
const spillAt = maxLiteral

// spillsPerUser bounds how many large messages an account may be sending at the same time.
const spillsPerUser = 8

// spill is a literal in a file.
type spill struct {
	f      *os.File
	at     int // where in the command it would begin
	size   int64
	err    error    // it could not be written down
	second *os.File // the message in another form; nil: there is none
	done   func()
}

// body is the literal, to be read again and again.
func (s *spill) body() (*io.SectionReader, error) { return io.NewSectionReader(s.f, 0, s.size), s.err }

// outside tells a parser where the literal is.
func (s *spill) outside() *syntax.Outside {
	if s == nil {
		return nil
	}
	return &syntax.Outside{At: s.at, Body: s.body}
}

func (s *spill) close() {
	if s != nil {
		_ = s.f.Close()
		if s.second != nil {
			_ = s.second.Close()
		}
		s.done()
	}
}

// Write implements io.Writer. It takes all that comes, whatever becomes of it: the literal has to be read to its end.
func (s *spill) Write(b []byte) (int, error) {
	if s.err == nil {
		if _, s.err = s.f.Write(b); errors.Is(s.err, syscall.ENOSPC) {
			s.err = errors.Join(mail.ErrFull, s.err)
		}
	}
	return len(b), nil
}

// spills tells whether the literal that was announced at the end of buf goes to a file.
func (c literals) spills(buf []byte, n int64) bool {
	return n > spillAt && c.spill == nil && c.cfg.Stage != nil && c.appending(buf)
}

// newSpill makes room for a literal of n octets behind buf. What is in the way is for the client.
func (c literals) newSpill(buf []byte, n int64) (refused reply, ok bool) {
	done, ok := c.srv.spills.take(c.user.Name())
	if !ok {
		return no("LIMIT", "Too many large messages at once, try again."), false // RFC 5530
	}
	f, err := c.cfg.Stage()
	if err != nil {
		done()
		c.cfg.Logger.Error("imap: no room for a large message", "user", c.stats.User, "err", err)
		return no("UNAVAILABLE", "Temporary problem, please try again later"), false
	}
	c.spill = &spill{f: f, at: len(buf) + len("\r\n"), size: n, done: done}
	return reply{}, true
}

// spills counts them by account.
type spills struct {
	mu   sync.Mutex
	open map[string]int
}

func (s *spills) take(user string) (done func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[user] >= spillsPerUser {
		return nil, false
	}
	if s.open == nil {
		s.open = map[string]int{}
	}
	s.open[user]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.open[user]--; s.open[user] == 0 {
			delete(s.open, user)
		}
	}, true
}
