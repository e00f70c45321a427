package syntax

import "testing"

// TestMaskedPlain: a response of PLAIN is hidden, and how it went wrong is told; a line that only looks masked stays as it is.
func TestMaskedPlain(t *testing.T) {
	for line, want := range map[string]string{
		"t AUTHENTICATE PLAIN AHV0aWwxAHNlY3JldA==":  "t AUTHENTICATE PLAIN ********",
		"t AUTHENTICATE PLAIN AHV0aWwxAHNlY3JldAo= ": "t AUTHENTICATE PLAIN ******** (newline)",
		"t authenticate ********":                    "t authenticate ********",
		"t authenticate plain ********":              "t authenticate plain ********",
		"authenticate plain":                         "authenticate plain",
		"t authenticate plain {5}":                   "t authenticate plain {5}",
	} {
		if got := new(Masker).First([]byte(line)); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}
