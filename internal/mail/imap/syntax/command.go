package syntax

import (
	"bytes"
	"strings"
)

// Command takes the tag and the command's name.
func (p *Parser) Command() (tag, name string) {
	word := func(c byte) bool { return c > ' ' }
	p.Blanks()
	tag = p.Run(word)
	p.Blanks()
	return tag, strings.ToUpper(p.Run(word))
}

// ValidTag says whether a tag can be given back: RFC 3501's characters, generously.
func ValidTag(tag string) bool {
	return tag != "" && !strings.ContainsFunc(tag, func(r rune) bool { return r < ' ' || r > '~' || strings.ContainsRune(`(){%*"\`, r) })
}

// LiteralMark finds the announcement of a literal at the end of a line: {5}, {5+} (RFC 7888), ~{5} (RFC 3516). Within a
// quoted string there is none, and no quoted string runs over a line's end.
func LiteralMark(line []byte) (n int64, sync, ok bool) {
	if len(line) < 3 || line[len(line)-1] != '}' {
		return 0, false, false
	}
	open := bytes.LastIndexByte(line, '{')
	if open < 0 || inQuotes(line[:open]) {
		return 0, false, false
	}
	digits, plus := bytes.CutSuffix(line[open+1:len(line)-1], []byte("+"))
	if len(digits) == 0 || len(digits) > 18 {
		return 0, false, false
	}
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0, false, false
		}
		n = n*10 + int64(d-'0')
	}
	return n, !plus, true
}

// inQuotes tells whether a quoted string has begun and not ended. A quote within a word begins none: passwords have them.
func inQuotes(line []byte) bool {
	quoted := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quoted && c == '\\':
			i++
		case c == '"' && (quoted || i == 0 || bytes.IndexByte([]byte(" \t(["), line[i-1]) >= 0):
			quoted = !quoted
		}
	}
	return quoted
}
