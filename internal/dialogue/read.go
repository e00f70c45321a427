package dialogue

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ErrNotFound is Read's for a dialogue that there is not, or no more.
var ErrNotFound = errors.New("no such dialogue")

// Filter chooses dialogues. The zero value chooses all.
type Filter struct {
	Service string // "" is any
	Account string // one that logged in; "" is any
	Epoch   int    // 0 is any
}

func (f Filter) wants(h header) bool {
	return (f.Service == "" || f.Service == h.Service) &&
		(f.Account == "" || slices.Contains(h.Accounts, f.Account)) &&
		(f.Epoch == 0 || f.Epoch == h.Epoch)
}

// List returns the dialogues that a filter chooses, by their start, without their lines. It reads no file.
func (s *Store) List(f Filter) []Dialogue {
	s.Flush()
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Dialogue
	for _, h := range s.heads {
		if f.wants(h) {
			list = append(list, h.dialogue())
		}
	}
	slices.SortFunc(list, func(a, b Dialogue) int { return strings.Compare(a.ID, b.ID) })
	return list
}

// Open are the IDs of the dialogues that go on, in which something was typed.
func (s *Store) Open() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.open))
}

// Read returns one dialogue as far as it has come. One of which nothing could be written has no lines, and is Cut.
func (s *Store) Read(id string) (Dialogue, error) {
	s.Flush()
	s.mu.Lock()
	last, known := s.heads[id]
	pieces, err := s.ring.Get(id)
	s.mu.Unlock()
	if !known {
		err = ErrNotFound
	}
	if err != nil {
		return Dialogue{}, fmt.Errorf("dialogue %q: %w", id, err)
	}
	if len(pieces) == 0 {
		d := last.dialogue()
		d.Cut = true
		return d, nil
	}
	d, err := parse(pieces...)
	if err != nil {
		return Dialogue{}, fmt.Errorf("dialogue %q: %w", id, err)
	}
	return d, nil
}
