package maild

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"maillab/internal/control"
	"maillab/internal/mail"
)

// Host is what only the supervisor can do: broker.Client in a sandbox.
type Host interface {
	Configure(ctx context.Context, specJSON []byte) error
	Authorize(ctx context.Context, account, publicKey string, ttl time.Duration) error
	HostKey(ctx context.Context) (string, error)
	Stamp(ctx context.Context) (string, error)
	Password(ctx context.Context, account, hash string) error
	Moving(ctx context.Context) error
}

// Control answers for a sandbox. It works without a daemon too: then the sandbox waits for its spec.
type Control struct {
	Daemon  *Daemon // nil: unconfigured
	Host    Host
	SSH     bool // there is an sshd, where the spec wants one
	Version string

	mu      sync.Mutex
	problem string // of the last Configure
}

// Handler serves what is there.
func (c *Control) Handler(log *slog.Logger) http.Handler {
	s := control.Sandbox{Host: c}
	if d := c.Daemon; d != nil {
		s.Mail, s.Checker, s.Records, s.Work, s.Screens = d, d.grading, d.grading.Records(), d.grading, d.screens
		s.Faults = faultsOf{d}
		if d.cfg.Belongings != nil {
			s.Lessons, s.Copies = lessons{d.lessons, d}, d.lessons
		}
	}
	return control.Handler(s, log)
}

// Ready implements control.Host.
func (c *Control) Ready(context.Context) control.Ready {
	c.mu.Lock()
	ready := control.Ready{State: control.Unconfigured, Version: c.Version, Problem: c.problem}
	c.mu.Unlock()
	d := c.Daemon
	if d == nil {
		return ready
	}
	s := d.cfg.Spec
	ready.State, ready.Spec, ready.Timezone = control.Starting, s.Sealed, s.Timezone
	for _, service := range []string{"smtp", "pop3", "imap"} {
		if d.Serves(service) {
			ready.Services = append(ready.Services, service)
		}
	}
	if s.Services.SSH != nil && c.SSH {
		ready.Services = append(ready.Services, "ssh")
	}
	ready.Stopped = d.power.isOff()
	if d.isReady() {
		ready.State = control.StateReady
	}
	return ready
}

// isReady tells whether the daemon serves. SSH is the supervisor's: the gateway asks it.
func (d *Daemon) isReady() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ready
}

// Accounts implements control.Mail.
func (d *Daemon) Accounts(ctx context.Context) ([]control.Account, error) {
	accounts := []control.Account{}
	var failed []error
	for _, a := range d.cfg.Spec.Accounts {
		counts, err := d.spool.Counts(ctx, a.Name)
		failed = append(failed, err)
		accounts = append(accounts, control.Account{Name: a.Name, Student: a.Student, Messages: counts.Messages, Unread: counts.Unread})
	}
	return accounts, errors.Join(failed...)
}

// Configure implements control.Host. The supervisor starts another daemon with the new spec; this one ends.
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

// Log implements control.Mail.
func (d *Daemon) Log(ctx context.Context, w io.Writer, lines int, follow bool) error {
	if err := d.log.Flush(ctx); err != nil {
		return err
	}
	return tail(ctx, w, d.cfg.LogFile, lines, follow)
}

// Send implements control.Mail: the message is root's, given to sendmail.
func (d *Daemon) Send(ctx context.Context, s control.Send) error {
	env := &mail.Envelope{ID: d.queue.NewID(), Sender: mail.Address{Typed: cmp.Or(s.From, "root")}, FullName: "root", Spared: true}
	for _, account := range s.To {
		if err := d.knows(account); err != nil {
			return err
		}
		env.Recipients = append(env.Recipients, mail.Recipient{Address: mail.Address{Typed: account}})
	}
	return d.queue.Accept(ctx, env, bytes.NewReader(s.Raw))
}

// knows says that there is no such account.
func (d *Daemon) knows(account string) error {
	if _, ok := d.cfg.Spec.Account(account); !ok {
		return &control.Error{Status: http.StatusNotFound, Text: fmt.Sprintf("no account %q", account)}
	}
	return nil
}

// Authorize implements control.Host.
func (c *Control) Authorize(ctx context.Context, a control.Authorize) error {
	return c.Host.Authorize(ctx, a.Account, a.Key, a.For)
}

// HostKey implements control.Host.
func (c *Control) HostKey(ctx context.Context) (string, error) {
	return c.Host.HostKey(ctx)
}

// Stamp implements control.Host.
func (c *Control) Stamp(ctx context.Context) (string, error) {
	if c.Daemon == nil {
		return "", nil
	}
	theirs, err := c.Host.Stamp(ctx)
	return theirs + "-" + strconv.FormatUint(stampOf(c.Daemon.cfg.StateDir, c.Daemon.cfg.LogFile), 16), err
}

// Moving implements control.Host.
func (c *Control) Moving(ctx context.Context) error { return c.Host.Moving(ctx) }

// SetPassword implements control.Host.
func (c *Control) SetPassword(ctx context.Context, p control.Password) error {
	if err := c.Daemon.knows(p.Account); err != nil {
		return err
	}
	return c.Host.Password(ctx, p.Account, p.Hash)
}
