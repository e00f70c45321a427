package syntax

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"time"

	"maillab/internal/mail"
)

// Error is what cannot be understood; the text is for the wordings that tell it.
type Error string

func (e Error) Error() string { return string(e) }

// IsError tells whether it was the client's mistake.
func IsError(err error) bool {
	var e Error
	return errors.As(err, &e)
}

// Errors that say little.
const (
	ErrArguments = Error("Invalid arguments")
	errMissing   = Error("Missing arguments")
	errClose     = Error("Missing ')'")
	errAtom      = Error("Invalid characters in atom")
)

// maxDepth is how deep parentheses may nest, in SEARCH above all.
const maxDepth = 50

// maxKeywords bounds one command.
const maxKeywords = 100

// Parser takes a command apart. Blanks are forgiven wherever one is allowed.
type Parser struct {
	buf     []byte
	pos     int
	outside *Outside // the literal that is not in place; nil: all are
}

// Outside is a literal that is not in place.
type Outside struct {
	At   int // where in the command it would begin
	Body func() (*io.SectionReader, error)
}

// New makes a parser of a command.
func New(command []byte, outside *Outside) *Parser { return &Parser{buf: command, outside: outside} }

func (p *Parser) Rest() []byte { return p.buf[p.pos:] }

// peek returns the next octet, or 0 at the end.
func (p *Parser) Peek() byte {
	if p.pos < len(p.buf) {
		return p.buf[p.pos]
	}
	return 0
}

// take consumes c if it is next.
func (p *Parser) Take(c byte) bool {
	if p.pos < len(p.buf) && p.buf[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

// blanks skips blanks, of which there may be none.
func (p *Parser) Blanks() bool {
	start := p.pos
	for p.Peek() == ' ' || p.Peek() == '\t' {
		p.pos++
	}
	return p.pos > start
}

// space demands at least one blank.
func (p *Parser) Space() error {
	if p.Blanks() && p.pos < len(p.buf) {
		return nil
	}
	if p.pos < len(p.buf) {
		return misplaced(p)
	}
	return errMissing
}

// SpaceOr is Space that says more of a missing argument.
func (p *Parser) SpaceOr(missing Error) error {
	err := p.Space()
	if err == errMissing {
		return missing
	}
	return err
}

// misplaced is what is wrong with the next octet.
func misplaced(p *Parser) error {
	if c := p.Peek(); c > ' ' && !IsAtom(c) && c != '(' && c != ')' && c != '"' {
		return errAtom
	}
	return ErrArguments
}

// end demands that nothing but blanks is left.
func (p *Parser) End() error {
	if p.Blanks(); p.pos < len(p.buf) {
		return ErrArguments
	}
	return nil
}

func (p *Parser) AtEnd() bool { p.Blanks(); return p.pos >= len(p.buf) }

// IsAtom says whether c is an ATOM-CHAR (RFC 3501, section 9); octets over 127 pass, for names typed in UTF-8.
func IsAtom(c byte) bool {
	return c > ' ' && c != 0x7f && !strings.ContainsRune(`(){%*"\]`, rune(c))
}

// run takes the longest run of octets that ok accepts.
func (p *Parser) Run(ok func(byte) bool) string {
	start := p.pos
	for p.pos < len(p.buf) && ok(p.buf[p.pos]) {
		p.pos++
	}
	return string(p.buf[start:p.pos])
}

func (p *Parser) Atom() (string, error) {
	if s := p.Run(IsAtom); s != "" {
		return s, nil
	}
	return "", lacking(p)
}

// lacking is what is wrong when there is no argument.
func lacking(p *Parser) error {
	if p.pos >= len(p.buf) {
		return errMissing
	}
	return misplaced(p)
}

// keyword takes an atom in upper case, stopping at a bracket too: BODY in BODY[TEXT].
func (p *Parser) Keyword() string {
	return strings.ToUpper(p.Run(func(c byte) bool { return IsAtom(c) && c != '[' && c != '<' }))
}

// astring takes an atom, in which ] counts as a character, or a string.
func (p *Parser) AString() (string, error) {
	if c := p.Peek(); c == '"' || c == '{' || c == '~' && p.literalNext() {
		return p.Text()
	}
	if s := p.Run(func(c byte) bool { return IsAtom(c) || c == ']' }); s != "" {
		return s, nil
	}
	return "", lacking(p)
}

// typed is an astring as people type passwords: everything up to the next blank.
func (p *Parser) Typed() (string, error) {
	if c := p.Peek(); c == '"' || c == '{' && p.literalNext() {
		return p.Text()
	}
	if s := p.Run(func(c byte) bool { return c > ' ' && c != 0x7f }); s != "" {
		return s, nil
	}
	return "", lacking(p)
}

func (p *Parser) Text() (string, error) {
	if p.Peek() == '"' {
		return p.Quoted()
	}
	b, err := p.Literal()
	return string(b), err
}

func (p *Parser) Quoted() (string, error) {
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
				return "", ErrArguments
			}
			c = p.buf[p.pos]
			p.pos++
		case '\r', '\n', 0:
			return "", ErrArguments
		}
		s.WriteByte(c)
	}
	return "", Error("Missing '\"'")
}

// literalNext says whether an announced literal follows, and nothing that merely begins like one.
func (p *Parser) literalNext() bool {
	q := *p
	_, err := q.Literal()
	return err == nil
}

// announcement takes {n}CRLF.
func (p *Parser) announcement() (n uint64, err error) {
	p.Take('~')
	if !p.Take('{') {
		return 0, ErrArguments
	}
	if n, err = p.Number64(); err != nil {
		return 0, err
	}
	p.Take('+')
	if !p.Take('}') || !p.Take('\r') || !p.Take('\n') {
		return 0, ErrArguments
	}
	return n, nil
}

// spilled says that the literal that was just announced is not in place.
func spilled(p *Parser) bool { return p.outside != nil && p.pos == p.outside.At }

// literal takes {n}CRLF and n octets, without copying.
func (p *Parser) Literal() ([]byte, error) {
	n, err := p.announcement()
	if err != nil {
		return nil, err
	}
	if spilled(p) || n > uint64(len(p.buf)-p.pos) {
		return nil, ErrArguments
	}
	b := p.buf[p.pos : p.pos+int(n)]
	p.pos += int(n)
	return b, nil
}

func (p *Parser) Number() (uint32, error) {
	n, err := p.Number64()
	if err == nil && n > math.MaxUint32 {
		err = ErrArguments
	}
	return uint32(n), err
}

func (p *Parser) Number64() (uint64, error) {
	start, n := p.pos, uint64(0)
	for c := p.Peek(); c >= '0' && c <= '9'; c = p.Peek() {
		if n > (math.MaxInt64-9)/10 { // RFC 7162: mod-sequences are 63 bits
			return 0, ErrArguments
		}
		n = n*10 + uint64(c-'0')
		p.pos++
	}
	if p.pos == start {
		return 0, ErrArguments
	}
	return n, nil
}

// list takes ( item item … ); item is called at the start of each.
func (p *Parser) List(item func() error) error {
	if !p.Take('(') {
		return lacking(p)
	}
	for p.Blanks(); !p.Take(')'); p.Blanks() {
		if p.pos >= len(p.buf) {
			return errClose
		}
		before := p.pos
		err := item()
		if err != nil && bytes.IndexByte(p.buf[before:], ')') < 0 {
			err = errClose
		}
		if err != nil {
			return err
		}
		if p.pos == before {
			return misplaced(p)
		}
	}
	return nil
}

// flag takes one flag: a system flag, or a keyword.
func (p *Parser) flag(f *mail.Flags, keywords *[]string) error {
	if c := p.Peek(); c == '(' || c == '"' {
		return Error("Flags list contains non-atoms")
	}
	system := p.Take('\\')
	if system && p.Take('*') {
		return Error("Invalid system flag \\*")
	}
	name, err := p.Atom()
	if err != nil {
		return err
	}
	if !system && (len(*keywords) >= maxKeywords || len(name) > 255) {
		return Error("Too many or too long keywords")
	}
	if !system {
		*keywords = mail.AddKeyword(*keywords, name)
		return nil
	}
	bit, ok := mail.FlagNamed(name)
	if !ok {
		return Error("Invalid system flag \\" + strings.ToUpper(name))
	}
	*f |= bit
	return nil
}

// flagList takes flags in parentheses or, as STORE allows, bare.
func (p *Parser) FlagList() (f mail.Flags, keywords []string, err error) {
	one := func() error { return p.flag(&f, &keywords) }
	if p.Peek() == '(' {
		return f, keywords, p.List(one)
	}
	for {
		if err := one(); err != nil {
			return 0, nil, err
		}
		if p.AtEnd() {
			return f, keywords, nil
		}
	}
}

// errNoDate is Dovecot's as well as ours.
const errNoDate = Error("Invalid internal date")

// date takes d-Mon-yyyy, quoted or not.
func (p *Parser) Date() (time.Time, error) {
	s, err := p.AString()
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
func (p *Parser) DateTime() (time.Time, error) {
	s, err := p.Quoted()
	if err != nil {
		return time.Time{}, err
	}
	t, err := time.Parse(InternalDate, strings.TrimSpace(s))
	if err != nil {
		return time.Time{}, errNoDate
	}
	return t, nil
}

// InternalDate is the form of RFC 3501's date-time; the day is padded with a blank.
const InternalDate = "_2-Jan-2006 15:04:05 -0700"
