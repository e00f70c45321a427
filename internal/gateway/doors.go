package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"maillab/internal/control"
	"maillab/internal/mail"
)

// The connections to one sandbox, over all of its services, are bounded: what this process has in descriptors and memory
// is shared out among its sandboxes. Each may have perSandbox, far above what a student types; one that a whole class
// shares has total, which is above what maild allows to one address (package maild, limits), so that maild's limits are
// met first. Once all together have total, only those get more that have less than an equal part of half as many again.
const (
	perSandbox = 512
	total      = 4096
)

// share is how many connections each of so many sandboxes may have, and how many it may have whatever the others do.
func share(sandboxes int) (most, always int32) {
	each := total / max(1, sandboxes)
	return int32(max(perSandbox, each)), int32(max(1, each/2))
}

// tooMany is what each service says when there are too many connections. SSH allows lines before the server's version
// (RFC 4253 section 4.2).
func tooMany(service string) string {
	switch service {
	case "smtp":
		return "421 4.7.0 Error: too many connections\r\n"
	case "pop3":
		return "-ERR [SYS/TEMP] Too many connections.\r\n"
	case "imap":
		return "* BYE Too many connections.\r\n"
	}
	return "Too many connections.\r\n"
}

// retryPause is how often doors that did not open are tried again.
const retryPause = time.Second

// doors are the listeners. A door whose listen address stays keeps its listener and what waits in it, also when it comes
// to lead elsewhere.
type doors struct {
	ctx       context.Context // of the process: bounds every connection handed on
	sandboxes Sandboxes
	log       *slog.Logger

	mu       sync.Mutex
	want     control.Doors
	open     map[string]*entry // by listen address
	counts   map[int]*atomic.Int32
	lives    map[int]life // by seat, of those whose doors are open
	all      atomic.Int32 // connections
	retrying bool
	closed   bool

	listen func(ctx context.Context, network, address string) (net.Listener, error)
}

// entry is a door that is open.
type entry struct {
	listener net.Listener
	leads    atomic.Pointer[lead]
	crowd    *crowd
}

// life is as long as a seat's doors are open: connections through them end with it.
type life struct {
	ctx context.Context
	end context.CancelFunc
}

// lead is where a door leads now.
type lead struct {
	life    context.Context
	target  control.Target
	service string
	count   *atomic.Int32
	most    int32 // connections to the sandbox
	always  int32 // of them, whatever others have
	hidden  bool  // the engine forwards to the door: all peers have its address
}

func newDoors(ctx context.Context, s Sandboxes, log *slog.Logger) *doors {
	return &doors{ctx: ctx, sandboxes: s, log: log, open: map[string]*entry{}, counts: map[int]*atomic.Int32{}, lives: map[int]life{}, listen: new(net.ListenConfig).Listen}
}

// set opens, redirects and closes doors until they are those of want. Every door that can be opened is, whatever the
// others do; the error names those that cannot, which are tried again until they can.
func (d *doors) set(want control.Doors) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.want = want
	err := d.move()
	if err != nil && !d.closed && !d.retrying {
		d.retrying = true
		go d.retry()
	}
	return err
}

// move brings the listeners to what is wanted, as far as that can be had. The lock is held.
func (d *doors) move() error {
	leads := d.leads()
	for listen, o := range d.open {
		if leads[listen] == nil {
			o.listener.Close()
			delete(d.open, listen)
		}
	}
	var failed []error
	for listen, l := range leads {
		if err := d.openOne(listen, l); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

func (d *doors) leads() map[string]*lead {
	leads := map[string]*lead{}
	for _, t := range d.want.Targets() {
		for _, door := range t.Doors {
			if !t.Closed {
				leads[listensAt(door)] = d.lead(t, door)
			}
		}
		if l, is := d.lives[t.Seat]; is && t.Closed {
			l.end()
			delete(d.lives, t.Seat)
		}
	}
	return leads
}

// lead is where a door of a target leads. The lock is held.
func (d *doors) lead(t control.Target, door control.Door) *lead {
	if d.counts[t.Seat] == nil {
		d.counts[t.Seat] = new(atomic.Int32)
	}
	if _, lives := d.lives[t.Seat]; !lives {
		ctx, end := context.WithCancel(d.ctx)
		d.lives[t.Seat] = life{ctx, end}
	}
	most, always := share(len(d.want.Sandboxes))
	if t.Seat == control.WebSeat { // the whole class's
		most, always = total/2, perSandbox
	}
	return &lead{life: d.lives[t.Seat].ctx, target: t, service: door.Service, count: d.counts[t.Seat], most: most, always: always, hidden: door.At != ""}
}

// listensAt is where this process listens for a door.
func listensAt(door control.Door) string { return cmp.Or(door.At, door.Listen) }

// inForce is what is wanted without the doors that are not open, here or elsewhere.
func (d *doors) inForce(shut map[string]bool) control.Doors {
	d.mu.Lock()
	defer d.mu.Unlock()
	in := control.Doors{Sandboxes: slices.Clone(d.want.Sandboxes), Filter: d.want.Filter, Mesh: d.want.Mesh}
	for i := range in.Sandboxes {
		in.Sandboxes[i].Doors = d.opened(in.Sandboxes[i].Doors, shut)
	}
	if d.want.Web != nil {
		web := *d.want.Web
		web.Doors = d.opened(web.Doors, shut)
		in.Web = &web
	}
	return in
}

// opened are those of some doors that are open. The lock is held.
func (d *doors) opened(some []control.Door, shut map[string]bool) []control.Door {
	return slices.DeleteFunc(slices.Clone(some), func(door control.Door) bool {
		return d.open[listensAt(door)] == nil || shut[listensAt(door)]
	})
}

// shut are the addresses at which it should listen and does not, in order.
func (d *doors) shut() (at []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, t := range d.want.Targets() {
		for _, door := range t.Doors {
			if listen := listensAt(door); d.open[listen] == nil && !t.Closed {
				at = append(at, listen)
			}
		}
	}
	return at
}

// passed lets in what came in at a door of another node, as at ours. It owns the connection.
func (d *doors) passed(t control.Target, service string, conn net.Conn) {
	for _, door := range t.Doors {
		if door.Service != service || t.Closed {
			continue
		}
		d.mu.Lock()
		o := d.open[listensAt(door)]
		if o == nil { // the port is somebody else's here
			o = &entry{crowd: newCrowd(service, door.At != "")}
			o.leads.Store(d.lead(t, door))
		}
		d.mu.Unlock()
		d.admit(o, conn)
		return
	}
	conn.Close()
}

func (d *doors) openOne(listen string, l *lead) error {
	if o := d.open[listen]; o != nil {
		o.leads.Store(l)
		return nil
	}
	if d.closed {
		return net.ErrClosed
	}
	listener, err := d.listen(d.ctx, "tcp", listen)
	if err != nil {
		return fmt.Errorf("door of %s for %s: %w", l.target.Name(), l.service, err)
	}
	o := &entry{listener: listener, crowd: newCrowd(l.service, l.hidden)}
	o.leads.Store(l)
	d.open[listen] = o
	go d.accept(o)
	return nil
}

// accept runs until the door is closed.
func (d *doors) accept(o *entry) {
	for {
		conn, err := o.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of descriptors, most likely: let some go
			d.log.Warn("accepting", "door", o.listener.Addr(), "err", err)
			time.Sleep(50 * time.Millisecond)
			continue
		}
		d.admit(o, conn)
	}
}

// admit lets a connection in, or closes it on the spot: what is refused costs no goroutine and no word.
func (d *doors) admit(o *entry, conn net.Conn) {
	peer := mail.PeerOf(conn).Remote.Addr()
	wait, ok := o.crowd.enter(peer, time.Now())
	if !ok {
		if tcp, is := conn.(*net.TCPConn); is {
			_ = tcp.SetLinger(0)
		}
		conn.Close()
		return
	}
	go func() {
		defer o.crowd.leave(peer)
		time.Sleep(wait)
		d.serve(o.leads.Load(), conn, o.crowd.crowded(peer, o.leads.Load().most))
	}()
}

// serve hands a connection on; one too many is told so.
func (d *doors) serve(l *lead, conn net.Conn, crowded bool) {
	defer l.count.Add(-1)
	defer d.all.Add(-1)
	here, all := l.count.Add(1), d.all.Add(1)
	if crowded || here > l.most || all > total && here > l.always {
		_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = io.WriteString(conn, tooMany(l.service))
		conn.Close()
		return
	}
	d.sandboxes.Serve(l.life, l.target, l.service, conn)
}

// retry tries again, what is wanted by then, until every door is open or the gateway closes.
func (d *doors) retry() {
	for !d.again() {
		select {
		case <-d.ctx.Done():
			return
		case <-time.After(retryPause):
		}
	}
}

// again tells whether there is nothing left to try. Looking and moving are under one lock: what is wanted may change at
// any time.
func (d *doors) again() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.retrying = !d.closed && d.move() != nil
	return !d.retrying
}

func (d *doors) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for listen, o := range d.open {
		o.listener.Close()
		delete(d.open, listen)
	}
}
