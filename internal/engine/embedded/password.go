package embedded

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"maillab/internal/spec"
)

// Password gives an account another password: the daemon is started anew with it, as its accounts are in its memory.
func (h host) Password(_ context.Context, account, hash string) error {
	return h.s.change(func() (*life, error) {
		text, err := h.s.withPassword(account, hash)
		if err != nil {
			return nil, err
		}
		return h.s.become(text)
	})
}

// withPassword is the spec with another password in it.
func (s *seat) withPassword(account, hash string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(s.dir, specFile))
	if err != nil {
		return nil, err
	}
	var sandbox spec.Sandbox
	if err := json.Unmarshal(text, &sandbox); err != nil {
		return nil, fmt.Errorf("spec: %w", err)
	}
	for i := range sandbox.Accounts {
		if sandbox.Accounts[i].Name == account {
			sandbox.Accounts[i].Password, sandbox.Accounts[i].PasswordHash = "", hash
		}
	}
	return json.Marshal(sandbox)
}
