package syntax

import (
	"strings"

	"maillab/internal/mail"
)

// Store is STORE's arguments.
type Store struct {
	Set    Set
	Change mail.FlagChange
	Silent bool
}

// Store takes set [(UNCHANGEDSINCE n)] [+-]FLAGS[.SILENT] flags.
func (p *Parser) Store() (*Store, error) {
	r := &Store{}
	err := r.parse(p)
	if err == errMissing {
		err = ErrArguments
	}
	return r, err
}

func (r *Store) parse(p *Parser) (err error) {
	if r.Set, err = p.Set(); err != nil {
		return err
	}
	if err := p.Space(); err != nil {
		return err
	}
	if p.Peek() == '(' {
		if err := p.List(func() error { return r.modifier(p) }); err != nil {
			return err
		}
		p.Blanks()
	}
	switch {
	case p.Take('+'):
		r.Change.Op = mail.AddFlags
	case p.Take('-'):
		r.Change.Op = mail.RemoveFlags
	}
	word, silent := strings.CutSuffix(p.Keyword(), ".SILENT")
	if word != "FLAGS" {
		return ErrArguments
	}
	r.Silent = silent
	if p.AtEnd() {
		return ErrArguments
	}
	if r.Change.Flags, r.Change.Keywords, err = p.FlagList(); err != nil {
		return err
	}
	return p.End()
}

func (r *Store) modifier(p *Parser) (err error) {
	if p.Keyword() != "UNCHANGEDSINCE" {
		return Error("Unknown STORE modifier")
	}
	if p.Blanks(); p.Peek() == ')' {
		return Error("Invalid STORE modifiers")
	}
	r.Change.Conditional = true
	if r.Change.Since, err = p.Number64(); err != nil {
		return Error("Invalid modseq")
	}
	return nil
}
