package maild

import (
	"slices"
	"sync"

	"maillab/internal/safeio"
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
	return safeio.WriteJSON(s.file, s.names)
}

func (s *subscriptions) load() error {
	if s.names != nil {
		return nil
	}
	s.names = map[string][]string{}
	err := safeio.ReadJSON(s.file, &s.names)
	if err != nil {
		s.names = nil // the next one tries again
	}
	return err
}

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
	return safeio.WriteJSON(s.file, s.names)
}
