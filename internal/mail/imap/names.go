package imap

import (
	"strings"
	"unicode/utf8"

	"maillab/internal/mail"
	"maillab/internal/mail/imap/syntax"
)

const inbox = "INBOX"

// maxName bounds a mailbox name, in octets.
const maxName = 1000

// fromWire turns a mailbox name as the client has it into the backend's: "INBOX.Été" → "Été" (courier), "a/b" → "a/b".
// It returns ErrBadName for what no mailbox can be called.
func (c *conn) fromWire(wire string) (string, error) {
	if strings.EqualFold(wire, inbox) {
		return inbox, nil
	}
	rest, ok := cutPrefixFold(wire, c.w.prefix)
	if !ok || rest == "" || len(rest) > maxName {
		return "", mail.ErrBadName
	}
	parts := strings.Split(rest, c.w.sep)
	for i, part := range parts {
		name, ok := c.decodeName(part)
		if !ok || !syntax.ValidComponent(name) {
			return "", mail.ErrBadName
		}
		parts[i] = name
	}
	if strings.EqualFold(parts[0], inbox) { // INBOX/x is a mailbox below it, in whatever case INBOX is
		if parts[0] = inbox; len(parts) == 1 {
			return "", mail.ErrBadName
		}
	}
	return strings.Join(parts, "/"), nil
}

// folderName is fromWire for CREATE and others, where a separator at the end says "a folder" (RFC 3501, section 6.3.3).
func (c *conn) folderName(wire string) (string, error) {
	if len(wire) > 1 {
		wire = strings.TrimSuffix(wire, c.w.sep)
	}
	return c.fromWire(wire)
}

// toWire is the other way round; ok is false for a name that cannot be told.
func (c *conn) toWire(name string) (string, bool) {
	if name == inbox {
		return inbox, true
	}
	parts := strings.Split(name, "/")
	for i, part := range parts {
		if !utf8.ValidString(part) {
			return "", false
		}
		if !c.utf8 {
			part = syntax.EncodeUTF7(part, c.w.sep)
		} else if strings.Contains(part, c.w.sep) {
			return "", false
		}
		parts[i] = part
	}
	return c.w.prefix + strings.Join(parts, c.w.sep), true
}

func (c *conn) decodeName(part string) (string, bool) {
	if c.utf8 {
		return part, utf8.ValidString(part)
	}
	return syntax.DecodeUTF7(part)
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return "", false
	}
	return s[len(prefix):], true
}

// mailbox takes a mailbox name. The name as typed is returned too, for the reply.
func (c *conn) mailbox(p *syntax.Parser) (name, wire string, err error) {
	if wire, err = p.AString(); err != nil {
		return "", "", err
	}
	name, err = c.fromWire(wire)
	return name, wire, err
}

// writeName writes a mailbox name: an atom where the wording likes it, else quoted, else a literal.
func (c *conn) writeName(wire string) {
	if !c.w.quoteNames && wire != "" && !strings.ContainsFunc(wire, func(r rune) bool { return r > '~' || !syntax.IsAtom(byte(r)) }) &&
		!strings.EqualFold(wire, "NIL") {
		c.out.str(wire)
		return
	}
	c.writeString(wire)
}

// writeString writes a string, quoted if it can be.
func (c *conn) writeString(s string) {
	if len(s) > 1024 || strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' || r == 0x7f || r > '~' && (!c.utf8 || r == utf8.RuneError)
	}) {
		c.out.literal([]byte(strings.ReplaceAll(s, "\x00", " "))) // a literal has no NUL (RFC 3501, section 9)
		return
	}
	c.out.byte('"')
	for {
		i := strings.IndexAny(s, `"\`)
		if i < 0 {
			break
		}
		c.out.str(s[:i])
		c.out.byte('\\')
		c.out.byte(s[i])
		s = s[i+1:]
	}
	c.out.str(s)
	c.out.byte('"')
}

// writeNString writes a string, or NIL for "".
func (c *conn) writeNString(s string) {
	if s == "" {
		c.out.str("NIL")
		return
	}
	c.writeString(s)
}
