package maild

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"maillab/internal/between"
	"maillab/internal/control"
	"maillab/internal/handoff"
	"maillab/internal/lesson"
	"maillab/internal/safeio"
	"maillab/internal/spec"
	"maillab/internal/worksheet"
)

// power is whether a student's mail server runs. One that its student has stopped refuses connections to its ports, breaks off
// those that there are, and tries no mail; what programs hand in waits. Names, control, the lab command and the page are not the
// mail server's: they go on. It is kept in stopped.json, so that the student finds it as it was left; a reset starts it.
type power struct {
	file   string
	turned func(off bool) // is called for each change, in their order, with mu held

	mu      sync.Mutex
	off     bool
	changed chan struct{}      // closed when off changes
	ctx     context.Context    // of the connections: ends when the server is stopped
	end     context.CancelFunc // ends ctx
	ports   []net.Listener     // that refuse while it is stopped
}

// stopped is the content of the file.
type stopped struct {
	Stopped bool `json:"stopped"`
}

func openPower(dir string, turned func(off bool)) (*power, error) {
	p := &power{file: filepath.Join(dir, "stopped.json"), turned: turned, changed: make(chan struct{})}
	p.ctx, p.end = context.WithCancel(context.Background())
	var was stopped
	err := safeio.ReadJSON(p.file, &was)
	if p.off = was.Stopped; p.off {
		p.end()
	}
	return p, err
}

// mailServices are those that stop with the server.
func mailServices() []string { return []string{"smtp", "pop3", "imap"} }

// isOff tells whether the server is stopped.
func (p *power) isOff() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.off
}

// change stops the server or starts it. That it is so already is no error; a file that cannot be written changes nothing.
func (p *power) change(off bool) (err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if off == p.off {
		return nil
	}
	if off {
		err = safeio.WriteJSON(p.file, stopped{true})
	} else if err = os.Remove(p.file); errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return err
	}
	if p.off = off; off {
		p.end()
	} else {
		p.ctx, p.end = context.WithCancel(context.Background())
	}
	close(p.changed)
	p.changed = make(chan struct{})
	for _, l := range p.ports {
		openPort(l, !off)
	}
	p.turned(off)
	return nil
}

// attend makes a port refuse connections while the server is stopped.
func (p *power) attend(l net.Listener) (leave func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ports = append(p.ports, l)
	if p.off {
		openPort(l, false)
	}
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.ports = slices.DeleteFunc(p.ports, func(other net.Listener) bool { return other == l })
	}
}

// await waits until the server runs, and tells whether it does: not when ctx ended.
func (p *power) await(ctx context.Context) bool {
	for {
		p.mu.Lock()
		off, changed := p.off, p.changed
		p.mu.Unlock()
		if !off {
			return ctx.Err() == nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// running is a connection's context, which also ends when the server is stopped; nil while it is.
func (p *power) running(ctx context.Context) (context.Context, context.CancelFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.off {
		return nil, nil
	}
	inner, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(p.ctx, cancel)
	return inner, func() { stop(); cancel() }
}

// admit takes a connection of a service, or turns it away as a port at which nobody listens. The context is that in which it
// is served.
func (d *Daemon) admit(ctx context.Context, service string, conn net.Conn) (inner context.Context, leave context.CancelFunc, ok bool) {
	if !slices.Contains(mailServices(), service) {
		return ctx, func() {}, take(conn)
	}
	if inner, leave = d.power.running(ctx); inner == nil {
		refuse(conn)
		return nil, nil, false
	}
	if !take(conn) {
		leave()
		return nil, nil, false
	}
	return inner, leave, true
}

// take takes a neighbour's connection; of any other there is nothing to say.
func take(conn net.Conn) bool {
	if handed, is := conn.(*handoff.Conn); !is || !handed.Neighbour {
		return true
	}
	if between.Take(conn) != nil {
		conn.Close()
		return false
	}
	return true
}

// refuse closes a connection as one that nobody takes.
func refuse(conn net.Conn) {
	if tcp, is := conn.(*net.TCPConn); is {
		_ = tcp.SetLinger(0) // "Connection reset by peer"
	}
	conn.Close()
}

// shuts tells whether a service's port is closed while the server is stopped. Between servers port 25 stays open: it is also the
// way to the neighbours, whose servers run. Who means this one is turned away there.
func (d *Daemon) shuts(service string) bool {
	return slices.Contains(mailServices(), service) && !(service == "smtp" && d.neighbours != nil)
}

// isStoppable tells whether the student may stop the server: it is his alone, and the lab says so or is one between servers.
func isStoppable(s spec.Sandbox) bool {
	return s.Seat > 0 && (s.Between != nil || s.Stoppable)
}

// turned has the queue rest, or go on, when the server is stopped or started, and the log say so.
func (d *Daemon) turned(off bool) {
	if off {
		d.queue.Pause()
		d.log.Stopped()
		return
	}
	d.log.Started(posing)
	d.queue.Resume()
}

// lessons are lesson's, after which the server runs as it did at the start.
type lessons struct {
	*lesson.Between
	d *Daemon
}

// Reset implements control.Lessons.
func (l lessons) Reset(ctx context.Context, r control.Reset) (control.ResetReport, error) {
	report, err := l.Between.Reset(ctx, r)
	return report, errors.Join(err, l.d.startAgain(err, r.Students))
}

// Restore implements control.Lessons.
func (l lessons) Restore(ctx context.Context, r control.Restore, from io.Reader) (control.ResetReport, error) {
	report, err := l.Between.Restore(ctx, r, from)
	return report, errors.Join(err, l.d.startAgain(err, r.Students))
}

// startAgain puts the server itself back to the start, once what is in it was: it runs, the teacher's faults are gone, and those of the
// lab begin anew. A server that is everybody's is put back with everybody.
func (d *Daemon) startAgain(failed error, students []string) error {
	if failed != nil || d.cfg.Spec.Seat == 0 && len(students) > 0 {
		return nil
	}
	return errors.Join(d.power.change(false), d.faults.StartAgain())
}

// server is what a student's lab command is told and may do about the server.
func (d *Daemon) server(run *bool) (worksheet.Server, error) {
	if !isStoppable(d.cfg.Spec) {
		return worksheet.Server{}, worksheet.ErrNoServer
	}
	if run != nil {
		if err := d.power.change(!*run); err != nil {
			return worksheet.Server{}, err
		}
	}
	return worksheet.Server{Running: !d.power.isOff(), Waiting: len(d.queue.List())}, nil
}
