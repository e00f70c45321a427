package dialogue

import (
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// maxLine is how much of a line is kept, in octets.
	maxLine = 1000
	// maxReplies is how many lines of one reply are kept: a listing of a full mailbox tells no more than its beginning.
	maxReplies = 100
	// maxPiece is how much of one dialogue may wait for the others, in octets.
	maxPiece = 16 << 10
)

// Recorder takes down one connection. A nil one takes nothing. Its methods may be called at the same time; after Close
// they do nothing.
type Recorder struct {
	store *Store

	mu      sync.Mutex
	head    header
	waiting []byte // lines of the next piece
	kept    int    // octets of all pieces
	typed   bool   // a command came: before that, nothing is worth keeping
	changed bool   // the head says what no piece said
	marked  bool   // the store knows that something waits
	replies int    // lines in a row
}

// ID names the dialogue; "" for a nil recorder.
func (r *Recorder) ID() string {
	if r == nil {
		return ""
	}
	return r.head.ID // never changes
}

// Client takes down a command line.
func (r *Recorder) Client(line string) {
	if r == nil {
		return
	}
	text := shorten(readable(line))
	r.take(entry{Client: &text}, Line{From: Client, Kind: Command, Text: text})
	r.sender(text)
}

// sender takes down who a client says that it is.
func (r *Recorder) sender(line string) {
	const mail = "mail from:"
	if r.head.Service != "smtp" || len(line) < len(mail) || !strings.EqualFold(line[:len(mail)], mail) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if from := strings.ToLower(strings.TrimSpace(line[len(mail):])); r.head.From == "" && r.head.End == nil {
		r.head.From = strings.ToValidUTF8(from[:min(len(from), maxFrom)], "")
	}
}

// maxFrom bounds what is kept of a sender to tell him apart, in octets.
const maxFrom = 64

// Server takes down a reply line.
func (r *Recorder) Server(line string) {
	if r == nil {
		return
	}
	text := shorten(readable(line))
	r.take(entry{Server: &text}, Line{From: Server, Kind: Reply, Text: text})
}

// Data takes down that so many octets of a message passed.
func (r *Recorder) Data(bytes int) {
	if r == nil {
		return
	}
	r.take(entry{Data: &bytes}, Line{From: dataFrom(r.head.Service), Kind: Data, Bytes: bytes})
}

// Fault takes down what went wrong on purpose.
func (r *Recorder) Fault(text string) {
	if r == nil {
		return
	}
	text = shorten(readable(text))
	r.take(entry{Fault: &text}, Line{From: Server, Kind: Fault, Text: text})
}

// Account takes down whose the connection is, from here on.
func (r *Recorder) Account(name string) {
	if r == nil || name == "" {
		return
	}
	r.change(Line{From: Server, Kind: Login, Text: name}, func(int64) {
		if !slices.Contains(r.head.Accounts, name) {
			r.head.Accounts = append(slices.Clone(r.head.Accounts), name) // the old ones are with readers
		}
	})
}

// Close ends the record. A connection on which nothing was typed leaves none.
func (r *Recorder) Close() {
	if r == nil {
		return
	}
	ended := false
	r.change(Line{Kind: End}, func(ms int64) { r.head.End, ended = &ms, r.typed })
	if ended {
		r.store.cfg.Ended(r.head.ID)
	}
}

// take keeps an entry, and shows the line to who follows.
func (r *Recorder) take(e entry, l Line) {
	r.change(l, func(ms int64) {
		e.Ms = ms
		r.keep(e)
	})
}

// change does something to a record that has not ended, and makes sure that it will be written.
func (r *Recorder) change(l Line, do func(ms int64)) {
	ms := max(0, r.store.cfg.Now().Sub(r.head.Start).Milliseconds())
	l.At = r.head.Start.Add(time.Duration(ms) * time.Millisecond)
	r.mu.Lock()
	if r.head.End != nil {
		r.mu.Unlock()
		return
	}
	do(ms)
	r.changed = true
	flush := func() {}
	if r.head.End != nil || len(r.waiting) >= maxPiece {
		r.write()
	} else if r.typed && !r.marked {
		r.marked = true
		flush = r.store.waits(r) // while nobody can close the record: what is closed must not be entered as open
	}
	r.mu.Unlock()
	flush()
	r.publish(l)
}

// keep adds an entry to what waits, within the bounds. mu is held.
func (r *Recorder) keep(e entry) {
	r.replies++
	if e.Server == nil {
		r.replies = 0
	}
	r.typed = r.typed || e.Client != nil
	if r.replies > maxReplies {
		r.head.Skipped++
		return
	}
	if r.head.Cut {
		return
	}
	size := len(r.waiting)
	r.waiting = appendJSON(r.waiting, e)
	if r.kept+len(r.waiting) > r.store.cfg.MaxDialogue {
		r.waiting = r.waiting[:size]
		r.head.Cut = true
	}
}

// flush hands over what waits.
func (r *Recorder) flush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.write()
}

// write hands a piece to the store. mu is held.
func (r *Recorder) write() {
	r.marked = false
	if !r.typed || !r.changed {
		return
	}
	piece := append(appendJSON(nil, r.head), r.waiting...)
	r.store.put(r.head, piece)
	r.kept += len(piece)
	r.head.Part++
	r.waiting, r.changed = nil, false
}

// publish shows a line to who follows.
func (r *Recorder) publish(l Line) {
	if !r.store.followers.any() {
		return
	}
	r.mu.Lock()
	h := r.head
	r.mu.Unlock()
	r.store.followers.send(Event{
		ID: h.ID, Service: h.Service, Peer: h.Peer, Epoch: h.Epoch, Accounts: slices.Clone(h.Accounts), Line: l,
	})
}
