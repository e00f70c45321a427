package syntax

import (
	"bytes"
	"strings"

	"maillab/internal/mail"
)

// Mask stands for a password in the record, whatever its length.
const Mask = "********"

// Masker takes the passwords out of one command's lines before they are recorded. It errs on the side of hiding: a
// forgotten tag ("login util1 secret") is understood too.
type Masker struct {
	secret bool // the lines that follow belong to a LOGIN or AUTHENTICATE
}

// First masks a command's first line.
func (m *Masker) First(line []byte) string {
	m.secret = false
	words := fieldStarts(line, 5)
	for i, at := range words[:min(len(words), 2)] {
		switch strings.ToUpper(word(line, at)) {
		case "LOGIN":
			m.secret = true
			return maskFrom(line, words, i+2)
		case "AUTHENTICATE":
			masked := maskFrom(line, words, i+2)
			if i+2 < len(words) && masked != string(line) {
				masked += mail.PlainFlaw(string(bytes.TrimSpace(line[words[i+2]:])))
			}
			return masked
		}
	}
	return string(line)
}

// Next masks a line that continues a command after a literal.
func (m *Masker) Next(line []byte) string {
	if !m.secret || len(bytes.TrimSpace(line)) == 0 {
		return string(line)
	}
	if _, _, ok := LiteralMark(line); ok && len(bytes.Fields(line)) == 1 {
		return string(line)
	}
	return Mask
}

// maskFrom hides everything from the i-th word on, but the announcement of a literal.
func maskFrom(line []byte, words []int, i int) string {
	if i >= len(words) {
		return string(line)
	}
	if _, _, ok := LiteralMark(line); ok && i == len(words)-1 {
		return string(line)
	}
	return string(line[:words[i]]) + Mask
}

// fieldStarts returns where the first n words of a line start. A quoted string is one word.
func fieldStarts(line []byte, n int) []int {
	var at []int
	inWord, quoted := false, false
	for i := 0; i < len(line) && len(at) <= n; i++ {
		switch c := line[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			if !inWord {
				at = append(at, i)
			}
			inWord, quoted = true, !quoted
		case quoted:
		case c == ' ' || c == '\t':
			inWord = false
		case !inWord:
			at, inWord = append(at, i), true
		}
	}
	return at
}

func word(line []byte, at int) string {
	rest := line[at:]
	if end := bytes.IndexAny(rest, " \t"); end >= 0 {
		rest = rest[:end]
	}
	return string(rest)
}
