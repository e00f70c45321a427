package syntax

import "maillab/internal/mail"

// Message takes APPEND's [flags] [date] literal. Eight says that it came as a literal8, which may have NUL octets (RFC 3516).
func (p *Parser) Message() (m mail.Delivery, eight bool, err error) {
	if p.AtEnd() {
		return m, false, Error("Missing message size")
	}
	if p.Peek() == '(' {
		if m.Flags, m.Keywords, err = p.FlagList(); err != nil {
			return m, false, err
		}
		p.Blanks()
	}
	if p.Peek() == '"' {
		if m.At, err = p.DateTime(); err != nil {
			return m, false, err
		}
		p.Blanks()
	}
	if c := p.Peek(); c == '{' || c == '~' {
		eight, err = p.message(&m)
		return m, eight, err
	}
	if p.Keyword() != "UTF8" { // RFC 6855
		return m, false, ErrArguments
	}
	p.Blanks()
	err = p.List(func() (err error) {
		eight, err = p.message(&m)
		return err
	})
	if err == nil && m.Size() == 0 {
		err = ErrArguments
	}
	return m, eight, err
}

// message takes a message's literal, wherever it is.
func (p *Parser) message(m *mail.Delivery) (eight bool, err error) {
	eight = p.Peek() == '~'
	q := *p
	if _, err := q.announcement(); err == nil && spilled(&q) {
		*p = q
		m.Large, err = p.outside.Body()
		return eight, err
	}
	if m.Body, err = p.Literal(); err != nil {
		err = Error("Invalid literal size")
	}
	return eight, err
}

// ID takes ID's NIL or ("field" "value" …); neither is looked at (RFC 2971).
func (p *Parser) ID() error {
	if p.Peek() != '(' {
		p.Keyword()
		return p.End()
	}
	err := p.List(func() error {
		_, err := p.AString()
		return err
	})
	if err != nil {
		return err
	}
	return p.End()
}
