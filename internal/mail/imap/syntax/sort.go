package syntax

// SortKey is one criterion of SORT (RFC 5256, section 3).
type SortKey struct {
	By      string // ARRIVAL, CC, DATE, FROM, SIZE, SUBJECT, TO
	Reverse bool
}

// Sort takes SORT's (criteria) charset keys.
func (p *Parser) Sort() (by []SortKey, key *SearchKey, err error) {
	if p.Peek() != '(' {
		return nil, nil, Error("Invalid sort argument")
	}
	reverse := false
	err = p.List(func() error {
		switch word := p.Keyword(); word {
		case "REVERSE":
			reverse = true
		case "ARRIVAL", "CC", "DATE", "FROM", "SIZE", "SUBJECT", "TO":
			by = append(by, SortKey{word, reverse})
			reverse = false
		default:
			return Error("Unknown sort argument: " + word)
		}
		return nil
	})
	switch {
	case err != nil:
	case reverse:
		err = Error("Sort list ends with REVERSE")
	case len(by) == 0:
		err = Error("Empty sort program")
	case len(by) > 20:
		err = Error("Too many sort keys")
	}
	if err != nil {
		return nil, nil, err
	}
	if p.Blanks(); p.AtEnd() || p.Peek() == '(' {
		return nil, nil, errCharsetArgument
	}
	key, err = charsetAndKeys(p)
	return by, key, err
}

// Thread takes THREAD's algorithm charset keys.
func (p *Parser) Thread() (algorithm string, key *SearchKey, err error) {
	if p.AtEnd() {
		return "", nil, ErrArguments
	}
	switch algorithm = p.Keyword(); algorithm {
	case "ORDEREDSUBJECT", "REFERENCES":
	default:
		return "", nil, Error("Unknown thread algorithm")
	}
	if p.Blanks(); p.AtEnd() {
		return "", nil, ErrArguments
	}
	key, err = charsetAndKeys(p)
	return algorithm, key, err
}

// charsetAndKeys takes what follows SORT's criteria and THREAD's algorithm.
func charsetAndKeys(p *Parser) (*SearchKey, error) {
	charset, err := charsetName(p)
	if err != nil {
		return nil, err
	}
	p.Blanks()
	return searchKeys(p, charset)
}
