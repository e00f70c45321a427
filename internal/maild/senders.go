package maild

import (
	"context"
	"fmt"
	"strings"

	"maillab/internal/mail"
	"maillab/internal/mail/addrspec"
	"maillab/internal/mail/queue"
	"maillab/internal/mail/senders"
	"maillab/internal/spec"
)

// In a lab between servers the mail of neighbours is judged, where the lab says so, and the domain's own is signed, where its
// owner has a key (package senders). What programs of the sandbox's own hand in, and who has said who it is, is not judged.

// junk is the folder into which mail goes that its domain wants put aside.
const junk = "Junk"

// verify is how senders are judged; nil: they are not.
func verify(s spec.Sandbox) *spec.Verify {
	if s.Services.SMTP == nil {
		return nil
	}
	return s.Services.SMTP.Verify
}

// policy judges the envelope before a recipient is taken, as a policy service does that Postfix asks: once for a transaction.
func (s *smtpSession) policy(to string) error {
	how := verify(s.d.cfg.Spec)
	if how == nil || s.d.neighbours == nil || !isStranger(s.d.cfg.Spec, s.client.Peer, s.client.User) {
		return nil
	}
	first := s.judged == nil
	if first {
		c := senders.Client{Name: s.client.Known, Address: s.client.Remote.Addr(), Helo: s.client.Helo, Sender: s.env.Sender.Full}
		s.judged = &senders.Judgement{Client: c}
		s.judged.HELO, s.judged.SPF = s.d.neighbours.judge.Envelope(s.ctx, c)
	}
	receiver := s.d.cfg.Spec.Domain
	text, refused := s.judged.Refused(receiver)
	if refused = refused && how.SPF == "reject"; first || refused {
		s.d.neighbours.tell(s.judged.Policy(receiver, refused))
	}
	if refused {
		return reply(550, 5, 7, 23, "<%s>: Recipient address rejected: %s", to, text)
	}
	return nil
}

// milter looks at what this client hands in: a neighbour's message is judged, or left alone where nobody is; what is the server's
// own is signed.
func (s *smtpSession) milter() queue.Milter {
	switch judged := s.judged; {
	case judged != nil:
		return func(ctx context.Context, env *mail.Envelope, text []byte) ([]byte, error) {
			return s.d.neighbours.weigh(ctx, *judged, env, text)
		}
	case isStranger(s.d.cfg.Spec, s.client.Peer, s.client.User):
		return nil
	}
	return s.d.neighbours.signer()
}

// signer signs what the server's own people hand in; nil where there are no neighbours.
func (n *neighbours) signer() queue.Milter {
	if n == nil {
		return nil
	}
	return n.sign
}

// weigh judges a neighbour's message.
func (n *neighbours) weigh(ctx context.Context, m senders.Judgement, env *mail.Envelope, text []byte) ([]byte, error) {
	s := n.cfg.Spec
	m = n.judge.Message(ctx, m, env.ID, text)
	if verify(s).DMARC == "mark" {
		m.DMARC.Apply = senders.PolicyNone
	}
	for _, line := range m.Log(env.ID, s.Domain) {
		n.tell(line)
	}
	if why := m.Rejection(); why != "" {
		n.log.Queue().Note("cleanup", fmt.Sprintf("%s: milter-reject: END-OF-MESSAGE from %s[%s]: 5.7.1 %s; from=<%s> to=<%s> proto=%s helo=<%s>", env.ID, env.ClientName,
			env.ClientAddr, why, addrspec.Quote(env.Sender.Full), addrspec.Quote(env.Recipients[0].Full), strings.TrimRight(env.Protocol, "SA"), env.Helo))
		return nil, &mail.Reply{Code: 550, Enhanced: "5.7.1", Text: why}
	}
	if m.DMARC.Apply == senders.PolicyQuarantine {
		env.Box = junk
	}
	return senders.Amend(text, s.Hostname, append(m.Results(s.Hostname), m.ReceivedSPF(s.Domain))...), nil
}

// sign signs the domain's own message, if its owner has said how. What is wrong with that is told in the log, and the message goes as
// it is.
func (n *neighbours) sign(ctx context.Context, env *mail.Envelope, text []byte) ([]byte, error) {
	signing, key, problems := n.signing(ctx)
	say := func(format string, args ...any) {
		n.tell(senders.Line{Program: "opendkim", Text: env.ID + ": " + fmt.Sprintf(format, args...)})
	}
	for _, p := range problems {
		say("%s:%d: %s", p.File, p.Line, p.Message.In("en"))
	}
	if key == nil || !signing.Signs(text) {
		return senders.Amend(text, n.cfg.Spec.Hostname), nil
	}
	field, err := signing.Sign(text, key)
	if err != nil {
		say("%v", err)
		return text, nil
	}
	say("DKIM-Signature field added (s=%s, d=%s)", signing.Selector, signing.Domain)
	return senders.Amend(text, n.cfg.Spec.Hostname, strings.TrimSuffix(field, "\n")), nil
}

// tell writes a line into the log.
func (n *neighbours) tell(line senders.Line) { n.log.Queue().Note(line.Program, line.Text) }
