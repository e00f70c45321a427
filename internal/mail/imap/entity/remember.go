package entity

import (
	"encoding/binary"
	"iter"
	"strings"
	"sync"

	"maillab/internal/mail"
)

// remembered are the fields that mail programs search and list again and again.
func remembered() [6]string { return [...]string{"Subject", "From", "To", "Cc", "Bcc", "Date"} }

// rememberedAs is a field's place among them.
func rememberedAs(name string) (place byte, ok bool) {
	for i, known := range remembered() {
		if strings.EqualFold(name, known) {
			return byte(i), true
		}
	}
	return 0, false
}

// fieldNotes are the remembered fields of one message, in order: for each its place, its length (a varint), and its text,
// unfolded. In one string, because there are thousands of them.
type fieldNotes string

// noteFields takes them out of a header.
func noteFields(header []byte) fieldNotes {
	var notes []byte
	for f := range Fields(header) {
		if place, ok := rememberedAs(f.Name); ok {
			text := f.Text()
			notes = binary.AppendUvarint(append(notes, place), uint64(len(text)))
			notes = append(notes, text...)
		}
	}
	return fieldNotes(notes)
}

// values are the texts of the fields at a place.
func (n fieldNotes) values(place byte) iter.Seq[string] {
	return func(yield func(string) bool) {
		for rest := string(n); rest != ""; {
			at := rest[0]
			size, text := cutUvarint(rest[1:])
			if at == place && !yield(text[:size]) {
				return
			}
			rest = text[size:]
		}
	}
}

// cutUvarint is binary.Uvarint for a string.
func cutUvarint(s string) (n uint64, rest string) {
	for shift := 0; ; shift += 7 {
		c := s[0]
		n, s = n|uint64(c&0x7f)<<shift, s[1:]
		if c < 0x80 {
			return n, s
		}
	}
}

// Bounds of a Remembered: 4 MiB are some 15,000 messages.
const (
	cacheOctets = 4 << 20
	noteOctets  = 2 << 10 // of one message: those with more are read again each time
	entryOctets = 96      // what an entry takes beside its text, in the map and in the allocator's size classes
)

// Remembered remembers the fields of messages that were searched, for all sessions of a server, so that a search of
// headers reads each message once. It goes by the messages' digests: a message is the same in whatever mailbox it is,
// and whatever a reset or a restore does with UIDs.
//
// Invariant: octets is what all notes take, at most cacheOctets. When it is full any entry makes room for a new one: with
// more messages than there is room for, a search that runs through all of them finds some here rather than none.
type Remembered struct {
	mu     sync.Mutex
	notes  map[mail.Digest]fieldNotes
	octets int
}

func (c *Remembered) get(d mail.Digest) (fieldNotes, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, ok := c.notes[d]
	return n, ok
}

func (c *Remembered) put(d mail.Digest, n fieldNotes) {
	if d == (mail.Digest{}) || len(n) > noteOctets {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.notes[d]; known {
		return
	}
	if c.notes == nil {
		c.notes = map[mail.Digest]fieldNotes{}
	}
	c.octets += len(n) + entryOctets
	for other, old := range c.notes {
		if c.octets <= cacheOctets {
			break
		}
		delete(c.notes, other)
		c.octets -= len(old) + entryOctets
	}
	c.notes[d] = n
}

// Values are the texts of a message's fields of a name, unfolded; the message is read only if they are not known.
func (c *Remembered) Values(d mail.Digest, name string, load func() ([]byte, error)) (iter.Seq[string], error) {
	place, worth := rememberedAs(name)
	if worth {
		if notes, ok := c.get(d); ok {
			return notes.values(place), nil
		}
	}
	header, err := load()
	if err != nil {
		return nil, err
	}
	if worth {
		notes := noteFields(header)
		c.put(d, notes)
		return notes.values(place), nil
	}
	return func(yield func(string) bool) {
		for f := range Fields(header) {
			if f.Is(name) && !yield(f.Text()) {
				return
			}
		}
	}, nil
}
