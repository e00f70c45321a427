package maild

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"
)

// subscriptions are the names that IMAP users subscribed to, in one small file: {"util1": ["Archives"]}.
type subscriptions struct {
	file string

	mu    sync.Mutex
	names map[string][]string // nil: not read yet
}

func (s *subscriptions) of(user string) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.load(); err != nil {
		return nil, err
	}
	return slices.Clone(s.names[user]), nil
}

func (s *subscriptions) set(user, name string, on bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.load(); err != nil {
		return err
	}
	at, has := slices.BinarySearch(s.names[user], name)
	switch {
	case on == has:
		return nil
	case on:
		s.names[user] = slices.Insert(s.names[user], at, name)
	default:
		s.names[user] = slices.Delete(s.names[user], at, at+1)
	}
	return writeJSON(s.file, s.names)
}

func (s *subscriptions) load() error {
	if s.names != nil {
		return nil
	}
	text, err := os.ReadFile(s.file)
	if errors.Is(err, fs.ErrNotExist) {
		s.names = map[string][]string{}
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &s.names); err != nil {
		return fmt.Errorf("%s: %w", s.file, err)
	}
	return nil
}

// forget drops all of a user's subscriptions.
func (s *subscriptions) forget(user string) error { return s.replace(user, nil) }

// replace sets all of a user's subscriptions.
func (s *subscriptions) replace(user string, names []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.load(); err != nil {
		return err
	}
	if slices.Equal(s.names[user], names) {
		return nil
	}
	delete(s.names, user)
	if len(names) > 0 {
		s.names[user] = slices.Sorted(slices.Values(names))
	}
	return writeJSON(s.file, s.names)
}
