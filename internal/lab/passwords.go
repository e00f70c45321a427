package lab

import (
	"errors"
	"fmt"
	"strings"

	"maillab/internal/lab/problem"
	"maillab/internal/roster"
)

// Passwords says where accounts' passwords come from. The zero value is the lab, as its file says.
type Passwords struct {
	// Made passwords: one for each account, from the class's secret. With a Column only those of accounts that are nobody's.
	Made   bool
	Column string // of the class list
	// Changed are those that the teacher gave accounts since, by seat and account: they count before all else.
	Changed map[int]map[string]string
}

// ParsePasswords reads "lab", "generate" or "column=NAME".
func ParsePasswords(text string) (Passwords, error) {
	column, isColumn := strings.CutPrefix(text, "column=")
	switch column = strings.TrimSpace(column); {
	case text == "" || text == "lab":
		return Passwords{}, nil
	case text == Generate:
		return Passwords{Made: true}, nil
	case isColumn && column != "":
		return Passwords{Made: true, Column: column}, nil
	}
	return Passwords{}, fmt.Errorf("passwords %q: generate, column=NAME of the class list, or lab", text)
}

// WithPasswords is the lab with passwords from elsewhere; all of its texts follow.
func (l *Lab) WithPasswords(p Passwords) *Lab {
	changed := *l
	changed.passwords = p
	return &changed
}

// Guessable tells whether passwords are the lab file's own words, which are printed on every sheet.
func (l *Lab) Guessable() bool {
	for _, a := range l.Accounts {
		if a.Password != Generate && !l.passwords.Made {
			return true
		}
	}
	return false
}

// written is an account's password as the lab file has it, "" where somebody else says it.
func (l *Lab) written(a Account) string {
	if l.passwords.Made || a.Password == Generate {
		return ""
	}
	return a.Password
}

// secure gives the accounts of a sandbox the passwords that are not written in the lab, once it is known whose they are.
func (c *compiler) secure(seat int, all []*account, group []*student) {
	for _, a := range all {
		owner := a.owner
		if c.Topology == Isolated {
			owner = group[0]
		}
		switch {
		case owner != nil && c.passwords.Column != "":
			a.password = owner.Fields[strings.ToLower(c.passwords.Column)]
		case !a.written:
			a.password = c.generated(seat, a)
		}
		if word, changed := c.passwords.Changed[seat][a.name]; changed {
			a.password = word
		}
	}
}

// longest is a password that can be typed at a prompt.
const longest = 200

// passwords judges the column of the class list that passwords come from.
func (j cells) passwords(class roster.Class) {
	column := j.Lab.passwords.Column
	if column == "" {
		return
	}
	if !class.HasColumn(strings.ToLower(column)) {
		mend := "say what it is called: --passwords column=NAME"
		if class.File == "" {
			mend = "bring the class up from a list that has it: --class"
		}
		j.doc.problems = append(j.doc.problems, problem.New(class.File, 0, mend, "no column %q, from which the passwords are to come; the columns are %s", column, class.Columns))
		return
	}
	for _, s := range class.Students {
		word := s.Fields[strings.ToLower(column)]
		unfit := len(word) > longest || strings.ContainsFunc(word, func(r rune) bool { return r < ' ' || r == 0x7f })
		if word == "" || unfit {
			j.report(s.Line, "a password has 1 to 200 characters, none of them a control character", "%s is no password for %s", spelled(s, []string{column}), s.Key)
		}
	}
}

// CheckPassword refuses what nobody can type at a prompt.
func CheckPassword(word string) error {
	if word == "" || len(word) > 200 || strings.ContainsFunc(word, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return errors.New("a password has 1 to 200 characters, none of them a control character")
	}
	return nil
}
