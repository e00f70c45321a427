package screen

import "testing"

func TestNearest(t *testing.T) {
	words := []string{"enveloppe", "message-simple", "message-sujet", "journal"}
	for wrong, want := range map[string]string{
		"jurnal": "journal", "Journal": "journal", "message-suject": "message-sujet", "env": "enveloppe", "xyz": "", "": "",
	} {
		if got := Nearest(wrong, words); got != want {
			t.Errorf("%q: %q, want %q", wrong, got, want)
		}
	}
}
