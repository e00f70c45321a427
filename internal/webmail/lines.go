package webmail

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// Bounds of an account's connections.
const (
	maxLines = 3                // in use at the same time; who comes fourth waits
	idleLife = 90 * time.Second // then an unused one is logged out
	goodbye  = 3 * time.Second  // that a logout may take
)

// line is a connection that has logged in.
type line struct {
	*imapclient.Client
	prefix string      // of the account's folders: "INBOX." in Courier's wording
	sep    rune        // between the parts of a folder's name; 0: there are none
	retire *time.Timer // while it is idle
}

// lines are an account's connections. Each serves one request at a time; idle ones are kept for a while, so that a page does
// not cost a login.
type lines struct {
	dial   func(ctx context.Context) (*line, error)
	places chan struct{} // has room for as many as may be in use

	mu     sync.Mutex
	idle   []*line
	closed bool
}

func newLines(dial func(ctx context.Context) (*line, error)) *lines {
	return &lines{dial: dial, places: make(chan struct{}, maxLines)}
}

// do lends a line to use. When ctx ends, so does the line, whatever it was waiting for.
func (l *lines) do(ctx context.Context, use func(*line) error) error {
	select {
	case l.places <- struct{}{}:
		defer func() { <-l.places }()
	case <-ctx.Done():
		return problem{key: "busy"}
	}
	c, err := l.take(ctx)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	err = use(c)
	if whole := stop(); whole && stillGood(err) {
		l.keep(c)
	} else {
		_ = c.Close()
	}
	return err
}

// stillGood tells whether a line can be used after an error: the server has refused something, or we have.
func stillGood(err error) bool {
	var refused *imap.Error
	var ours problem
	return err == nil || errors.As(err, &refused) || errors.As(err, &ours)
}

// take is an idle line that still answers, or a new one.
func (l *lines) take(ctx context.Context) (*line, error) {
	for c := l.pop(); c != nil; c = l.pop() {
		stop := context.AfterFunc(ctx, func() { _ = c.Close() })
		err := c.Noop().Wait()
		if stop() && err == nil {
			return c, nil
		}
		_ = c.Close()
	}
	return l.dial(ctx)
}

func (l *lines) pop() *line {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.idle) > 0 {
		c := l.idle[len(l.idle)-1]
		l.idle = l.idle[:len(l.idle)-1]
		if c.retire.Stop() {
			return c
		}
	}
	return nil
}

// keep puts a line aside until it is needed, or has waited for too long.
func (l *lines) keep(c *line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		go c.leave()
		return
	}
	c.retire = time.AfterFunc(idleLife, func() { l.drop(c) })
	l.idle = append(l.idle, c)
}

// drop logs a line out that nobody has needed. One whose timer has ended is nobody's else: pop leaves it out.
func (l *lines) drop(c *line) {
	l.mu.Lock()
	for i, other := range l.idle {
		if other == c {
			l.idle = append(l.idle[:i], l.idle[i+1:]...)
			break
		}
	}
	l.mu.Unlock()
	c.leave()
}

// close logs all idle lines out; those in use follow when they come back.
func (l *lines) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	for c := l.pop(); c != nil; c = l.pop() {
		go c.leave()
	}
}

// leave says goodbye, so that the server's log has a logout and not a lost connection.
func (c *line) leave() {
	bell := time.AfterFunc(goodbye, func() { _ = c.Close() })
	defer bell.Stop()
	_ = c.Logout().Wait() // it closes, in any case
	_ = c.Close()
}
