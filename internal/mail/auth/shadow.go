package auth

import (
	"fmt"
	"os"
	"strings"
	"sync"
)

// Shadow are the accounts of a shadow file. It is read again whenever it is another file, or has another size or time:
// passwd and chpasswd write a new file and rename it, so the next login sees their change.
type Shadow struct {
	path string

	mu      sync.Mutex
	seen    os.FileInfo // what entries were read from
	entries map[string]Entry
}

// NewShadow reads accounts from the file at path, from the first login on.
func NewShadow(path string) *Shadow { return &Shadow{path: path} }

// Find returns an account of the file as it is now.
func (s *Shadow) Find(name string) (Entry, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refresh(); err != nil {
		return Entry{}, false, err
	}
	e, ok := s.entries[name]
	return e, ok, nil
}

func (s *Shadow) refresh() error {
	now, err := os.Stat(s.path)
	if err != nil {
		return fmt.Errorf("shadow file: %w", err)
	}
	if s.seen != nil && os.SameFile(s.seen, now) && s.seen.ModTime().Equal(now.ModTime()) && s.seen.Size() == now.Size() {
		return nil
	}
	// The state from before the reading is kept: what changes in between is read again next time.
	text, err := os.ReadFile(s.path)
	if err != nil {
		return fmt.Errorf("shadow file: %w", err)
	}
	s.entries, s.seen = parseShadow(string(text)), now
	return nil
}

// parseShadow reads a whole file. Of two lines for one account the first counts, as for the C library.
func parseShadow(text string) map[string]Entry {
	entries := map[string]Entry{}
	for line := range strings.Lines(text) {
		e, ok := parseEntry(strings.TrimSuffix(line, "\n"))
		if _, twice := entries[e.Name]; ok && !twice {
			entries[e.Name] = e
		}
	}
	return entries
}
