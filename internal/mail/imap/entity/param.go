package entity

import (
	"strconv"
	"strings"
)

// Param is one parameter of Content-Type or Content-Disposition, as it was written but for quotes.
type Param struct{ Name, Value string }

// cursor walks over a structured field, forgivingly: comments are skipped, what makes no sense is stepped over.
type cursor struct {
	s   string
	pos int
}

func (c *cursor) more() bool { return c.pos < len(c.s) }

func (c *cursor) peek() byte {
	if c.more() {
		return c.s[c.pos]
	}
	return 0
}

// space skips blanks and comments.
func (c *cursor) space() {
	for c.more() {
		switch c.s[c.pos] {
		case ' ', '\t', '\r', '\n':
			c.pos++
		case '(':
			c.comment()
		default:
			return
		}
	}
}

// comment skips a comment with those inside it, without recursion, and returns its text.
func (c *cursor) comment() string {
	start, depth := c.pos+1, 0
	for ; c.more(); c.pos++ {
		switch c.s[c.pos] {
		case '\\':
			c.pos++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				c.pos++
				return c.s[start : c.pos-1]
			}
		}
	}
	c.pos = len(c.s)
	return c.s[min(start, len(c.s)):]
}

// quoted takes a quoted string; a missing quote ends at the end.
func (c *cursor) quoted() string {
	var b strings.Builder
	for c.pos++; c.more(); c.pos++ {
		switch ch := c.s[c.pos]; ch {
		case '"':
			c.pos++
			return b.String()
		case '\\':
			if c.pos++; c.more() {
				b.WriteByte(c.s[c.pos])
			}
		default:
			b.WriteByte(ch)
		}
	}
	return b.String()
}

// until takes what comes before any of the stop characters.
func (c *cursor) until(stop string) string {
	start := c.pos
	if i := strings.IndexAny(c.s[start:], stop); i >= 0 {
		c.pos += i
	} else {
		c.pos = len(c.s)
	}
	return c.s[start:c.pos]
}

// value takes a word or a quoted string.
func (c *cursor) value(stop string) string {
	if c.space(); c.peek() == '"' {
		return c.quoted()
	}
	return c.until(stop)
}

// maxParams bounds one field's parameters.
const maxParams = 100

// params takes ; name=value again and again.
func (c *cursor) params() []Param {
	var ps []Param
	for len(ps) < maxParams {
		c.until(";")
		if !c.more() {
			break
		}
		c.pos++
		c.space()
		name := strings.TrimSpace(c.until("=;"))
		if c.peek() != '=' {
			continue
		}
		c.pos++
		// An unquoted value may have any character but a blank: boundaries are often typed without quotes.
		if value := c.value("; \t\r\n"); name != "" {
			ps = append(ps, Param{name, value})
		}
	}
	return joined(ps)
}

// joined puts parameters that came in pieces together (RFC 2231, section 3), behind the others: name*0="a"; name*1="b" is
// name="ab", and with a charset in one of the pieces (name*0*=) name*=. Nothing is decoded.
func joined(ps []Param) []Param {
	var whole, made []Param
	for _, p := range ps {
		name, n, extended := pieceName(p.Name)
		switch {
		case n < 0:
			whole = append(whole, p)
		case n == 0:
			value := p.Value
			for next := 1; ; next++ {
				more, ok := piece(ps, name, next)
				if !ok {
					break
				}
				value += more.Value
				extended = extended || strings.HasSuffix(more.Name, "*")
			}
			if extended {
				name += "*"
			}
			made = append(made, Param{name, value})
		default:
			if _, ok := piece(ps, name, 0); !ok {
				whole = append(whole, p) // a piece of nothing
			}
		}
	}
	return append(whole, made...)
}

// pieceName takes name*3* apart; n is -1 when it is no piece.
func pieceName(s string) (name string, n int, extended bool) {
	rest, extended := strings.CutSuffix(s, "*")
	name, digits, ok := strings.Cut(rest, "*")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || n < 0 || len(digits) > 3 || name == "" {
		return s, -1, false
	}
	return name, n, extended
}

func piece(ps []Param, name string, n int) (Param, bool) {
	for _, p := range ps {
		if other, m, _ := pieceName(p.Name); m == n && strings.EqualFold(other, name) {
			return p, true
		}
	}
	return Param{}, false
}

func get(ps []Param, name string) string {
	for _, p := range ps {
		if strings.EqualFold(p.Name, name) {
			return p.Value
		}
	}
	return ""
}

// contentType parses Content-Type; ok is false when there is no type and subtype in it.
func contentType(value string) (typ, subtype string, ps []Param, ok bool) {
	c := &cursor{s: value}
	c.space()
	typ = c.until("/; \t\r\n(")
	if c.space(); c.peek() != '/' {
		return "", "", nil, false
	}
	c.pos++
	c.space()
	subtype = c.until("; \t\r\n(")
	if typ == "" || subtype == "" {
		return "", "", nil, false
	}
	return typ, subtype, c.params(), true
}

// disposition parses Content-Disposition.
func disposition(value string) (string, []Param) {
	c := &cursor{s: value}
	c.space()
	kind := strings.TrimSpace(c.until("; \t\r\n("))
	return kind, c.params()
}

// languages parses Content-Language (RFC 3282).
func languages(value string) []string {
	var tags []string
	for c := (&cursor{s: value}); ; c.pos++ {
		c.space()
		if tag := strings.TrimSpace(c.until(",(")); tag != "" && len(tags) < maxParams {
			tags = append(tags, tag)
		}
		if c.space(); !c.more() {
			return tags
		}
	}
}
