package screen

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Cells are a row of a CSV file in which nothing is a formula; a number is none.
func Cells(row []string) []string {
	out := slices.Clone(row)
	for i, cell := range row {
		if _, err := strconv.ParseFloat(cell, 64); err != nil {
			out[i] = Harmless(cell)
		}
	}
	return out
}

// Harmless is a text that no spreadsheet program takes for a formula, with whichever separator it reads the file: an
// apostrophe stands before what begins one, at the beginning and behind every separator, quote and end of line (OWASP,
// CSV injection). A lone dash is none.
func Harmless(text string) string {
	if text == "-" {
		return text
	}
	var b strings.Builder
	begins := true
	for i, c := range text {
		if begins && strings.ContainsRune("=+-@＝＋－＠", c) || i == 0 && unicode.IsControl(c) {
			b.WriteByte('\'')
		}
		begins = strings.ContainsRune(",;\t\r\n\"", c) || begins && unicode.IsSpace(c)
		b.WriteRune(c)
	}
	return b.String()
}
