package maild

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"maillab/internal/handoff"
	"maillab/internal/period"
)

// Listen accepts connections until the listener is closed: of a service, or those that were handed on, which say
// themselves what they are.
func (d *Daemon) Listen(ctx context.Context, listener net.Listener, service string) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	if d.shuts(service) {
		defer d.power.attend(listener)()
	}
	for {
		conn, err := listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case errors.Is(err, io.EOF):
			return err
		case err != nil && d.shuts(service) && d.power.isOff(): // it is closed until the server is started
			if !d.power.await(ctx) {
				return nil
			}
			continue
		case err != nil: // most likely out of descriptors: let some go
			d.cfg.Log.Warn("accepting", "service", service, "err", err)
			if period.Wait(ctx, 50*time.Millisecond) != nil {
				return nil
			}
			continue
		}
		wg.Go(func() { d.accepted(ctx, service, conn) })
	}
}

func (d *Daemon) accepted(ctx context.Context, service string, conn net.Conn) {
	if handed, ok := conn.(*handoff.Conn); ok {
		if service = handed.Service; handed.Probe {
			d.Probe(service, conn)
			return
		}
	}
	if to, neighbour := d.neighbours.meant(service, conn); neighbour {
		d.passOn(ctx, conn, to)
		return
	}
	d.Serve(ctx, service, conn)
}

// Probe answers the gateway's own dial with one line; nothing of it is logged or recorded.
func (d *Daemon) Probe(service string, conn net.Conn) {
	defer conn.Close()
	if d.Serves(service) {
		_, _ = io.WriteString(conn, service+" is served\r\n") // the prober sees that it does not come
	}
}

// Serve serves one connection of a service and closes it. Over the limits it says so in the protocol's words.
func (d *Daemon) Serve(ctx context.Context, service string, conn net.Conn) {
	serve := d.services[service]
	if serve == nil {
		conn.Close()
		return
	}
	ctx, end, ok := d.admit(ctx, service, conn)
	if !ok {
		return
	}
	defer end()
	who := d.counted(conn)
	leave, ok := d.crowd.enter(service, who)
	if !ok {
		d.turnAway(service, conn)
		return
	}
	defer leave()
	ctx, conn = d.faults.disturb(who.in(ctx), service, conn)
	if service != "smtp" {
		inner, gone := d.sessions.enter(ctx, conn)
		defer gone()
		ctx = inner
	}
	serve(ctx, conn)
}

// turnAway is what each protocol says when there are too many.
func (d *Daemon) turnAway(service string, conn net.Conn) {
	defer conn.Close()
	words := map[string]string{
		"smtp": "421 4.7.0 " + d.cfg.Spec.Hostname + " Error: too many connections\r\n",
		"pop3": "-ERR [SYS/TEMP] Too many connections.\r\n",
		"imap": "* BYE Too many connections.\r\n",
	}
	_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = io.WriteString(conn, words[service])
}
