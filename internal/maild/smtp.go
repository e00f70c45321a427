package maild

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"maillab/internal/mail"
	"maillab/internal/mail/queue"
	"maillab/internal/mail/senders"
	"maillab/internal/mail/smtp"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"
)

// intake is what SMTP is served with: the queue behind go-smtp's sessions.
type intake struct{ d *Daemon }

// NewSession implements smtp.Backend.
func (b intake) NewSession(ctx context.Context, c *smtp.Client) (gosmtp.Session, error) {
	return &smtpSession{ctx: ctx, d: b.d, client: c}, nil
}

// connected begins the record and the log of an SMTP connection.
func (d *Daemon) connected(ctx context.Context, peer mail.Peer) (mail.Recorder, smtp.Log) {
	rec := d.dialogues.Begin("smtp", peer.Remote.String(), insider(ctx), d.epochs.Current().Number)
	if c := faulty(ctx); c != nil {
		c.Tell(rec.Fault)
	}
	return rec, d.log.SMTPD(peer)
}

// smtpSession is one connection's. It has the connection's context because go-smtp's methods carry none.
type smtpSession struct {
	ctx    context.Context
	d      *Daemon
	client *smtp.Client
	env    *mail.Envelope     // of the transaction under way
	judged *senders.Judgement // of it; nil: not yet, or never
}

// Reset implements go-smtp's Session.
func (s *smtpSession) Reset() { s.env, s.judged = nil, nil }

// Logout implements go-smtp's Session.
func (s *smtpSession) Logout() error { return nil }

// Mail implements go-smtp's Session.
func (s *smtpSession) Mail(from string, o *gosmtp.MailOptions) error {
	sender := mail.Address{Typed: from, Full: s.d.queue.Complete(from)}
	if s.d.queue.Malformed(sender.Full) {
		return reply(501, 5, 1, 7, "Bad sender address syntax")
	}
	if err := s.Refuse("mail"); err != nil {
		return err
	}
	s.env = &mail.Envelope{ClientName: s.client.Name(), ClientAddr: s.client.Host(), Sender: sender, Arrived: s.d.cfg.Now(),
		Body: string(o.Body), UTF8: o.UTF8, Size: o.Size, Ret: string(o.Return), EnvID: o.EnvelopeID}
	if o.Auth != nil {
		s.env.Auth = *o.Auth
	}
	return nil
}

// Rcpt implements go-smtp's Session. The transaction's first recipient gives it its queue ID.
func (s *smtpSession) Rcpt(to string, o *gosmtp.RcptOptions) error {
	r := mail.Recipient{Address: mail.Address{Typed: to, Full: s.d.queue.Complete(to)}}
	verdict := s.verdict(to)
	if verdict == queue.Accepted || verdict == queue.Unknown { // Postfix looks for the mailbox last
		if err := s.policy(to); err != nil {
			return err
		}
	}
	if err := answer(to, verdict); err != nil {
		return err
	}
	if err := s.Refuse("rcpt"); err != nil {
		return err
	}
	if err := s.greylist(to); err != nil {
		return err
	}
	for _, n := range o.Notify {
		r.Notify = append(r.Notify, string(n))
	}
	if o.OriginalRecipientType != "" {
		r.ORcpt = string(o.OriginalRecipientType) + ";" + o.OriginalRecipient
	}
	if s.env.ID == "" {
		s.env.ID = s.d.queue.NewID()
	}
	s.env.Recipients = append(s.env.Recipients, r)
	return nil
}

// Verify implements smtp.Verifier, in Postfix's words.
func (s *smtpSession) Verify(to string) error { return answer(to, s.verdict(to)) }

// verdict is what becomes of an address for this client.
func (s *smtpSession) verdict(to string) queue.Verdict {
	verdict, _ := s.d.queue.Check(to)
	if verdict == queue.Accepted && isStranger(s.d.cfg.Spec, s.client.Peer, s.client.User) && s.d.queue.Leaves(to) {
		verdict = queue.Denied
	}
	return verdict
}

// answer is what a client is told of a recipient.
func answer(to string, verdict queue.Verdict) error {
	switch verdict {
	case queue.Accepted:
		return nil
	case queue.Malformed:
		return reply(501, 5, 1, 3, "Bad recipient address syntax")
	case queue.Unknown:
		return reply(550, 5, 1, 1, "<%s>: Recipient address rejected: User unknown in local recipient table", to)
	}
	return reply(554, 5, 7, 1, "<%s>: Relay access denied", to)
}

// QueueID implements smtp.Queued.
func (s *smtpSession) QueueID() string {
	if s.env == nil {
		return ""
	}
	return s.env.Name()
}

// Data implements go-smtp's Session. A delivery that has begun is finished, even when the connection's context ends.
func (s *smtpSession) Data(body io.Reader) error {
	env := s.env
	env.Helo, env.Protocol = s.client.Helo, s.client.Protocol(env.UTF8)
	env.User = cmp.Or(s.client.User, insider(s.ctx))
	if err := s.Refuse("message"); err != nil {
		return err
	}
	err := breaks(s.d.accept(context.WithoutCancel(s.ctx), env, s.broken(body), s.milter()))
	var refused *mail.Reply
	switch {
	case err == nil:
		return reply(250, 2, 0, 0, "Ok: queued as %s", env.Name())
	case errors.As(err, &refused):
		return &gosmtp.SMTPError{Code: refused.Code, EnhancedCode: enhanced(refused.Enhanced), Message: refused.Text}
	}
	return err
}

// reply is an answer in the session's words.
func reply(code, a, b, c int, format string, args ...any) error {
	return &gosmtp.SMTPError{Code: code, EnhancedCode: gosmtp.EnhancedCode{a, b, c}, Message: fmt.Sprintf(format, args...)}
}

// enhanced reads "4.3.1".
func enhanced(text string) (code gosmtp.EnhancedCode) {
	for i, part := range strings.SplitN(text, ".", len(code)) {
		code[i], _ = strconv.Atoi(part) // ours are numbers
	}
	return code
}

// AuthMechanisms implements go-smtp's AuthSession.
func (s *smtpSession) AuthMechanisms() []string { return smtp.PasswordMechanisms() }

// Auth implements go-smtp's AuthSession.
func (s *smtpSession) Auth(mechanism string) (sasl.Server, error) {
	return s.client.PasswordServer(mechanism, func(user, password string) (string, error) {
		account, err := s.d.auth.Verify(s.ctx, user, password, s.client.Host())
		if err != nil && !errors.Is(err, mail.ErrRejected) {
			err = errors.Join(mail.ErrTryLater, err)
		}
		return account, err
	})
}

// Flush implements smtp.Flusher.
func (s *smtpSession) Flush(string) bool {
	s.d.queue.Flush()
	return true
}
