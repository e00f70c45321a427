package embedded

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"maillab/internal/engine"
	"maillab/internal/spec"
)

// TestPasswordsAtOnce: of changes that come together none is lost.
func TestPasswordsAtOnce(t *testing.T) {
	dir := t.TempDir()
	s, err := newSeat(t.Context(), engine.Resource{Seat: 1}, dir, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	const accounts = 8
	told := spec.Sandbox{Version: spec.Version, Hostname: "mail.example", Domain: "example", Timezone: "UTC"}
	for i := range accounts {
		told.Accounts = append(told.Accounts, spec.Account{Name: fmt.Sprint("u", i), PasswordHash: "old"})
	}
	text, err := json.Marshal(told)
	if err != nil {
		t.Fatal(err)
	}
	if err := (host{s}).Configure(t.Context(), text); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range accounts {
		all.Go(func() {
			if err := (host{s}).Password(t.Context(), fmt.Sprint("u", i), fmt.Sprint("new", i)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if text, err = os.ReadFile(filepath.Join(dir, specFile)); err != nil {
		t.Fatal(err)
	}
	var kept spec.Sandbox
	if err := json.Unmarshal(text, &kept); err != nil {
		t.Fatal(err)
	}
	for i, a := range kept.Accounts {
		if a.PasswordHash != fmt.Sprint("new", i) {
			t.Errorf("%s has %s", a.Name, a.PasswordHash)
		}
	}
}
