package addrspec

import "testing"

func TestQuote(t *testing.T) {
	for internal, want := range map[string]string{
		"":                     "",
		"util1":                "util1",
		"util1@local.isri.fr":  "util1@local.isri.fr",
		"a b@local.isri.fr":    `"a b"@local.isri.fr`,
		`a"b\@local.isri.fr`:   `"a\"b\\"@local.isri.fr`,
		"a@b@local.isri.fr":    `"a@b"@local.isri.fr`,
		".a@local.isri.fr":     `".a"@local.isri.fr`,
		"a..b@local.isri.fr":   `"a..b"@local.isri.fr`,
		"@local.isri.fr":       `""@local.isri.fr`,
		`"a b"@local.isri.fr`:  `"a b"@local.isri.fr`,
		"user%host!x@local.fr": "user%host!x@local.fr",
		"é@local.isri.fr":      "é@local.isri.fr",
	} {
		if got := Quote(internal); got != want {
			t.Errorf("%q: got %q, want %q", internal, got, want)
		}
	}
}
