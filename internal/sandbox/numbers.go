package sandbox

import (
	"encoding/json"
	"fmt"
	"maps"

	"maillab/internal/spec"
)

// numbers are the places of accounts in the sandbox's range of uids, by name, from 1. One that was given stays when the
// account goes: what it leaves on the volumes is nobody else's, nobody else's processes change hands, and who comes back
// finds it all.
type numbers map[string]int

func parseNumbers(text []byte) (numbers, error) {
	n := numbers{}
	if text == nil {
		return n, nil
	}
	if err := json.Unmarshal(text, &n); err != nil {
		return nil, fmt.Errorf("numbers of accounts: %w", err)
	}
	return n, nil
}

// with gives newcomers, in the spec's order, the smallest number that nobody has ever had.
func (n numbers) with(s *spec.Sandbox) (numbers, error) {
	out, taken, next := maps.Clone(n), map[int]bool{}, 1
	for _, number := range n {
		taken[number] = true
	}
	for _, a := range s.Accounts {
		if out[a.Name] != 0 {
			continue
		}
		for taken[next] {
			next++
		}
		if next >= uidRange {
			return nil, fmt.Errorf("account %s: all %d uids of the sandbox have been given to accounts, of which some are gone", a.Name, uidRange-1)
		}
		out[a.Name], taken[next] = next, true
	}
	return out, nil
}

// keepNumbers numbers a spec's accounts, and keeps the numbers in a file before anything belongs to them.
func keepNumbers(path string, s *spec.Sandbox) (numbers, error) {
	text, err := readOr(path)
	if err != nil {
		return nil, err
	}
	n, err := parseNumbers(text)
	if err != nil {
		return nil, err
	}
	if n, err = n.with(s); err != nil {
		return nil, err
	}
	if text, err = json.Marshal(n); err != nil {
		return nil, err
	}
	return n, replaceIfDifferent(path, text, 0o600, -1)
}
