package maild

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"maillab/internal/fault"
	"maillab/internal/mail"
	"maillab/internal/mail/smtp"

	gosmtp "github.com/emersion/go-smtp"
)

// faults are where faults on purpose (package fault) strike: on connections, in SMTP's replies and messages, at logins, in the name server, at
// mailboxes, and in the certificate.
type faults struct {
	*fault.Keeper
	domain string // the server's own
}

// openFaults opens those of a server; tasks are those of its student's tasks.
func openFaults(cfg Config, tasks func(student string) []fault.Task) (*faults, error) {
	s := cfg.Spec
	student := ""
	if len(s.Accounts) > 0 && s.Seat > 0 {
		student = s.Accounts[0].Student
	}
	keeper, err := fault.Open(fault.Config{
		File: filepath.Join(cfg.StateDir, "faults.json"), Seed: s.Lab + "\x00" + student, Lab: s.Faults, Now: cfg.Now,
		Tasks:  func() []fault.Task { return tasks(student) },
		Failed: func(err error) { cfg.Log.Error("faults are not kept", "err", err) },
	})
	return &faults{keeper, s.Domain}, err
}

// faultyKey is where a connection's context has its fault.Conn.
type faultyKey struct{}

// faulty is the connection on which faults are, nil where there are none.
func faulty(ctx context.Context) *fault.Conn {
	c, _ := ctx.Value(faultyKey{}).(*fault.Conn)
	return c
}

// disturb puts the faults of a service on a connection.
func (k *faults) disturb(ctx context.Context, service string, conn net.Conn) (context.Context, net.Conn) {
	if !slices.Contains(mailServices(), service) || !k.Any() {
		return ctx, conn
	}
	struck := k.Strike(func(f fault.Fault) bool { return f.Service == service && f.IsLine() })
	c := fault.Wrap(ctx, conn, struck, k.Jitter)
	return context.WithValue(ctx, faultyKey{}, c), c
}

// note has a fault stand in the record of the connection on which it struck.
func note(ctx context.Context, f fault.Fault) {
	if c := faulty(ctx); c != nil {
		c.Note(f.String())
	}
}

// fails tells whether a command is answered with an error on purpose, and with which.
func (k *faults) fails(ctx context.Context, service, command string) (fault.Fault, bool) {
	struck := k.Strike(func(f fault.Fault) bool { return f.Service == service && f.Type == "error" && f.Command == command })
	if len(struck) == 0 {
		return fault.Fault{}, false
	}
	note(ctx, struck[0])
	return struck[0], true
}

// Refuse implements smtp.Refuser, for all commands: what the session answers on purpose.
func (s *smtpSession) Refuse(command string) error {
	f, fails := s.d.faults.fails(s.ctx, "smtp", command)
	if !fails {
		return nil
	}
	code, text := f.Reply()
	return &gosmtp.SMTPError{Code: code, EnhancedCode: gosmtp.NoEnhancedCode, Message: text}
}

// greylist sends away whom it does not know yet (RFC 6647).
func (s *smtpSession) greylist(to string) error {
	if _, grey := s.d.faults.Grey(s.client.Host(), s.env.Sender.Full, s.d.queue.Complete(to)); !grey {
		return nil
	}
	note(s.ctx, fault.Fault{Service: "smtp", Type: "greylist"})
	return reply(450, 4, 2, 0, "<%s>: Recipient address rejected: Greylisted", to)
}

// broken is a message's text, in which the connection breaks off where a fault says so.
func (s *smtpSession) broken(text io.Reader) io.Reader {
	struck := s.d.faults.Strike(func(f fault.Fault) bool { return f.Service == "smtp" && f.Type == "limit_data" && f.Command != "" })
	if len(struck) == 0 {
		return text
	}
	note(s.ctx, struck[0])
	return fault.Message(text, struck[0])
}

// breaks is the error of a message that did not come, for the server.
func breaks(err error) error {
	if errors.Is(err, fault.ErrBroken) {
		return smtp.ErrHangUp
	}
	return err
}

// full tells which of some deliveries find their mailbox full.
func (d *Daemon) full(deliveries []mail.Delivery) []bool {
	out := make([]bool, len(deliveries))
	for i, one := range deliveries {
		if !one.Spared {
			out[i] = len(d.faults.Strike(func(f fault.Fault) bool { return f.Service == "mailbox" })) > 0
		}
	}
	return out
}

// slowly is how long an answer of the name server is late.
func (k *faults) slowly() (late time.Duration) {
	for _, f := range k.Strike(func(f fault.Fault) bool { return f.Service == "dns" && f.Type == "latency" }) {
		late += fault.Late(f, k.Jitter(f))
	}
	return late
}

// exchanger is what the MX record of a domain says on purpose, "" where it is right.
func (k *faults) exchanger(domain string) (host string) {
	for _, f := range k.Strike(func(f fault.Fault) bool { return f.Type == "mx" && f.Misleads(domain, k.domain) }) {
		return f.Host
	}
	return ""
}

// expiring is TLS that shows an expired certificate, which is made then, while a fault says so.
func (k *faults) expiring(config *tls.Config, expired func() (*tls.Config, error)) *tls.Config {
	if config == nil {
		return nil
	}
	expired = sync.OnceValues(expired)
	config = config.Clone()
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		if struck := k.Strike(func(f fault.Fault) bool { return f.Service == "tls" }); len(struck) == 0 {
			return nil, nil // as usual
		}
		return expired()
	}
	return config
}

// faultsOf are control's.
type faultsOf struct{ d *Daemon }

// Faults implements control.Faults.
func (f faultsOf) Faults() []fault.InForce { return f.d.faults.InForce() }

// ChangeFaults implements control.Faults.
func (f faultsOf) ChangeFaults(clear bool, services []string, add []fault.Fault) error {
	return f.d.faults.Change(clear, services, add)
}
