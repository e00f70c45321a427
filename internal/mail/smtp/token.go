package smtp

import (
	"fmt"
	"strings"
)

// token is a word of a command line. A path or a quoted string in it may contain blanks.
type token struct {
	text   string
	broken bool // a bracket or a quote was not closed
}

// tokenize splits a command line as Postfix does, so that what people type is understood: blanks separate words except
// between < and > and between quotes, and "from:" and "to:" end a word, so "mail from:x" has three.
func tokenize(line string) []token {
	var words []token
	for {
		word, rest := nextToken(line)
		if word.text == "" {
			return words
		}
		words, line = append(words, word), rest
	}
}

// nextToken takes the first word off a line.
func nextToken(line string) (token, string) {
	var word token
	for i := 0; i < len(line); {
		c := line[i]
		i++
		switch {
		case isSpace(c):
			if word.text != "" {
				return word, line[i:]
			}
		case c == '<' || c == '"':
			n, closed := quoted(line[i-1:])
			word.text += line[i-1 : i-1+n]
			word.broken = word.broken || !closed
			i += n - 1
		case c == ':':
			word.text += ":"
			if isPrefixKeyword(word.text) {
				return word, line[i:]
			}
		case c == '\\' && i < len(line):
			word.text += line[i-1 : i+1]
			i++
		default:
			word.text += line[i-1 : i]
		}
	}
	return word, ""
}

// isPrefixKeyword tells the words after which an address follows, with or without a blank.
func isPrefixKeyword(word string) bool {
	return strings.EqualFold(word, "from:") || strings.EqualFold(word, "to:")
}

// quoted returns how long the <path> or "string" is that text begins with. Brackets nest, quotes hide brackets, a
// backslash hides the next byte.
func quoted(text string) (n int, closed bool) {
	var stack []byte
	push := func(c byte) { stack = append(stack, c) }
	if text[0] == '<' {
		push('>')
	} else {
		push('"')
	}
	for i := 1; i < len(text); i++ {
		wanted := stack[len(stack)-1]
		switch c := text[i]; {
		case c == '\\':
			i++
		case c == wanted:
			if stack = stack[:len(stack)-1]; len(stack) == 0 {
				return i + 1, true
			}
		case c == '"':
			push('"')
		case c == '<' && wanted == '>':
			push('>')
		}
	}
	return len(text), false
}

// isSpace is C's isspace.
func isSpace(c byte) bool {
	return c == ' ' || c >= '\t' && c <= '\r'
}

// isHeader tells a mail header's name and colon from a command: "Subject:".
func isHeader(word string) bool {
	name, _, found := strings.Cut(word, ":")
	name = strings.TrimRight(name, " \t")
	if !found || name == "" {
		return false
	}
	for i := 0; i < len(name); i++ {
		if name[i] <= ' ' || name[i] >= 0x7f {
			return false
		}
	}
	return true
}

// printable replaces what must not get into a reply or a log line.
func printable(text string, replacement byte) string {
	out := []byte(strings.ToValidUTF8(text, string(replacement)))
	for i, c := range out {
		if c < ' ' || c == 0x7f {
			out[i] = replacement
		}
	}
	return string(out)
}

// joined are words with blanks between.
func joined(words []token) string {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = w.text
	}
	return strings.Join(texts, " ")
}

// neuter replaces what would end the comment, or break the form, of a Received header.
func neuter(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(` <>()\";@`, r) {
			return '?'
		}
		return r
	}, printable(name, '?'))
}

// escape writes control characters as in C, as Postfix does in the log.
func escape(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\t':
			b.WriteString(`\t`)
		case c == '\\':
			b.WriteString(`\\`)
		case c < ' ' || c >= 0x7f:
			fmt.Fprintf(&b, `\%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
