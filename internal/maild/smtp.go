package maild

import (
	"context"
	"errors"
	"io"

	"maillab/internal/mail/auth"
	"maillab/internal/mail/queue"
	"maillab/internal/mail/smtp"
)

// intake hands what SMTP takes to the queue.
type intake struct{ d *Daemon }

// Check implements smtp.Backend.
func (b intake) Check(_ context.Context, address string) smtp.Verdict {
	switch verdict, _ := b.d.queue.Check(address); verdict {
	case queue.Accepted:
		return smtp.Accepted
	case queue.Unknown:
		return smtp.UnknownLocal
	default:
		return smtp.RelayDenied
	}
}

// Begin implements smtp.Backend.
func (b intake) Begin(context.Context) (string, error) { return b.d.queue.NewID(), nil }

// Deliver implements smtp.Backend.
func (b intake) Deliver(ctx context.Context, env *smtp.Envelope, body io.Reader) error {
	e := &queue.Envelope{
		ID: env.ID, ClientName: env.ClientName, ClientAddr: env.ClientAddr, Helo: env.Helo, Protocol: env.Protocol,
		Sender: env.Sender.Full, Arrived: env.Arrived, EnvID: env.EnvID, Ret: env.Return, UTF8: env.UTF8, SizeHint: env.Size,
	}
	for _, r := range env.Recipients {
		e.Recipients = append(e.Recipients, queue.Recipient{Typed: r.Typed, Address: r.Full, Notify: r.Notify, ORcpt: r.ORcpt})
	}
	err := b.d.accept(ctx, e, body)
	var refused *queue.Error
	if errors.As(err, &refused) {
		return &smtp.Error{Code: refused.Code, Enhanced: refused.Enhanced, Text: refused.Text}
	}
	return err
}

// Authenticate implements smtp.Backend.
func (b intake) Authenticate(ctx context.Context, user, password, peer string) (string, error) {
	account, err := b.d.auth.Verify(ctx, user, password, peer)
	if err != nil && !errors.Is(err, auth.ErrRejected) {
		return "", errors.Join(smtp.ErrTryLater, err)
	}
	return account, err
}

// Flush implements smtp.Flusher.
func (b intake) Flush(context.Context, string) bool {
	b.d.queue.Flush()
	return true
}
