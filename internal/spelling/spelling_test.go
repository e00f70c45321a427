package spelling

import "testing"

func TestNearest(t *testing.T) {
	words := []string{"enveloppe", "message-simple", "message-sujet", "journal"}
	for wrong, want := range map[string]string{
		"jurnal": "journal", "JURNAL": "journal", "étape": "", "Journal": "journal", "message-suject": "message-sujet", "env": "enveloppe", "xyz": "", "": "",
	} {
		if got := Nearest(wrong, words); got != want {
			t.Errorf("%q: %q, want %q", wrong, got, want)
		}
	}
}

func TestNearestOfKeys(t *testing.T) {
	keys := []string{"hostname", "domain", "hosts", "tls", "title"}
	for typed, want := range map[string]string{"hostnam": "hostname", "Hostname": "hostname", "host": "hosts", "domaine": "domain", "xyz": ""} {
		if got := Nearest(typed, keys); got != want {
			t.Errorf("%q: %q, want %q", typed, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     int
	}{{"title", "titel", 1}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"kitten", "sitting", 3}, {"ca", "abc", 3}, {"ab", "ba", 1}} {
		if got, back := Distance(c.from, c.to), Distance(c.to, c.from); got != c.want || back != c.want {
			t.Errorf("%q and %q: %d and %d, want %d", c.from, c.to, got, back, c.want)
		}
	}
}
