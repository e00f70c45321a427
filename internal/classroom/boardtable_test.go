package classroom

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/dialogue"
	"maillab/internal/instance"
	"maillab/internal/screen"
)

func TestBoardTable(t *testing.T) {
	now := time.Date(2026, 3, 26, 12, 0, 0, 0, time.UTC)
	_, rows := Standing{Students: []BoardRow{
		{Student: "alice", Passed: 1, Total: 3, Next: "two", At: now.Add(-90 * time.Second), Service: "smtp", Command: "RCPT TO:<x>", Error: "550", Progress: now.Add(-time.Hour)},
		{Student: "bruno", Total: 3, Progress: now.Add(time.Second)}, // a sandbox's clock may be ahead
	}}.Table(now)
	want := [][]string{{"alice", "1/3", "two", "60 min", "smtp RCPT TO:<x>", "1 min", "550"}, {"bruno", "0/3", "-", "0 s", "-", "-", "-"}}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
}

func TestDialogueTable(t *testing.T) {
	_, rows := DialogueTable([]dialogue.Dialogue{{ID: "7", Service: "pop3", Peer: "192.0.2.1:1", Accounts: []string{"util1", "util2"},
		Start: time.Date(2026, 3, 26, 12, 0, 0, 0, time.UTC), Lines: []dialogue.Line{{Kind: dialogue.Command, Text: "QUIT"}, {Kind: dialogue.Reply, Text: "+OK"}}}})
	if got := strings.Join(rows[0], "|"); !strings.HasPrefix(got, "7|pop3|192.0.2.1:1|util1 util2|2026-03-26T12:00:00Z|1|") {
		t.Error(got)
	}
}

// TestInTurn: what sandboxes say comes in their order, whichever ends first, and a failure ends its turn, too.
func TestInTurn(t *testing.T) {
	var out strings.Builder
	sandboxes := []instance.Sandbox{{Seat: 4}, {Seat: 2}}
	place, turns := Places(sandboxes), screen.NewTurns(&out, 2)
	failed := errors.New("failed")
	do := InTurn(place, func(_ context.Context, s instance.Sandbox) error {
		_, err := turns.Writer(place[s.Seat]).Write([]byte{byte('0' + s.Seat)})
		return errors.Join(err, map[int]error{4: failed}[s.Seat])
	}, turns)
	if err := do(t.Context(), sandboxes[1]); err != nil || out.String() != "" {
		t.Errorf("the second before the first: %v, %q", err, out.String())
	}
	if err := do(t.Context(), sandboxes[0]); !errors.Is(err, failed) || out.String() != "42" {
		t.Errorf("%v, %q", err, out.String())
	}
}
