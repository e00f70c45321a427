//go:build linux

package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Password implements broker.Keeper. It goes into the spec, as if that had said so from the beginning: a password that
// the student gave himself before is overruled, one that he gives himself afterwards survives.
func (s *Supervisor) Password(ctx context.Context, user, hash string) error {
	if _, err := s.owner(user); err != nil {
		return err
	}
	if err := checkHash(user, hash); err != nil {
		return err
	}
	s.changing.Lock()
	defer s.changing.Unlock()
	text, err := withPassword(s.snapshot().text, user, hash)
	if err != nil {
		return err
	}
	if err := s.adopt(ctx, text); err != nil {
		return err
	}
	if err := replace(filepath.Join(ownDir, "spec.json"), text, 0o600, -1); err != nil {
		return fmt.Errorf("keeping the spec: %w", err)
	}
	return nil
}

func checkHash(user, hash string) error {
	if hash == "" || strings.ContainsAny(hash, ": \t\r\n\x00") {
		return fmt.Errorf("account %s: not a password hash: %w", user, syscall.EINVAL)
	}
	return nil
}

// Chosen implements broker.Keeper: the hash that the spec had then, a blank, and the student's own. So a sandbox of another class, or a
// password that the teacher has given since, makes nothing of it.
func (s *Supervisor) Chosen(user string) (string, error) {
	s.applying.Lock()
	defer s.applying.Unlock()
	changed, a, err := s.passwords(user)
	if line := changed.line(a); err == nil && line != "" {
		return a.hash + " " + field(line, 1), nil
	}
	return "", err
}

// Choose implements broker.Keeper.
func (s *Supervisor) Choose(user, chosen string) error {
	given, hash, _ := strings.Cut(chosen, " ")
	if err := checkHash(user, hash); err != nil {
		return err
	}
	s.applying.Lock()
	defer s.applying.Unlock()
	changed, a, err := s.passwords(user)
	if err != nil || changed.line(a) != "" || given != a.hash {
		return err
	}
	now := time.Now()
	changed[user] = changedPassword{given, shadowLine(user, hash, days(now))}
	if err := s.system.accounts(s.shadow.accounts, changed, now); err != nil {
		return err
	}
	return s.shadow.save()
}

// passwords are those that students have changed, and an account. The lock on what is applied is held.
func (s *Supervisor) passwords(user string) (changed changedPasswords, a account, err error) {
	a, there := s.snapshot().accounts[user]
	if !there {
		return nil, a, fmt.Errorf("no account %q: %w", user, syscall.ENOENT)
	}
	if err := s.shadow.save(); err != nil {
		return nil, a, err
	}
	changed, err = s.shadow.load()
	return changed, a, err
}

// withPassword is a spec with another hash for one account; everything else, known here or not, is left as it is.
func withPassword(text []byte, user, hash string) ([]byte, error) {
	var top map[string]json.RawMessage
	if err := json.Unmarshal(text, &top); err != nil {
		return nil, fmt.Errorf("spec: %w", err)
	}
	var accounts []map[string]json.RawMessage
	if err := json.Unmarshal(top["accounts"], &accounts); err != nil {
		return nil, fmt.Errorf("spec: accounts: %w", err)
	}
	for _, a := range accounts {
		var name string
		if json.Unmarshal(a["name"], &name) != nil || name != user {
			continue
		}
		quoted, err := json.Marshal(hash)
		if err != nil {
			return nil, err
		}
		a["passwordHash"] = quoted
		delete(a, "password")
		changed, err := json.Marshal(accounts)
		if err != nil {
			return nil, err
		}
		top["accounts"] = changed
		return json.Marshal(top)
	}
	return nil, fmt.Errorf("spec: no account %q: %w", user, syscall.ENOENT)
}
