package maild

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"maillab/internal/mail"
	"maillab/internal/spec"
)

// TestRoomOverAllFolders: a student has one limit, and IMAP makes as many folders as one likes.
func TestRoomOverAllFolders(t *testing.T) {
	b := start(t, 1)
	b.room.limit = 10_000
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

// TestRoomIsAStudents: mail to all accounts of a student counts together, and a neighbour's is not touched by it; what was
// let in counts at once, and what was removed does once it is counted.
func TestRoomIsAStudents(t *testing.T) {
	now := time.Now()
	used := map[string]int64{"util1": 100, "util11": 200}
	counted := 0
	r := newRoom([]spec.Account{{Name: "util1", Student: "alice"}, {Name: "util2", Student: "bob"}, {Name: "util11", Student: "alice"}, {Name: "prof"}, {Name: "guest"}},
		1000, func(_ context.Context, account string) (int64, error) { counted++; return used[account], nil }, func() time.Time { return now })
	for i, step := range []struct {
		account string
		octets  int64
		passes  bool
		later   time.Duration
	}{
		{"util1", 500, true, 0}, {"util11", 201, false, 0}, {"util11", 200, true, 0}, {"util1", 1, false, 0},
		{"util2", 1000, true, 0}, {"prof", 600, true, 0}, {"guest", 600, true, 0}, {"prof", 600, false, 0},
		{"util1", 700, true, recount}, // the count finds what is there: nothing of it was kept
	} {
		now = now.Add(step.later)
		err := r.take(t.Context(), step.account, step.octets)
		if passes := err == nil; passes != step.passes || err != nil && !errors.Is(err, mail.ErrFull) {
			t.Errorf("step %d: %d octets for %s: %v", i, step.octets, step.account, err)
		}
	}
	if counted > 7 {
		t.Errorf("mailboxes were counted %d times", counted)
	}
	if used, limit, err := r.quota(t.Context(), "util11"); used != 300 || limit != 1000 || err != nil {
		t.Errorf("quota %d of %d, %v", used, limit, err)
	}
	r.limit = 0
	if err := r.take(t.Context(), "util1", 1<<40); err != nil {
		t.Errorf("without a limit: %v", err)
	}
}
