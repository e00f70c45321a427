package dialogue

import "testing"

// TestQueued: the reply to a message's end names it; what only speaks of it does not.
func TestQueued(t *testing.T) {
	for text, want := range map[string]string{
		"250 2.0.0 Ok: queued as 4bXyz": "4bXyz",
		"250 queued as Q1":              "Q1",
		"250 2.1.0 Ok":                  "",
		"550 5.1.1 <queued as Q1>":      "",
		"250 unqueued as Q1":            "",
		"250 queued as Q1, or so":       "",
	} {
		if got := (Line{Kind: Reply, Text: text}).Queued(); got != want {
			t.Errorf("%q: %q", text, got)
		}
		if got := (Line{Kind: Command, Text: text}).Queued(); got != "" {
			t.Errorf("typed: %q", got)
		}
	}
}
