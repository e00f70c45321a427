package syntax

// Select is what stands behind SELECT's mailbox.
type Select struct {
	CondStore bool     // RFC 7162, section 3.1.8
	QResync   *QResync // section 3.2.5; nil: not given
}

// QResync is what a client knows of a mailbox that it comes back to.
type QResync struct {
	Validity uint32
	ModSeq   uint64
	Known    Set // UIDs; nil: all
}

// SelectParameters takes, with qresync enabled or not, (CONDSTORE) and (QRESYNC (uidvalidity modseq [known-uids [(numbers uids)]])).
func (p *Parser) SelectParameters(qresync bool) (r Select, err error) {
	if p.Blanks(); p.Peek() == '(' {
		err = p.List(func() error {
			switch p.Keyword() {
			case "CONDSTORE":
				r.CondStore = true
				return nil
			case "QRESYNC":
				if !qresync {
					return Error("QRESYNC not enabled")
				}
				r.QResync, err = qresyncOf(p)
				return err
			}
			return Error("Unknown FETCH modifier")
		})
		if err != nil {
			return r, err
		}
	}
	return r, p.End()
}

func qresyncOf(p *Parser) (*QResync, error) {
	const wrong = Error("Invalid QRESYNC parameters")
	if p.Blanks(); !p.Take('(') {
		return nil, Error("QRESYNC parameters missing")
	}
	p.Blanks()
	validity, err := p.Number()
	if err != nil || validity == 0 || !p.Blanks() {
		return nil, wrong
	}
	q := &QResync{Validity: validity}
	if q.ModSeq, err = p.Number64(); err != nil || q.ModSeq == 0 {
		return nil, wrong
	}
	if p.Blanks(); p.Peek() != ')' && p.Peek() != '(' {
		if q.Known, err = p.Set(); err != nil {
			return nil, Error("Invalid QRESYNC known-uids")
		}
		p.Blanks()
	}
	if p.Take('(') { // what it knows of numbers is not needed: all that vanished is remembered by UID
		for range 2 {
			p.Blanks()
			if _, err := p.Set(); err != nil {
				return nil, Error("Invalid QRESYNC known-uids")
			}
		}
		if p.Blanks(); !p.Take(')') {
			return nil, wrong
		}
		p.Blanks()
	}
	if !p.Take(')') {
		return nil, errClose
	}
	return q, nil
}
