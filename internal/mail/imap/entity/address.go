package entity

import (
	"slices"
	"strings"
)

// Address is one element of an address list as ENVELOPE wants it (RFC 3501, section 7.4.2): a mailbox; the start of a
// group (Host "", Group true, Mailbox its name); or a group's end (Mailbox "" too). Nothing in it is decoded.
type Address struct {
	Name, Route, Mailbox, Host string
	Group                      bool
}

// maxAddresses bounds one field.
const maxAddresses = 10_000

// Addresses parses an address list, whatever it looks like.
func Addresses(value string) []Address {
	c := &addressCursor{cursor: cursor{s: value}}
	var list []Address
	inGroup := false
	for len(list) < maxAddresses {
		c.phrase()
		switch c.peek() {
		case ':':
			c.pos++
			list = append(list, Address{Mailbox: c.words(), Group: true})
			inGroup = true
		case '<':
			list = append(list, c.angle())
		case ',', ';', 0:
			if a, ok := c.bare(); ok {
				list = append(list, a)
			}
			if c.peek() == ';' && inGroup {
				list = append(list, Address{Group: true})
				inGroup = false
			}
			if !c.more() {
				if inGroup {
					list = append(list, Address{Group: true})
				}
				return list
			}
			c.pos++
		default:
			c.pos++ // what can only be a mistake
		}
	}
	return list
}

// addressCursor gathers the words before it is known what they are: a display name or an address.
type addressCursor struct {
	cursor
	parts   []string // words, and "." and "@" between them
	spaced  []bool   // a blank stood before the part
	comment string   // the last comment: a name, in old-style addresses
}

// phrase gathers words up to one of , ; : < or the end.
func (c *addressCursor) phrase() {
	c.parts, c.spaced, c.comment = nil, nil, ""
	for c.more() {
		start := c.pos
		c.blanks()
		spaced := c.pos > start
		switch c.peek() {
		case 0:
			if c.more() {
				c.pos++
				continue
			}
			return
		case ',', ';', '<':
			return
		case ':':
			return
		case '"':
			c.add(c.quoted(), spaced)
		case '@', '.', '>', ')':
			c.add(c.s[c.pos:c.pos+1], spaced)
			c.pos++
		case '[':
			c.add(c.domainLiteral(), spaced)
		default:
			c.add(c.until(" \t\r\n,;:<>@.\"()[\x00"), spaced)
		}
	}
}

func (c *addressCursor) add(part string, spaced bool) {
	c.parts, c.spaced = append(c.parts, part), append(c.spaced, spaced)
}

// blanks skips blanks and keeps the last comment.
func (c *addressCursor) blanks() {
	for {
		switch c.peek() {
		case ' ', '\t', '\r', '\n':
			c.pos++
		case '(':
			c.comment = strings.TrimSpace(c.cursor.comment())
		default:
			return
		}
	}
}

func (c *addressCursor) domainLiteral() string {
	start := c.pos
	c.until("]")
	if c.more() {
		c.pos++
	}
	return c.s[start:c.pos]
}

// words joins the gathered parts as they stood: a display name.
func (c *addressCursor) words() string {
	var b strings.Builder
	for i, p := range c.parts {
		if c.spaced[i] && i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(p)
	}
	return strings.TrimSpace(b.String())
}

// angle takes <@route:mailbox@host> behind the gathered name.
func (c *addressCursor) angle() Address {
	a := Address{Name: c.words()}
	c.pos++
	inside := c.until(">")
	if c.more() {
		c.pos++
	}
	if strings.HasPrefix(inside, "@") {
		if route, rest, ok := strings.Cut(inside, ":"); ok {
			a.Route, inside = route, rest
		}
	}
	if strings.ContainsAny(inside, ",;:<") { // they would end the phrase
		inside = strings.NewReplacer(",", "", ";", "", ":", "", "<", "").Replace(inside)
	}
	inner := &addressCursor{cursor: cursor{s: inside}}
	inner.phrase()
	a.Mailbox, a.Host = inner.split()
	c.until(",;")
	c.parts, c.spaced = nil, nil
	return a
}

// bare makes an address of the gathered parts: mailbox@host, perhaps with (a name) behind it.
func (c *addressCursor) bare() (Address, bool) {
	if len(c.parts) == 0 {
		return Address{}, false
	}
	if c.spread() {
		mailbox, host := c.words(), ""
		if at := slices.Index(c.parts, "@"); at > 0 {
			c.parts, c.spaced = c.parts[at-1:], c.spaced[at-1:]
			name := strings.TrimSpace(strings.TrimSuffix(mailbox, c.words()))
			mailbox, host = c.split()
			return Address{Name: name, Mailbox: mailbox, Host: host}, true
		}
		return Address{Name: mailbox}, true
	}
	mailbox, host := c.split()
	c.parts, c.spaced = nil, nil
	return Address{Name: c.comment, Mailbox: mailbox, Host: host}, true
}

// spread tells whether there are words with blanks between them before the last @: "a b c@d.e" is a name, most likely.
func (c *addressCursor) spread() bool {
	for i := 1; i < len(c.parts) && c.parts[i] != "@"; i++ {
		if c.spaced[i] && c.parts[i] != "." && c.parts[i-1] != "." {
			return true
		}
	}
	return false
}

// split parts mailbox and host at the last @.
func (c *addressCursor) split() (mailbox, host string) {
	at := len(c.parts)
	for i, p := range c.parts {
		if p == "@" {
			at = i
		}
	}
	mailbox = strings.Join(c.parts[:at], "")
	if at < len(c.parts) {
		host = strings.Join(c.parts[at+1:], "")
	}
	return mailbox, host
}
