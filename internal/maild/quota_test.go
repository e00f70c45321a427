package maild

import (
	"errors"
	"strings"
	"testing"

	"maillab/internal/mail"
)

// TestRoomOverAllFolders: one mailbox has its limit, and IMAP makes as many folders as one likes.
func TestRoomOverAllFolders(t *testing.T) {
	b := start(t, 1)
	b.cfg.Spec.Limits.SpoolBytes = 10_000
	u := &imapUser{d: b.Daemon, name: "util1"}
	text := "Subject: large\n\n" + strings.Repeat(strings.Repeat("x", 70)+"\n", 60)
	put := func(folder string) error {
		if err := u.Create(t.Context(), folder, false); err != nil {
			t.Fatal(err)
		}
		_, _, err := u.Append(t.Context(), folder, []mail.Delivery{{Body: []byte(text)}})
		return err
	}
	for _, folder := range []string{"one", "two"} {
		if err := put(folder); err != nil {
			t.Fatal(err)
		}
	}
	if err := put("three"); !errors.Is(err, mail.ErrFull) {
		t.Errorf("a third of more than a third: %v", err)
	}
}
