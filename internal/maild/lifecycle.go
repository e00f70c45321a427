package maild

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"

	"maillab/internal/belongings"
	"maillab/internal/control"
	"maillab/internal/mail/queue"
)

// errNoSpec is the answer of a sandbox that is nothing yet.
var errNoSpec = &control.Error{Status: http.StatusConflict, Text: "the sandbox has no spec yet"}

// able is the daemon if it can be put back, or why not.
func (c *Control) able() (*Daemon, error) {
	switch {
	case c.Daemon == nil:
		return nil, errNoSpec
	case c.Daemon.cfg.Belongings == nil:
		return nil, &control.Error{Status: http.StatusNotImplemented, Text: "nothing here copies or replaces students' files"}
	}
	return c.Daemon, nil
}

// Reset implements control.Resetter.
func (c *Control) Reset(ctx context.Context, r control.Reset) (control.ResetReport, error) {
	d, err := c.able()
	if err != nil {
		return control.ResetReport{}, err
	}
	scope, err := belongings.ParseScope(r.Scope)
	if err != nil {
		return control.ResetReport{}, &control.Error{Status: http.StatusBadRequest, Text: err.Error()}
	}
	return d.Reset(ctx, r.Students, scope)
}

// Save implements control.Archiver.
func (c *Control) Save(ctx context.Context, students []string, w io.Writer) error {
	d, err := c.able()
	if err != nil {
		return err
	}
	return d.Save(ctx, students, w)
}

// Restore implements control.Archiver.
func (c *Control) Restore(ctx context.Context, r control.Restore, from io.Reader) (control.ResetReport, error) {
	d, err := c.able()
	if err != nil {
		return control.ResetReport{}, err
	}
	scope, err := belongings.ParseScope(r.Scope)
	if err != nil {
		return control.ResetReport{}, &control.Error{Status: http.StatusBadRequest, Text: err.Error()}
	}
	return d.Restore(ctx, r.Students, scope, from)
}

// Send implements control.Sender: the message is root's, given to sendmail.
func (c *Control) Send(ctx context.Context, s control.Send) error {
	d := c.Daemon
	if d == nil {
		return errNoSpec
	}
	env := &queue.Envelope{ID: d.queue.NewID(), Sender: cmp.Or(s.From, "root"), FullName: "root"}
	for _, account := range s.To {
		if _, ok := d.cfg.Spec.Account(account); !ok {
			return &control.Error{Status: http.StatusNotFound, Text: fmt.Sprintf("no account %q", account)}
		}
		env.Recipients = append(env.Recipients, queue.Recipient{Typed: account})
	}
	return d.queue.Accept(ctx, env, bytes.NewReader(s.Raw))
}

// passwords is a Host that sets passwords.
type passwords interface {
	Password(ctx context.Context, account, hash string) error
}

// SetPassword implements control.Passwords.
func (c *Control) SetPassword(ctx context.Context, p control.Password) error {
	host, ok := c.Host.(passwords)
	switch {
	case c.Daemon == nil:
		return errNoSpec
	case !ok:
		return &control.Error{Status: http.StatusNotImplemented, Text: "passwords cannot be changed here"}
	}
	if _, ok := c.Daemon.cfg.Spec.Account(p.Account); !ok {
		return &control.Error{Status: http.StatusNotFound, Text: fmt.Sprintf("no account %q", p.Account)}
	}
	return host.Password(ctx, p.Account, p.Hash)
}
