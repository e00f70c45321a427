package delivery

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// maxHead bounds a record's line: a thousand recipients of the longest kind.
const maxHead = 2 << 20

// List returns the messages of an epoch (0: of all) in the order of their first record, without their text.
func (s *Store) List(epoch int) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Message
	for _, m := range s.messages {
		if epoch == 0 || epoch == m.Epoch {
			list = append(list, *m)
		}
	}
	slices.SortFunc(list, func(a, b Message) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.nth, b.nth)) })
	return list
}

// readHead reads a record's line.
func readHead(line []byte) (r record, err error) {
	if len(line) > maxHead {
		return r, errors.New("a record's line is too long")
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return r, err
	}
	whole := r.Kind == kindTaken && r.Envelope != nil || r.Kind == kindDelivered && r.ID != "" && r.Envelope == nil
	if r.Version != version || r.Bytes < 0 || r.Bytes > r.Size || r.Part < 0 || !whole {
		return r, errors.New("not a record")
	}
	return r, nil
}

// ErrGone is for a text that is kept no more.
var ErrGone = errors.New("the record of this message is gone")

// Text is a copy as it was put into its mailbox, lines ending in LF; cut says that its end is missing.
func (s *Store) Text(c Copy) (text []byte, cut bool, err error) {
	r, body, err := s.load(c.text)
	if err != nil {
		return nil, false, err
	}
	if c.index >= len(r.Copies) {
		return nil, false, ErrGone
	}
	return append([]byte(r.Copies[c.index].Head), body...), c.text.bytes < c.text.size, nil
}

func (s *Store) load(p place) (r record, text []byte, err error) {
	s.mu.Lock()
	whole, err := s.ring.Part(p.key, p.part)
	s.mu.Unlock()
	if err != nil {
		return r, nil, fmt.Errorf("deliveries: %w", err)
	}
	line, rest, _ := bytes.Cut(whole, []byte{'\n'})
	if r, err = readHead(line); err != nil || len(rest) < r.Bytes {
		return r, nil, ErrGone
	}
	return r, rest[:r.Bytes], nil
}
