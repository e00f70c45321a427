package mail

import (
	"encoding/base64"
	"testing"
)

func TestPlainFlaw(t *testing.T) {
	for raw, want := range map[string]string{
		"\x00util1\x00secret":     "",
		"util1\x00util1\x00":      "",
		"\x00util1\x00secret\n":   " (newline)",
		"\x10901201\x10901201":    " (octal)", // printf '\020901201\020901201'
		"\x00util1\x00\x03secret": " (octal)",
		"util1 secret":            " (NUL)",
		"\x00util1":               " (NUL)",
		"\x00a\x00b\x00c":         " (NUL)",
	} {
		if got := PlainFlaw(base64.StdEncoding.EncodeToString([]byte(raw))); got != want {
			t.Errorf("%q: %q, want %q", raw, got, want)
		}
	}
	if got := PlainFlaw("no base64 at all"); got != "" {
		t.Errorf("no base64: %q", got)
	}
}
