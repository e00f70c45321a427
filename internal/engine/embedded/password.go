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
	h.s.mu.Lock() // from reading to writing: of two changes at once none is lost
	defer h.s.mu.Unlock()
	text, err := os.ReadFile(filepath.Join(h.s.dir, specFile))
	if err != nil {
		return err
	}
	var sandbox spec.Sandbox
	if err := json.Unmarshal(text, &sandbox); err != nil {
		return fmt.Errorf("spec: %w", err)
	}
	for i := range sandbox.Accounts {
		if sandbox.Accounts[i].Name == account {
			sandbox.Accounts[i].Password, sandbox.Accounts[i].PasswordHash = "", hash
		}
	}
	if text, err = json.Marshal(sandbox); err != nil {
		return err
	}
	return h.s.replace(text)
}
