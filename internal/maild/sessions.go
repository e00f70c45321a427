package maild

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// errReset is what a POP3 or IMAP client is told when the mailbox under it is put back.
//
//lint:ignore ST1005 it goes to a person at a prompt, as a sentence
var errReset = errors.New("Mailbox was reset, please log in again")

// sessions are the POP3 and IMAP connections that there are, so that those of an account can be ended before its
// mailbox is replaced. Lock order: gate, mu.
type sessions struct {
	gate sync.RWMutex // held for reading while somebody logs in, for writing while mailboxes are replaced

	mu   sync.Mutex
	open map[*session]bool
}

// session is one connection.
type session struct {
	account string // "" before login
	conn    net.Conn
	end     context.CancelCauseFunc
	ended   chan struct{}
}

type sessionKey struct{}

func newSessions() *sessions { return &sessions{open: map[*session]bool{}} }

// enter counts a connection in; its context ends when a reset wants it to.
func (s *sessions) enter(ctx context.Context, conn net.Conn) (inner context.Context, leave func()) {
	one := &session{conn: conn, ended: make(chan struct{})}
	ctx, one.end = context.WithCancelCause(context.WithValue(ctx, sessionKey{}, one))
	s.mu.Lock()
	s.open[one] = true
	s.mu.Unlock()
	return ctx, func() {
		one.end(nil)
		s.mu.Lock()
		delete(s.open, one)
		s.mu.Unlock()
		close(one.ended)
	}
}

// login says whose the connection of ctx is from now on, and runs open with no mailbox being replaced meanwhile.
func (s *sessions) login(ctx context.Context, account string, open func() error) error {
	s.gate.RLock()
	defer s.gate.RUnlock()
	if one, ok := ctx.Value(sessionKey{}).(*session); ok {
		s.mu.Lock()
		one.account = account
		s.mu.Unlock()
	}
	return open()
}

// sessionPatience is how long a session may take to say its last word, and again to let go of its mailbox once its
// connection is closed.
const sessionPatience = time.Second / 2

// close ends the sessions of accounts, and lets nobody log in until reopen is called. It returns how many it ended.
func (s *sessions) close(of func(account string) bool) (ended int, reopen func()) {
	s.gate.Lock()
	s.mu.Lock()
	var theirs []*session
	for one := range s.open {
		if one.account != "" && of(one.account) {
			theirs = append(theirs, one)
			one.end(errReset)
		}
	}
	s.mu.Unlock()
	late := time.After(sessionPatience)
	for _, one := range theirs {
		select {
		case <-one.ended:
		case <-late:
			late = closedTimer()
			_ = one.conn.Close()
		}
	}
	late = time.After(sessionPatience)
	for _, one := range theirs {
		select {
		case <-one.ended:
		case <-late:
			late = closedTimer() // what it still does is done before the spool is at rest
		}
	}
	return len(theirs), s.gate.Unlock
}

// closedTimer is a timer that has fired, for ever.
func closedTimer() <-chan time.Time {
	c := make(chan time.Time)
	close(c)
	return c
}
