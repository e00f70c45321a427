package grading

import (
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/control"
	"maillab/internal/delivery"
	"maillab/internal/lab/task"
	"maillab/internal/mail"
)

// TestMessages: a student sees what came into his own mailboxes, and of the envelope what is his: who else got a message is
// nobody's business on a server with others.
func TestMessages(t *testing.T) {
	g, _ := judging(t)
	var err error
	g.cfg.Deliveries, err = delivery.Open(delivery.Config{Dir: filepath.Join(t.TempDir(), "deliveries"), Now: func() time.Time { return time.Date(2026, 3, 26, 11, 5, 0, 0, time.UTC) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.cfg.Deliveries.Close)
	to := func(typed, full string) mail.Recipient {
		return mail.Recipient{Address: mail.Address{Typed: typed, Full: full}}
	}
	e := &mail.Envelope{ID: "4bX", Sender: mail.Address{Typed: "util9"}, Recipients: []mail.Recipient{to("president", "president@x"), to("util2", "util2@x")}}
	epoch := g.cfg.Epochs.Current().Number
	g.cfg.Deliveries.Taken(epoch, e)
	g.cfg.Deliveries.Delivered(epoch, "4bX", []delivery.Copy{
		{Account: "util1", Typed: "president", Address: "util1@x", Head: "X-Original-To: president\n"}, {Account: "util2", Typed: "util2", Address: "util2@x"},
	}, []byte("Subject: test\n\nhello\n"))
	g.cfg.Deliveries.Delivered(epoch, "4bY", []delivery.Copy{{Account: "util2", Typed: "util2", Address: "util2@x"}}, []byte("Subject: not for alice\n\n"))

	seen := func(student string) (ids []string, recipients []string) {
		t.Helper()
		if err := g.Records().Messages(t.Context(), student, func(m control.Message) error {
			ids = append(ids, m.ID)
			for _, r := range m.Envelope.Recipients {
				recipients = append(recipients, r.Typed)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return ids, recipients
	}
	ids, recipients := seen("alice")
	if diff := cmp.Diff([][]string{{"4bX"}, {"president", "util2"}}, [][]string{ids, recipients}); diff != "" {
		t.Error("alone: ", diff)
	}
	m, err := g.Records().Message(t.Context(), "alice", "4bX")
	if diff := cmp.Diff("X-Original-To: president\nSubject: test\n\nhello\n", string(m.Text)); diff != "" || err != nil || m.Cut {
		t.Error(diff, err, m.Cut)
	}

	g.sheets = append(g.sheets, task.Sheet{Student: "bob", Accounts: []string{"util2"}})
	if ids, recipients = seen("alice"); !cmp.Equal(recipients, []string{"president"}) || !cmp.Equal(ids, []string{"4bX"}) {
		t.Error("beside another: ", ids, recipients)
	}
	for _, id := range []string{"4bY", ""} {
		if _, err := g.Records().Message(t.Context(), "alice", id); err == nil || err.(*control.Error).Status != http.StatusNotFound {
			t.Errorf("message %q: %v", id, err)
		}
	}
	g.cfg.Now = func() time.Time { return time.Date(2026, 3, 26, 12, 0, 0, 0, time.UTC) }
	if err := g.StartAgain([]string{"util1"}); err != nil {
		t.Fatal(err)
	}
	if ids, _ := seen("alice"); len(ids) > 0 {
		t.Error("put back to the start, alice sees ", ids)
	}
}
