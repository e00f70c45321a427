package imap

import (
	"errors"
	"math"
	"strings"
	"time"

	"maillab/internal/mail"
)

// errSyntax is what cannot be understood; the text is for the wordings that tell it.
type errSyntax string

func (e errSyntax) Error() string { return string(e) }

const errArguments = errSyntax("Invalid arguments.")

// maxDepth is how deep parentheses may nest, in SEARCH above all.
const maxDepth = 50

// maxKeywords bounds one command.
const maxKeywords = 100

// parser takes a command apart. Its input is the command as it was sent, literals in place behind their announcement
// and CRLF. Blanks are forgiven wherever one is allowed.
type parser struct {
	buf   []byte
	pos   int
	spill *spill // the literal that is not in place; nil: all are
}

func (p *parser) rest() []byte { return p.buf[p.pos:] }

// peek returns the next octet, or 0 at the end.
func (p *parser) peek() byte {
	if p.pos < len(p.buf) {
		return p.buf[p.pos]
	}
	return 0
}

// take consumes c if it is next.
func (p *parser) take(c byte) bool {
	if p.pos < len(p.buf) && p.buf[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

// blanks skips blanks, of which there may be none.
func (p *parser) blanks() bool {
	start := p.pos
	for p.peek() == ' ' || p.peek() == '\t' {
		p.pos++
	}
	return p.pos > start
}

// space demands at least one blank.
func (p *parser) space() error {
	if !p.blanks() {
		return errArguments
	}
	return nil
}

// end demands that nothing but blanks is left.
func (p *parser) end() error {
	if p.blanks(); p.pos < len(p.buf) {
		return errArguments
	}
	return nil
}

func (p *parser) atEnd() bool { p.blanks(); return p.pos >= len(p.buf) }

// isAtom says whether c is an ATOM-CHAR (RFC 3501, section 9); octets over 127 pass, for names typed in UTF-8.
func isAtom(c byte) bool {
	return c > ' ' && c != 0x7f && !strings.ContainsRune(`(){%*"\]`, rune(c))
}

// run takes the longest run of octets that ok accepts.
func (p *parser) run(ok func(byte) bool) string {
	start := p.pos
	for p.pos < len(p.buf) && ok(p.buf[p.pos]) {
		p.pos++
	}
	return string(p.buf[start:p.pos])
}

func (p *parser) atom() (string, error) {
	if s := p.run(isAtom); s != "" {
		return s, nil
	}
	return "", errArguments
}

// keyword takes an atom in upper case, stopping at a bracket too: BODY in BODY[TEXT].
func (p *parser) keyword() string {
	return strings.ToUpper(p.run(func(c byte) bool { return isAtom(c) && c != '[' && c != '<' }))
}

// astring takes an atom, in which ] counts as a character, or a string.
func (p *parser) astring() (string, error) {
	if c := p.peek(); c == '"' || c == '{' || c == '~' && p.literalNext() {
		return p.string()
	}
	if s := p.run(func(c byte) bool { return isAtom(c) || c == ']' }); s != "" {
		return s, nil
	}
	return "", errArguments
}

// typed is an astring as people type passwords: everything up to the next blank.
func (p *parser) typed() (string, error) {
	if c := p.peek(); c == '"' || c == '{' && p.literalNext() {
		return p.string()
	}
	if s := p.run(func(c byte) bool { return c > ' ' && c != 0x7f }); s != "" {
		return s, nil
	}
	return "", errArguments
}

func (p *parser) string() (string, error) {
	if p.peek() == '"' {
		return p.quoted()
	}
	b, err := p.literal()
	return string(b), err
}

func (p *parser) quoted() (string, error) {
	p.pos++
	var s strings.Builder
	for p.pos < len(p.buf) {
		c := p.buf[p.pos]
		p.pos++
		switch c {
		case '"':
			return s.String(), nil
		case '\\':
			if p.pos >= len(p.buf) {
				return "", errArguments
			}
			c = p.buf[p.pos]
			p.pos++
		case '\r', '\n', 0:
			return "", errArguments
		}
		s.WriteByte(c)
	}
	return "", errSyntax("Missing '\"'")
}

// literalNext says whether an announced literal follows, and nothing that merely begins like one.
func (p *parser) literalNext() bool {
	q := *p
	_, err := q.literal()
	return err == nil
}

// announcement takes {n}CRLF.
func (p *parser) announcement() (n uint64, err error) {
	p.take('~')
	if !p.take('{') {
		return 0, errArguments
	}
	if n, err = p.number64(); err != nil {
		return 0, err
	}
	p.take('+')
	if !p.take('}') || !p.take('\r') || !p.take('\n') {
		return 0, errArguments
	}
	return n, nil
}

// spilled says that the literal that was just announced is not in place.
func (p *parser) spilled() bool { return p.spill != nil && p.pos == p.spill.at }

// literal takes {n}CRLF and n octets, without copying.
func (p *parser) literal() ([]byte, error) {
	n, err := p.announcement()
	if err != nil {
		return nil, err
	}
	if p.spilled() || n > uint64(len(p.buf)-p.pos) {
		return nil, errArguments
	}
	b := p.buf[p.pos : p.pos+int(n)]
	p.pos += int(n)
	return b, nil
}

func (p *parser) number() (uint32, error) {
	n, err := p.number64()
	if err == nil && n > math.MaxUint32 {
		err = errArguments
	}
	return uint32(n), err
}

func (p *parser) number64() (uint64, error) {
	start, n := p.pos, uint64(0)
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		if n > (math.MaxInt64-9)/10 { // RFC 7162: mod-sequences are 63 bits
			return 0, errArguments
		}
		n = n*10 + uint64(c-'0')
		p.pos++
	}
	if p.pos == start {
		return 0, errArguments
	}
	return n, nil
}

// list takes ( item item … ); item is called at the start of each.
func (p *parser) list(item func() error) error {
	if !p.take('(') {
		return errArguments
	}
	for p.blanks(); !p.take(')'); p.blanks() {
		before := p.pos
		if err := item(); err != nil {
			return err
		}
		if p.pos == before || p.pos >= len(p.buf) {
			return errArguments
		}
	}
	return nil
}

// flag takes one flag: a system flag, or a keyword.
func (p *parser) flag(f *mail.Flags, keywords *[]string) error {
	system := p.take('\\')
	name, err := p.atom()
	if err != nil {
		return err
	}
	if !system && (len(*keywords) >= maxKeywords || len(name) > 255) {
		return errSyntax("Too many or too long keywords.")
	}
	if !system {
		*keywords = mail.AddKeyword(*keywords, name)
		return nil
	}
	bit, ok := mail.FlagNamed(name)
	if !ok {
		return errSyntax("Invalid system flag \\" + strings.ToUpper(name))
	}
	*f |= bit
	return nil
}

// flagList takes flags in parentheses or, as STORE allows, bare.
func (p *parser) flagList() (f mail.Flags, keywords []string, err error) {
	one := func() error { return p.flag(&f, &keywords) }
	if p.peek() == '(' {
		return f, keywords, p.list(one)
	}
	for {
		if err := one(); err != nil {
			return 0, nil, err
		}
		if p.atEnd() {
			return f, keywords, nil
		}
	}
}

// errNoDate is Dovecot's as well as ours.
const errNoDate = errSyntax("Invalid date.")

// date takes d-Mon-yyyy, quoted or not.
func (p *parser) date() (time.Time, error) {
	s, err := p.astring()
	if err != nil {
		return time.Time{}, err
	}
	t, err := time.Parse("_2-Jan-2006", s)
	if err != nil {
		return time.Time{}, errNoDate
	}
	return t, nil
}

// dateTime takes APPEND's "dd-Mon-yyyy hh:mm:ss +zzzz".
func (p *parser) dateTime() (time.Time, error) {
	s, err := p.quoted()
	if err != nil {
		return time.Time{}, err
	}
	t, err := time.Parse(internalDate, strings.TrimSpace(s))
	if err != nil {
		return time.Time{}, errNoDate
	}
	return t, nil
}

// internalDate is the form of RFC 3501's date-time; the day is padded with a blank.
const internalDate = "_2-Jan-2006 15:04:05 -0700"

func isSyntax(err error) bool {
	var s errSyntax
	return errors.As(err, &s)
}
