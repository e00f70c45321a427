package grading

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"slices"
	"sync"
	"time"

	"maillab/internal/check"
	"maillab/internal/delivery"
	"maillab/internal/dialogue"
	"maillab/internal/epoch"
	"maillab/internal/mail"
	"maillab/internal/mail/mbox"
)

// evidence is what checks see of a daemon. It remembers what it read and cannot change any more, for one evaluation of
// however many students; afterwards it is closed.
type evidence struct {
	g     *Grading
	epoch epoch.Epoch
	since map[string]time.Time // when students were put back to the start within it

	mu    sync.Mutex
	ended map[string]dialogue.Dialogue // by ID
	lines int                          // in ended
	boxes map[string]*mbox.Mailbox     // by account and folder
}

func (g *Grading) evidence() *evidence {
	since := map[string]time.Time{}
	for _, s := range g.sheets {
		since[s.Student] = g.ledger.since(s.Student)
	}
	return &evidence{g: g, epoch: g.cfg.Epochs.Current(), since: since, ended: map[string]dialogue.Dialogue{}, boxes: map[string]*mbox.Mailbox{}}
}

func (e *evidence) close() {
	for _, b := range e.boxes {
		if err := b.Close(); err != nil {
			e.g.cfg.Log.Warn("closing a mailbox after a check", "err", err)
		}
	}
}

// Mails implements check.Mails.
func (e *evidence) Mails(context.Context) ([]check.Mail, error) {
	messages := e.g.cfg.Deliveries.List(e.epoch.Number)
	var mails []check.Mail
	for _, m := range messages {
		via, sent := "", 0
		if m.Envelope != nil {
			sent, via = len(m.Envelope.Recipients), "smtp"
			if m.Envelope.ClientAddr == "" {
				via = "sendmail"
			}
		}
		for _, c := range m.Copies {
			mails = append(mails, check.Mail{
				ID: m.ID, To: c.Account, From: senderIn(m, c), Recipient: c.Typed, Recipients: sent, Via: via, At: c.At,
				Fixture: c.Fixture != "",
				Open:    func() ([]byte, bool, error) { return e.g.cfg.Deliveries.Text(c) },
			})
		}
	}
	return mails, nil
}

func senderIn(m delivery.Message, c delivery.Copy) string {
	if m.Envelope != nil {
		return m.Envelope.Sender.Full
	}
	return c.Sender
}

// maxEnded is how many lines of dialogues are remembered for one evaluation: those of a class that works. Whoever makes
// more, to use up the daemon's memory, has them read from the disk again for each check.
const maxEnded = 50_000

// Dialogues implements check.Dialogues: all there are. One that was dropped meanwhile is left out.
func (e *evidence) Dialogues(_ context.Context, service string) iter.Seq2[dialogue.Dialogue, error] {
	return func(yield func(dialogue.Dialogue, error) bool) {
		for _, found := range e.g.cfg.Dialogues.List(dialogue.Filter{Service: service, Epoch: e.epoch.Number}) {
			if !e.hand(found.ID, service, yield) {
				return
			}
		}
	}
}

// hand yields one dialogue, and says whether to go on.
func (e *evidence) hand(id, service string, yield func(dialogue.Dialogue, error) bool) bool {
	whole, err := e.dialogue(id)
	switch {
	case errors.Is(err, dialogue.ErrNotFound):
		return true
	case err == nil && (whole.Epoch != e.epoch.Number || service != "" && whole.Service != service):
		return true
	}
	return yield(whole, err) && err == nil
}

// weighty is the evidence that has weight for one student, with what goes on now.
type weighty struct {
	*evidence
	folder *folder
}

// Dialogues implements check.Dialogues.
func (w weighty) Dialogues(ctx context.Context, service string) iter.Seq2[dialogue.Dialogue, error] {
	return func(yield func(dialogue.Dialogue, error) bool) {
		open := w.g.cfg.Dialogues.Open() // before: one that ends meanwhile must be in one of the two
		if err := w.g.weigh(ctx); err != nil {
			yield(dialogue.Dialogue{}, err)
			return
		}
		w.g.arrived.mu.Lock()
		ids := append(w.folder.dialogues(), open...)
		w.g.arrived.mu.Unlock()
		slices.Sort(ids) // by their start
		for _, id := range slices.Compact(ids) {
			if !w.hand(id, service, yield) {
				return
			}
		}
	}
}

// Lines implements check.Log.
func (w weighty) Lines(ctx context.Context) ([]string, error) {
	if err := w.g.weigh(ctx); err != nil {
		return nil, err
	}
	w.g.arrived.mu.Lock()
	defer w.g.arrived.mu.Unlock()
	return w.folder.lines[:len(w.folder.lines):len(w.folder.lines)], nil
}

// view is what checks of a student's see. Nothing is run and no file opened.
func (g *Grading) view(e *evidence, student string) check.Evidence {
	w := weighty{e, g.arrived.folder(student)}
	v := check.Evidence{
		Mails: e, Boxes: e, Dialogues: w, Log: w, Zone: g.cfg.Zone, Now: g.cfg.Now, Originals: g.original, Owner: g.ownerOf(student),
	}
	if again := e.since[student]; !again.IsZero() {
		return v.Since(again)
	}
	return v
}

// dialogue reads one, and remembers it when it has ended.
func (e *evidence) dialogue(id string) (dialogue.Dialogue, error) {
	e.mu.Lock()
	whole, known := e.ended[id]
	e.mu.Unlock()
	if known {
		return whole, nil
	}
	whole, err := e.g.cfg.Dialogues.Read(id)
	if err != nil {
		return whole, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !whole.End.IsZero() && e.lines+len(whole.Lines) <= maxEnded {
		e.ended[id] = whole
		e.lines += len(whole.Lines)
	}
	return whole, nil
}

// Box implements check.Boxes.
func (e *evidence) Box(ctx context.Context, account, folder string) ([]check.BoxMessage, error) {
	box, err := e.box(ctx, account, folder)
	if errors.Is(err, mail.ErrNoMailbox) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []check.BoxMessage
	for _, m := range box.Snapshot().Messages {
		all = append(all, check.BoxMessage{Flags: flagNames(m), Open: func() ([]byte, error) { return readMessage(box, m.UID) }})
	}
	return all, nil
}

// box opens a mailbox, or looks again whether it changed.
func (e *evidence) box(ctx context.Context, account, folder string) (*mbox.Mailbox, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	key := account + "/" + folder
	if box := e.boxes[key]; box != nil {
		return box, box.Refresh(ctx)
	}
	box, err := e.g.cfg.Spool.Mailbox(ctx, account, folder)
	if err == nil {
		e.boxes[key] = box
	}
	return box, err
}

// maxRead bounds how much of a message in a mailbox is looked at.
const maxRead = 1 << 20

func readMessage(box *mbox.Mailbox, uid uint32) ([]byte, error) {
	content, err := box.Open(uid)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	var text bytes.Buffer
	_, err = io.Copy(&text, io.NewSectionReader(content, 0, min(content.Size(), maxRead)))
	return text.Bytes(), err
}

// flagNames are a message's flags as IMAP spells them.
func flagNames(m mail.Message) []string {
	names := slices.Clone(m.Keywords)
	for _, f := range []struct {
		flag mail.Flags
		name string
	}{{mail.Seen, `\Seen`}, {mail.Answered, `\Answered`}, {mail.Flagged, `\Flagged`}, {mail.Draft, `\Draft`}, {mail.Deleted, `\Deleted`}} {
		if m.Flags&f.flag != 0 {
			names = append(names, f.name)
		}
	}
	return names
}
