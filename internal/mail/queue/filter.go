package queue

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"time"

	"maillab/internal/mail"
	"maillab/internal/mail/filter"
)

// Where a content filter listens, and where it hands messages back, as everybody has it set up.
const (
	filterRelay = "127.0.0.1[127.0.0.1]:10024"
	handedBack  = "250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as "
)

// acceptFiltered takes a message as Postfix does with a content_filter: it is in the queue, goes to the filter over LMTP, comes
// back over SMTP with the filter's header fields, and is in the queue again under another ID. What a header lacks is added only
// then, so that the filter sees that it is lacking. Both passes are over before the client hears that its message is taken.
func (q *Queue) acceptFiltered(ctx context.Context, env *mail.Envelope, alone bool, body io.Reader, look Milter) error {
	c := q.composer(env, alone)
	c.first = env.ClientAddr != "" // what a program on the machine hands in is completed at once
	came, err := c.compose(body)
	if err != nil {
		return err
	}
	if err := q.examine(ctx, env, came, look); err != nil {
		return err
	}
	defer q.texts.put(came.text)
	begin := q.cfg.Now()
	verdict := q.cfg.Filter(ctx, q.forFilter(env, came))
	q.gate.RLock() // not while the client still types, nor while somebody else judges
	defer q.gate.RUnlock()
	first := q.entryFor(env, came)
	if !came.logged || came.messageID == "" {
		q.cfg.Log.MessageID(env.ID, came.messageID)
	}
	q.logActive(first)
	if verdict.Unscored != nil { // it goes on without points, as amavisd-new has it
		q.cfg.Log.Note("amavis", "(!)SpamdClient client failed: "+oneLine(verdict.Unscored.Error()))
	}
	if verdict.Aside != "" {
		q.cfg.Log.Note("amavis", "SpamdClient: "+verdict.Aside)
	}
	env.Told, env.ID = env.ID, q.NewID()
	back := *env
	back.ClientName, back.ClientAddr, back.Helo, back.Protocol, back.User, back.Arrived = "localhost", "127.0.0.1", "localhost", "ESMTP", "", q.cfg.Now()
	q.cfg.Log.Note("smtpd", env.ID+": client=localhost[127.0.0.1]")
	msg, err := q.compose(&back, alone, bytes.NewReader(verdict.Apply()))
	if err == nil {
		defer q.texts.put(msg.text)
		err = q.take(ctx, q.entryFor(env, msg), msg.text)
	}
	q.leftFilter(first, env, verdict, begin, err)
	return err
}

// forFilter is a message as the filter gets it.
func (q *Queue) forFilter(env *mail.Envelope, m *message) filter.Message {
	var name [9]byte
	_, _ = rand.Read(name[:]) // never fails
	out := filter.Message{Text: m.text, MailID: base64.RawURLEncoding.EncodeToString(name[:]), Sender: env.Sender.Full, At: env.Arrived}
	if env.ClientAddr != "" {
		out.ClientName, out.Client = env.ClientName, env.ClientAddr
	}
	for _, r := range env.Recipients {
		out.Recipients = append(out.Recipients, r.Full)
	}
	return out
}

// leftFilter tells the end of a message's first pass. One that the queue would not have the second time is refused to the
// client: nobody has it then.
func (q *Queue) leftFilter(first *entry, env *mail.Envelope, verdict filter.Verdict, begin time.Time, err error) {
	now := q.cfg.Now()
	if err != nil {
		q.cfg.Log.Note("lmtp", "warning: "+env.Told+": the filter's message was not taken back: "+said(err))
		q.cfg.Log.Removed(env.Told)
		return
	}
	q.cfg.Log.Note("amavis", verdict.Log(env.Told, first.messageID, env.ID, first.size, since(begin, now)))
	for i, r := range env.Recipients {
		first.states[i] = state{result: result{State: stateSent, DSN: "2.0.0", Text: handedBack + env.ID}}
		st := mail.Delays{Before: since(env.Arrived, begin), Transmit: since(begin, now)}
		was := *env
		was.ID = env.Told
		q.logStatus("lmtp", &entry{env: &was, states: first.states}, i, r.Full, filterRelay, st)
	}
	q.cfg.Log.Removed(env.Told)
}

// said is a refusal without what only the program's own log is told.
func said(err error) string {
	var refused *mail.Reply
	if errors.As(err, &refused) {
		return strings.TrimSpace((&mail.Reply{Code: refused.Code, Enhanced: refused.Enhanced, Text: refused.Text}).Error())
	}
	return cause(err)
}
