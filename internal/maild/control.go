package maild

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"maillab/internal/control"
)

// Host is what only the supervisor can do: broker.Client in a sandbox.
type Host interface {
	Configure(ctx context.Context, specJSON []byte) error
	Authorize(ctx context.Context, account, publicKey string, ttl time.Duration) error
	HostKey(ctx context.Context) (string, error)
}

// Control is a sandbox's control port. It works without a daemon too: then the sandbox waits for its spec.
type Control struct {
	Daemon  *Daemon // nil: unconfigured
	Host    Host
	SSH     bool // there is an sshd, where the spec wants one
	Version string

	mu      sync.Mutex
	problem string // of the last Configure
}

// Ready implements control.Backend.
func (c *Control) Ready(ctx context.Context) control.Ready {
	c.mu.Lock()
	ready := control.Ready{State: control.Unconfigured, Version: c.Version, Problem: c.problem}
	c.mu.Unlock()
	d := c.Daemon
	if d == nil {
		return ready
	}
	s := d.cfg.Spec
	ready.State, ready.Spec = control.Starting, s.Sealed
	for _, service := range []string{"smtp", "pop3", "imap"} {
		if d.serving(service) {
			ready.Services = append(ready.Services, service)
		}
	}
	if s.Services.SSH != nil && c.SSH {
		ready.Services = append(ready.Services, "ssh")
	}
	if d.isReady(ctx, s.Services.SSH != nil && c.SSH) {
		ready.State = control.StateReady
	}
	return ready
}

// isReady tells whether everything answers. sshd is not ours: it is dialled until it has answered once.
func (d *Daemon) isReady(ctx context.Context, ssh bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ssh && !d.ssh {
		dialer := net.Dialer{Timeout: time.Second}
		conn, err := dialer.DialContext(ctx, "tcp", "127.0.0.1:22")
		if err != nil {
			return false
		}
		conn.Close()
		d.ssh = true
	}
	return d.ready
}

// Status implements control.Backend.
func (c *Control) Status(ctx context.Context) (control.Status, error) {
	status := control.Status{Ready: c.Ready(ctx), Accounts: []control.Account{}}
	if c.Daemon == nil {
		return status, nil
	}
	status.Tasks = c.Daemon.progress()
	var failed []error
	for _, a := range c.Daemon.cfg.Spec.Accounts {
		counts, err := c.Daemon.spool.Counts(ctx, a.Name)
		failed = append(failed, err)
		status.Accounts = append(status.Accounts, control.Account{
			Name: a.Name, Student: a.Student, Messages: counts.Messages, Unread: counts.Unread,
		})
	}
	if err := errors.Join(failed...); err != nil {
		status.Problem = err.Error() // the other accounts' numbers are still worth having
	}
	return status, nil
}

// Configure implements control.Backend. The supervisor starts another daemon with the new spec; this one ends.
func (c *Control) Configure(ctx context.Context, text []byte) error {
	err := c.Host.Configure(context.WithoutCancel(ctx), text) // it ends us: see cmd/maild
	c.mu.Lock()
	defer c.mu.Unlock()
	c.problem = ""
	if err != nil {
		c.problem = err.Error()
	}
	return err
}

// Log implements control.Backend.
func (c *Control) Log(ctx context.Context, w io.Writer, lines int, follow bool) error {
	if c.Daemon == nil {
		return nil
	}
	if err := c.Daemon.log.Flush(ctx); err != nil {
		return err
	}
	return tail(ctx, w, c.Daemon.cfg.LogFile, lines, follow)
}

// Authorize implements control.Backend.
func (c *Control) Authorize(ctx context.Context, a control.Authorize) error {
	return c.Host.Authorize(ctx, a.Account, a.Key, a.For)
}

// HostKey implements control.Backend.
func (c *Control) HostKey(ctx context.Context) (string, error) {
	return c.Host.HostKey(ctx)
}
