package queue

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"maillab/internal/mail"
	"maillab/internal/mail/addrspec"
)

// Queue takes messages and sees to it that they get where they belong. All methods are safe for concurrent use.
type Queue struct {
	cfg Config
	ids ids
	*schedule
	store *store

	gate sync.RWMutex // held for reading while a message is taken or attempted, for writing by Hold

	texts   texts
	headers readers
}

// New opens the queue in cfg.Dir and takes up what an earlier run left there. Nothing is tried before Run.
func New(cfg Config) (*Queue, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	q := &Queue{cfg: cfg}
	q.schedule = newSchedule(&q.cfg)
	if q.store, err = openStore(cfg.Dir); err != nil {
		return nil, err
	}
	return q, q.load()
}

// NewID gives a queue ID that no other message has, not even one from before a restart at which the clock went back: its
// file would be overwritten.
func (q *Queue) NewID() string {
	for {
		id := q.ids.next(q.cfg.Now())
		if !q.taken(id) {
			return id
		}
	}
}

// Accept takes a message: env.ID comes from NewID, body has LF or CRLF line ends and no dot stuffing. nil means that it
// is on disk. An *mail.Reply carries the reply for the client; any other error is body's own. env is the queue's from then
// on.
func (q *Queue) Accept(ctx context.Context, env *mail.Envelope, body io.Reader) error {
	return q.AcceptSeen(ctx, env, body, nil)
}

// AcceptSeen is Accept of a message that somebody looks at first, if look is not nil.
func (q *Queue) AcceptSeen(ctx context.Context, env *mail.Envelope, body io.Reader, look Milter) error {
	alone := len(env.Recipients) == 1 // of those that the client named: Received tells no more
	q.completeEnvelope(env)
	if len(env.Recipients) == 0 {
		return &mail.Reply{Code: 554, Enhanced: "5.5.1", Text: "Error: no valid recipients"}
	}
	if q.cfg.Filter != nil {
		return q.acceptFiltered(ctx, env, alone, body, look)
	}
	msg, err := q.compose(env, alone, body)
	if err != nil {
		return err
	}
	if err := q.examine(ctx, env, msg, look); err != nil {
		return err
	}
	q.gate.RLock() // not while the client still types
	defer q.gate.RUnlock()
	defer q.texts.put(msg.text) // nobody looks at it any more: it is in files
	return q.take(ctx, q.entryFor(env, msg), msg.text)
}

// entryFor is what the queue knows of a message that nobody has tried yet.
func (q *Queue) entryFor(env *mail.Envelope, msg *message) *entry {
	return &entry{env: env, size: msg.size, messageID: msg.messageID, resentID: msg.resentID, deliveredTo: msg.deliveredTo,
		idLogged: msg.logged,
		states:   make([]state, len(env.Recipients)), queued: q.cfg.Now()}
}

// completeEnvelope gives addresses their domain and drops recipients that are named twice, as Postfix's cleanup does.
func (q *Queue) completeEnvelope(env *mail.Envelope) {
	env.Sender.Full = q.Complete(cmp.Or(env.Sender.Full, env.Sender.Typed))
	if env.Arrived.IsZero() {
		env.Arrived = q.cfg.Now()
	}
	for i := range env.Recipients {
		r := &env.Recipients[i]
		if r.Full == "" {
			r.Full = q.Complete(r.Typed)
		}
		r.Full = q.canonical(r.Full)
	}
	if len(env.Recipients) == 1 {
		return
	}
	seen := make(map[string]bool, len(env.Recipients))
	env.Recipients = slices.DeleteFunc(env.Recipients, func(r mail.Recipient) bool {
		name := fmt.Sprintf("%q %q %q %q", lower(r.Typed), lower(r.Full), r.Notify, r.ORcpt)
		again := seen[name]
		seen[name] = true
		return again
	})
}

// take puts a composed message where it is safe: into its mailboxes if that is all there is to do, else into the queue.
func (q *Queue) take(ctx context.Context, e *entry, text []byte) error {
	if q.isPaused() {
		return q.enqueue(e, text)
	}
	if copies, ok := q.plainMailboxes(ctx, e); ok {
		if done, err := q.deliverNow(ctx, e, copies, text); done || err != nil {
			return err
		}
		e.due, e.tries = q.cfg.Now().Add(q.cfg.Times.Retry), 1
	}
	return q.enqueue(e, text)
}

// enqueue writes the queue file and has the message tried at once.
func (q *Queue) enqueue(e *entry, text []byte) error {
	if whose := q.full(e, int64(len(text))); whose != "" {
		q.cfg.Log.Note("cleanup", fmt.Sprintf("warning: %s: too much is waiting: the share is full of %s", e.env.ID, whose))
		return &mail.Reply{Code: 452, Enhanced: "4.3.1", Text: "Insufficient system storage"}
	}
	if err := q.store.write(e, text); err != nil {
		q.cfg.Log.Note("cleanup", fmt.Sprintf("warning: %s: write queue file: %v", e.env.ID, cause(err)))
		return refusal(err)
	}
	q.logTaken(e)
	e.fresh = e.tries == 0
	q.add(e)
	return nil
}

// logTaken tells that a message is in the queue, once.
func (q *Queue) logTaken(e *entry) {
	if e.logged {
		return
	}
	e.logged = true
	if !e.idLogged {
		q.logID(e.env.ID, &message{messageID: e.messageID, resentID: e.resentID})
	}
	q.logActive(e)
}

// logID tells what the message is called. One that was sent on has a name for that as well (RFC 5322 section 3.6.6).
func (q *Queue) logID(id string, m *message) {
	if m.messageID != "" {
		q.cfg.Log.MessageID(id, m.messageID)
	}
	if m.resentID != "" {
		q.cfg.Log.Note("cleanup", id+": resent-message-id="+m.resentID)
	}
}

func (q *Queue) logActive(e *entry) {
	q.cfg.Log.Active(e.env.ID, addrspec.Quote(e.env.Sender.Full), e.size, len(e.env.Recipients))
}

// refusal is the reply for a message that could not be stored.
func refusal(err error) error {
	switch {
	case isFull(err):
		return &mail.Reply{Code: 452, Enhanced: "4.3.1", Text: "Insufficient system storage", Err: err}
	case isTooBig(err):
		return &mail.Reply{Code: 552, Enhanced: "5.2.2", Text: "Mailbox is full", Err: err}
	default:
		return &mail.Reply{Code: 451, Enhanced: "4.3.0", Text: "Error: queue file write error", Err: err}
	}
}

// Hold waits until nothing is being taken or attempted and keeps it so until release is called: for a snapshot, a
// reset, a restore of Dir. Attempts at servers are cut short and count as never made. On release the directory is read
// anew.
func (q *Queue) Hold() (release func() error) {
	q.cutShort()
	q.gate.Lock()
	return func() error {
		defer q.gate.Unlock()
		return q.load()
	}
}

// Clear throws all waiting mail away.
func (q *Queue) Clear() error {
	release := q.Hold()
	err := q.store.clear()
	if again := release(); err == nil {
		err = again
	}
	return err
}

// load reads the directory into memory. Everything is due at the time that its own file tells.
func (q *Queue) load() error {
	entries, problems, err := q.store.list()
	if err != nil {
		return err
	}
	for _, p := range problems {
		q.cfg.Logger.Warn("queue file left aside", "problem", p)
	}
	q.replace(entries)
	return nil
}

// mailDir makes a directory for the daemon alone.
func mailDir(elem ...string) (string, error) {
	dir := filepath.Join(elem...)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("queue directory: %w", err)
	}
	return dir, nil
}

// since is the time from a to b, never negative: clocks are set.
func since(a, b time.Time) time.Duration { return max(0, b.Sub(a)) }
