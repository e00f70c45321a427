package syntax

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// ValidComponent: not empty, not hidden, nothing that a file name cannot have.
func ValidComponent(s string) bool {
	return s != "" && s[0] != '.' && len(s) <= 255 && !strings.ContainsFunc(s, func(r rune) bool {
		return r == '/' || r == utf8.RuneError || unicode.IsControl(r)
	})
}
