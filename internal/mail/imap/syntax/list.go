package syntax

// List is LIST's arguments, with RFC 5258's options, and LSUB's.
type List struct {
	Ref      string
	Patterns []string
	Extended bool // options, or several patterns

	OnlySubscribed, OnlySpecial, Recursive      bool // selection
	Subscribed, Children, Special, ReturnStatus bool // return
	Items                                       StatusItems
}

const errPattern = Error("Invalid pattern")

// ListArguments takes [(selection)] reference patterns [RETURN (…)].
func (p *Parser) ListArguments() (*List, error) {
	r := &List{}
	if p.Peek() == '(' {
		r.Extended = true
		if err := p.List(func() error { return r.selection(p) }); err != nil {
			return nil, err
		}
		p.Blanks()
	}
	if r.Recursive && !r.OnlySubscribed {
		return nil, Error("RECURSIVEMATCH must not be the only selection")
	}
	var err error
	if r.Ref, err = p.AString(); err != nil {
		return nil, Error("Invalid reference")
	}
	p.Blanks()
	if p.Peek() == '(' {
		r.Extended = true
		err = p.List(func() error { return r.pattern(p) })
	} else {
		err = r.pattern(p)
	}
	if err != nil {
		return nil, err
	}
	if p.AtEnd() {
		return r, nil
	}
	r.Extended = true
	word := p.Keyword()
	if p.Blanks(); word != "RETURN" || p.Peek() != '(' {
		return nil, Error("Extra arguments")
	}
	if err := p.List(func() error { return r.returns(p) }); err != nil {
		return nil, err
	}
	return r, p.End()
}

func (r *List) selection(p *Parser) error {
	switch p.Keyword() {
	case "SUBSCRIBED":
		r.OnlySubscribed, r.Subscribed = true, true
	case "SPECIAL-USE":
		r.OnlySpecial, r.Special = true, true
	case "RECURSIVEMATCH":
		r.Recursive = true
	case "REMOTE":
	default:
		return Error("Unknown select options")
	}
	return nil
}

func (r *List) returns(p *Parser) (err error) {
	switch p.Keyword() {
	case "SUBSCRIBED":
		r.Subscribed = true
	case "CHILDREN":
		r.Children = true
	case "SPECIAL-USE":
		r.Special = true
	case "STATUS":
		r.ReturnStatus = true
		if p.Blanks(); p.Peek() == '(' {
			r.Items, err = p.StatusItems()
			return err
		}
		fallthrough
	default:
		return Error("Unknown return options")
	}
	return nil
}

// pattern takes a list-mailbox, in which wildcards count as characters.
func (r *List) pattern(p *Parser) error {
	if len(r.Patterns) >= 100 {
		return Error("Too many patterns")
	}
	if c := p.Peek(); c == '"' || c == '{' {
		s, err := p.Text()
		r.Patterns = append(r.Patterns, s)
		return err
	}
	s := p.Run(func(c byte) bool { return IsAtom(c) || c == ']' || c == '%' || c == '*' })
	if s == "" {
		return errPattern
	}
	r.Patterns = append(r.Patterns, s)
	return nil
}
