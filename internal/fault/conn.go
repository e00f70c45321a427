package fault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"slices"
	"sync"
	"time"

	"maillab/internal/period"
)

// Conn is a connection on which faults are. What they do is told to whoever records it.
type Conn struct {
	net.Conn
	ctx    context.Context
	faults []Fault
	draw   func(Fault) float64 // for jitter
	limit  int64               // of octets, both ways, after which it breaks off; 0: there is none

	mu     sync.Mutex
	tell   func(text string) // nil: nobody listens yet
	untold []string
	passed int64 // octets, both ways, of those that limit_data counts
	fell   bool  // it was broken off on purpose
}

// IsLine tells of a fault whether it is on a connection, from its beginning.
func (f Fault) IsLine() bool {
	return slices.Contains([]string{"latency", "bandwidth", "slow_close", "timeout", "reset_peer", "limit_data"}, f.Type) && f.Command == ""
}

// Wrap puts faults on a connection; ctx ends their waiting. Without any it only can be broken off.
func Wrap(ctx context.Context, conn net.Conn, faults []Fault, draw func(Fault) float64) *Conn {
	c := &Conn{Conn: conn, ctx: ctx, faults: faults, draw: draw}
	for _, f := range faults {
		c.Note(f.String())
		switch f.Type {
		case "timeout", "reset_peer":
			stop := time.AfterFunc(time.Duration(f.Timeout), func() { c.Break(f.Type, f.Type == "reset_peer") })
			context.AfterFunc(ctx, func() { stop.Stop() })
		case "limit_data":
			if c.limit == 0 {
				c.limit = int64(f.Bytes)
			}
		}
	}
	return c
}

// NetConn is the connection without its faults.
func (c *Conn) NetConn() net.Conn { return c.Conn }

// Tell has what is noted told, first what was before.
func (c *Conn) Tell(tell func(text string)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tell = tell
	for _, text := range c.untold {
		tell(text)
	}
	c.untold = nil
}

// Note notes what was done.
func (c *Conn) Note(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tell != nil {
		c.tell(text)
		return
	}
	c.untold = append(c.untold, text)
}

// Break breaks the connection off, with a reset where the line can say so.
func (c *Conn) Break(why string, reset bool) {
	c.mu.Lock()
	again := c.fell
	c.fell = true
	c.mu.Unlock()
	if again {
		return
	}
	c.Note("broken off: " + why)
	if tcp, is := c.Conn.(*net.TCPConn); is && reset {
		_ = tcp.SetLinger(0)
	}
	_ = c.Conn.Close()
}

// has returns the first fault of a type.
func (c *Conn) has(kind string) (Fault, bool) {
	i := slices.IndexFunc(c.faults, func(f Fault) bool { return f.Type == kind })
	if i < 0 {
		return Fault{}, false
	}
	return c.faults[i], true
}

// pause waits, and tells whether the connection goes on.
func (c *Conn) pause(d time.Duration) bool {
	return period.Wait(c.ctx, d) == nil
}

// Read implements net.Conn.
func (c *Conn) Read(p []byte) (int, error) {
	if _, silent := c.has("timeout"); silent { // what comes is swallowed, until it is broken off
		for {
			if _, err := c.Conn.Read(p); err != nil {
				return 0, err
			}
		}
	}
	if f, narrow := c.has("bandwidth"); narrow {
		p = p[:min(len(p), f.piece())]
	}
	n, err := c.Conn.Read(p)
	if f, narrow := c.has("bandwidth"); narrow && n > 0 {
		c.pause(f.takes(n))
	}
	return c.count(n), err
}

// Write implements net.Conn. An answer is written in one piece, and late in one.
func (c *Conn) Write(p []byte) (written int, err error) {
	if _, silent := c.has("timeout"); silent {
		return len(p), nil
	}
	for _, f := range c.faults {
		if f.Type == "latency" && !c.pause(Late(f, c.draw(f))) {
			return 0, net.ErrClosed
		}
	}
	f, narrow := c.has("bandwidth")
	for written < len(p) {
		piece := p[written:]
		if narrow {
			piece = piece[:min(len(piece), f.piece())]
		}
		if piece = piece[:min(int64(len(piece)), c.left())]; len(piece) == 0 {
			return written, net.ErrClosed
		}
		n, err := c.Conn.Write(piece)
		written += c.count(n)
		if err != nil {
			return written, err
		}
		if narrow {
			c.pause(f.takes(n))
		}
	}
	return written, nil
}

// Close implements net.Conn.
func (c *Conn) Close() error {
	c.mu.Lock()
	fell := c.fell
	c.mu.Unlock()
	if f, slow := c.has("slow_close"); slow && !fell {
		c.pause(time.Duration(f.Delay))
	}
	return c.Conn.Close()
}

// CloseWrite shuts down one direction.
func (c *Conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Close()
}

// left is how many octets may pass still.
func (c *Conn) left() int64 {
	if c.limit == 0 {
		return math.MaxInt64
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return max(0, c.limit-c.passed)
}

// count counts octets, and breaks off after the last that may pass. It returns how many were allowed.
func (c *Conn) count(n int) int {
	if c.limit == 0 || n <= 0 {
		return n
	}
	c.mu.Lock()
	c.passed += int64(n)
	over := c.passed - c.limit
	c.mu.Unlock()
	if over < 0 {
		return n
	}
	c.Break(fmt.Sprintf("after %d octets", c.limit), false)
	return max(0, n-int(over))
}

// ErrBroken is how a message's text ends in which the connection breaks off.
var ErrBroken = errors.New("the connection breaks off on purpose")

// Message is a message's text that ends with ErrBroken after so many octets, should it be longer.
func Message(text io.Reader, f Fault) io.Reader { return &cutText{text: text, left: int64(f.Bytes)} }

type cutText struct {
	text io.Reader
	left int64
}

// Read implements io.Reader.
func (t *cutText) Read(p []byte) (int, error) {
	if t.left <= 0 {
		return 0, ErrBroken
	}
	n, err := t.text.Read(p[:min(int64(len(p)), t.left)])
	t.left -= int64(n)
	return n, err
}

// piece is how much passes a narrow line at once: what it takes a tenth of a second for.
func (f Fault) piece() int { return int(max(1, f.Rate/10)) }

// takes is how long some octets take on a narrow line.
func (f Fault) takes(n int) time.Duration {
	return time.Duration(n) * time.Second / time.Duration(max(1, f.Rate))
}

// Late is how long a latency takes this time, by what was drawn for it.
func Late(f Fault, drawn float64) time.Duration {
	return time.Duration(f.Latency) + time.Duration((2*drawn-1)*float64(f.Jitter))
}
