package screen

import (
	"strings"
	"testing"
)

// TestFilter: what a student wrote never commands a teacher's terminal, however it is cut into writes.
func TestFilter(t *testing.T) {
	for _, test := range [][2]string{
		{"plain é 漢 text\n\tand more\r\n", "plain é 漢 text\n\tand more\n"},
		{"\x1b[31mred\x1b[0m", "�[31mred�[0m"},
		{"\x1b]0;title\x07", "�]0;title�"},
		{"c1 \u009b31m and \u0085", "c1 �31m and �"},
		{"a raw octet \x9b31m", "a raw octet �31m"},
		{"\u202eevil\u202c \u2066x\u2069 \u200f", "�evil� �x� �"},
		{"one\rtwo", "one�two"},
		{"lines\u2028and\u2029ends\x7f", "lines�and�ends�"},
	} {
		for cut := range len(test[0]) + 1 {
			var out strings.Builder
			rest := filter(&out, []byte(test[0][:cut]))
			if strings.HasSuffix(test[0][:cut], "\r") {
				continue // nobody cuts an end of line in two
			}
			filter(&out, append(rest, test[0][cut:]...))
			if out.String() != test[1] {
				t.Fatalf("%q cut at %d: %q", test[0], cut, out.String())
			}
		}
	}
	if got := Line("a\tb\nc"); got != "a�b�c" {
		t.Errorf("a line is %q", got)
	}
}
