package mbox

import (
	"context"
	"io"
	"slices"
	"sync"

	"maillab/internal/mail"
)

// Content is a message's octets on the wire: lines ending in CRLF, mboxrd quoting undone, mail readers' own headers
// left out. They never change as long as the message has its UID, even when others rewrite the file in between.
//
// It reads the file as it goes, in constant memory, and locks it only while it does. While it is open an expunged message
// stays in the file; mail.ErrGone tells that another program removed it. It is safe for concurrent use.
type Content struct {
	box          *box
	uid          uint32
	size, header int64

	mu     sync.Mutex
	closed bool
	bufs   *buffers
	window []byte // octets from at on, in bufs
	at     int64
	raw    *lines // unread rest of the message in the file; nil: to be found
	out    served
	moved  uint64 // of the picture that raw was found in
}

// rawBuffer is how much of the file is read at once at most.
const rawBuffer = 64 << 10

// buffers are what a content reads with; they are used again and again.
type buffers struct{ raw, window []byte }

func (s *Spool) takeBuffers() *buffers {
	if b, ok := s.buffers.Get().(*buffers); ok {
		return b
	}
	return &buffers{raw: make([]byte, rawBuffer), window: make([]byte, 0, rawBuffer+2)}
}

// Size is the number of octets of the message.
func (c *Content) Size() int64 { return c.size }

// Header is the number of octets of its header, the empty line included.
func (c *Content) Header() int64 { return c.header }

// ReadAt implements io.ReaderAt. Reading on from where the last read ended is cheap; going back starts over.
func (c *Content) ReadAt(p []byte, off int64) (n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for n < len(p) {
		pos := off + int64(n)
		if pos < 0 || pos >= c.size {
			return n, io.EOF
		}
		if pos < c.at {
			c.rewind()
		}
		if skip := pos - c.at; skip < int64(len(c.window)) {
			n += copy(p[n:], c.window[skip:])
			continue
		}
		if err := c.fill(len(p) - n); err != nil {
			return n, err
		}
	}
	return n, nil
}

// WriteTo implements io.WriterTo for the whole message.
func (c *Content) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, struct{ io.Reader }{io.NewSectionReader(c, 0, c.size)})
}

// Close gives the buffers back. The content must not be used afterwards.
func (c *Content) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.closed = true
		c.box.pins.add(c.uid, -1)
	}
	if c.bufs != nil {
		c.bufs.window = c.window[:0]
		c.box.spool.buffers.Put(c.bufs)
		c.bufs, c.raw, c.window, c.at = nil, nil, nil, 0
	}
	return nil
}

func (c *Content) rewind() { c.raw, c.window, c.at = nil, c.window[:0], 0 }

// fill replaces the window by the octets that follow it, about as many as are wanted.
func (c *Content) fill(want int) error {
	c.at += int64(len(c.window))
	c.window = c.window[:0]
	want = min(max(want, 2<<10), rawBuffer/2)
	return c.box.reading(context.Background(), func() error {
		skip, err := c.find()
		if err != nil {
			return err
		}
		return c.produce(want, skip)
	})
}

// find makes sure that raw is the message's rest in the file as it is now. If others moved it, its bytes are the same
// and it is read again from its beginning: skip octets of it are known already.
func (c *Content) find() (skip int64, err error) {
	b := c.box
	i, ok := b.find(c.uid)
	if !ok || b.f == nil {
		return 0, mail.ErrGone
	}
	if c.raw != nil && c.moved == b.moved {
		c.raw.r = b.f
		return 0, nil
	}
	if c.bufs == nil {
		c.bufs = b.spool.takeBuffers()
		c.window = c.bufs.window
	}
	c.raw = newLines(b.f, b.msgs[i].head, b.msgs[i].end, c.bufs.raw)
	c.out, c.moved = served{}, b.moved
	return c.at, nil
}

// produce puts octets into the window, after it has skipped some.
func (c *Content) produce(want int, skip int64) error {
	for len(c.window) < want {
		c.raw.step = want - len(c.window) + 512
		p, err := c.raw.read()
		if err == io.EOF {
			c.pad()
			return nil
		}
		if err != nil {
			return err
		}
		text, keep := c.out.line(p)
		if !keep {
			continue
		}
		c.window = append(c.window, text...)
		if p.ends {
			c.window = append(c.window, '\r', '\n')
		}
		cut := min(skip, int64(len(c.window)))
		if cut > 0 {
			skip -= cut
			c.window = append(c.window[:0], c.window[cut:]...)
		}
		if room := c.size - c.at; int64(len(c.window)) >= room {
			c.window = c.window[:room] // others may leave more empty lines at the end than there were
			return nil
		}
	}
	return nil
}

// pad supplies the empty lines at the end that others may have taken away.
func (c *Content) pad() {
	for n := c.size - c.at - int64(len(c.window)); n > 0; n -= 2 {
		c.window = append(c.window, "\r\n"[:min(n, 2)]...)
	}
}

// reading runs work while the file is as the picture says and stays so.
func (b *box) reading(ctx context.Context, work func() error) error {
	for range 10 {
		ok, err := b.tryReading(work)
		if ok {
			return err
		}
		if err := b.locked(ctx, aims{kind: readLock}, func() error { return b.look(ctx) }); err != nil {
			return err
		}
	}
	return mail.ErrLocked // somebody changes the file all the time
}

// Hold keeps other programs from changing the mailbox until release is called, if that is possible at once: many messages
// that are read one after another then cost one lock. Only for as long as a person does not notice.
func (m *Mailbox) Hold() (release func()) {
	m.b.mu.RLock()
	defer m.b.mu.RUnlock()
	lock := m.b.lock
	if m.b.f == nil || lock.hold() != nil {
		return func() {}
	}
	return lock.endHold
}

// tryReading tells with ok false that the file is not as the picture says, or that somebody is changing it.
func (b *box) tryReading(work func() error) (ok bool, err error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if !b.loaded {
		return false, nil
	}
	if b.f == nil {
		return true, work()
	}
	if err := b.lock.acquire(readLock); err != nil {
		return false, nil
	}
	defer b.lock.release(readLock)
	now, links, err := stampFile(b.f)
	if err != nil {
		return true, err
	}
	if links == 0 || now != b.known {
		return false, nil
	}
	return true, work()
}

// pins are the messages that are open, with how often: those stay in the file.
type pins struct {
	mu   sync.Mutex
	open map[uint32]int
}

func (p *pins) add(uid uint32, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open == nil {
		p.open = map[uint32]int{}
	}
	if p.open[uid] += n; p.open[uid] == 0 {
		delete(p.open, uid)
	}
}

// any tells whether one of these that is expunged is open.
func (p *pins) any(msgs []message) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.open) == 0 {
		return false
	}
	return slices.ContainsFunc(msgs, func(m message) bool { return m.expunged && p.open[m.UID] > 0 })
}
