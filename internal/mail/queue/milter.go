package queue

import (
	"bytes"
	"context"

	"maillab/internal/mail"
)

// Milter looks at a message that is complete, before it is taken, as Postfix's smtpd_milters do. It may change the text, and name
// the folder that mailboxes here have it in (Envelope.Box). An *mail.Reply refuses the message.
type Milter func(ctx context.Context, env *mail.Envelope, text []byte) ([]byte, error)

// examine has a milter look at a message. By then the log knows what it is called.
func (q *Queue) examine(ctx context.Context, env *mail.Envelope, m *message, look Milter) error {
	if look == nil {
		return nil
	}
	q.logID(env.ID, m)
	m.logged = true
	before := headerSize(m.text)
	text, err := look(ctx, env, m.text)
	if err != nil {
		q.texts.put(m.text)
		return err
	}
	m.text = text
	m.size += headerSize(m.text) - before
	return nil
}

// headerSize is what a message's header counts in the size that is logged.
func headerSize(message []byte) int64 {
	header, _, _ := bytes.Cut(message, []byte("\n\n"))
	t := text{}
	for line := range bytes.SplitSeq(header, []byte{'\n'}) {
		t.line = len(line)
		t.count()
	}
	return t.size
}
