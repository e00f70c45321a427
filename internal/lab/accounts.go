package lab

import (
	"cmp"
	"math"
	"slices"

	"maillab/internal/lab/placeholder"
	"maillab/internal/spec"
)

// An account's place in a sandbox gives it its uid, so the order should not follow from who happens to be in the class.
// Accounts that every class has come first: those that are assigned by seat, by seat and place in assign, whether the
// seat is taken or not; then the others as the lab lists them. Accounts made from the roster come last, by seat.

// account is one account of a sandbox.
type account struct {
	name, password string
	written        bool     // the password is the lab file's
	owner          *student // nil: nobody's
	roster         bool     // made from the roster, for its owner
	seat, place    int      // what it is sorted by
	path           string
}

// accounts makes the accounts of a group's sandbox, and tells the students which are theirs.
func (c *compiler) accounts(seat int, group []*student) []*account {
	all := c.declared(group)
	byName := map[string]*account{}
	for _, a := range all {
		c.judgeAccount(a)
		if other := byName[a.name]; other != nil {
			c.doc.report(apart(a.path, a.name), "", "account %q is there twice: for %s and for %s", a.name, who(other.owner), who(a.owner))
			continue
		}
		byName[a.name] = a
	}
	c.rank(all, byName, group)
	for _, s := range group {
		c.assign(s, byName)
	}
	c.secure(seat, all, group)
	slices.SortStableFunc(all, func(a, b *account) int {
		return cmp.Or(order(a.roster, b.roster), cmp.Compare(a.seat, b.seat), cmp.Compare(a.place, b.place))
	})
	for _, s := range group {
		c.own(s, all)
	}
	if len(all) > maxAccounts {
		c.doc.report("accounts", "", "the class is too large: %d accounts, and a server has room for %d", len(all), maxAccounts)
	}
	return all
}

// declared lists the accounts as the lab does.
func (c *compiler) declared(group []*student) []*account {
	var all []*account
	for i, a := range c.Accounts {
		add := func(v values, owner *student) {
			made := &account{name: v.expand(a.Name), password: v.expand(c.written(a)), written: c.written(a) != "", owner: owner, roster: owner != nil, seat: math.MaxInt, path: child(index("accounts", i), "name")}
			all = append(all, made)
		}
		owners := group
		if !perStudent(a.Name) {
			owners = []*student{nil}
		}
		for _, owner := range owners {
			v := c.values(owner)
			if owner == nil && c.Topology == Isolated {
				v = c.values(group[0]) // a password may be the student's even where the name is not
			}
			for n := a.N.First; n <= a.N.Last; n++ { // once, with 0, where there is no range
				v.n = n
				add(v, owner)
			}
		}
	}
	return all
}

// generated is a password that was made for an account of the class.
func (c *compiler) generated(seat int, a *account) string {
	if c.secrets == nil {
		c.doc.report(parent(a.path)+".password", "", "no secret to generate passwords from")
		return ""
	}
	return c.secrets(passwordKey(seat, a.name))
}

// judgeAccount looks at a name and a password that may have come from the roster.
func (c *compiler) judgeAccount(a *account) {
	at := apart(a.path, a.name+who(a.owner))
	switch {
	case len(placeholder.Names(a.name)) > 0: // a missing column, which is reported as such
	case !isAccount(a.name):
		c.doc.report(at, "lower-case letters, digits, dots, dashes", "account %q of %s cannot be an account's name", a.name, who(a.owner))
	case isReserved(a.name):
		c.doc.report(at, "", "account %q of %s is an account of the system", a.name, who(a.owner))
	}
	if a.written && a.password == "" {
		c.doc.report(apart(at, "password"), "", "account %q of %s has an empty password", a.name, who(a.owner))
	}
}

// rank sorts accounts that are assigned by seat, and those made for a student.
func (c *compiler) rank(all []*account, byName map[string]*account, group []*student) {
	for place, a := range all {
		if a.owner != nil {
			a.seat, a.place = a.owner.seat, len(c.Assign)+place
		}
	}
	seats := len(all)
	if c.Topology == Isolated {
		seats = 1
	}
	for seat := 1; seat <= seats; seat++ {
		for place, pattern := range c.Assign {
			name := placeholder.Expand(pattern, values{lab: c.Lab, student: nobody(), seat: seat}.lookup)
			if a := byName[name]; a != nil && a.seat == math.MaxInt {
				a.seat, a.place = seat, place
			}
		}
	}
	for _, s := range group {
		for place, name := range c.assigned(s) {
			if a := byName[name]; a != nil && a.owner == s {
				a.place = place
			}
		}
	}
}

// assigned is what assign says for a student. Alone in a sandbox, a student has seat 1 of it.
func (c *compiler) assigned(s *student) []string {
	v := c.values(s)
	if c.Topology == Isolated {
		v.seat = 1
	}
	var names []string
	for _, pattern := range c.Assign {
		names = append(names, v.expand(pattern))
	}
	return names
}

// assign gives a student the accounts of assign.
func (c *compiler) assign(s *student, byName map[string]*account) {
	for i, name := range c.assigned(s) {
		at := index("assign", i)
		switch a := byName[name]; {
		case a == nil:
			c.doc.report(at, "a larger range, or a smaller class", "the class is too large for the accounts: seat %d would have %q, which there is not", s.seat, name)
		case a.owner != nil && a.owner != s:
			c.doc.report(at, "a pattern that does not overlap, or a smaller class", "the class is too large for the accounts: seat %d would have %q, which is %s's", s.seat, name, who(a.owner))
		default:
			a.owner = s
		}
	}
}

// own tells a student which accounts are theirs: in a sandbox of their own, all.
func (c *compiler) own(s *student, all []*account) {
	s.words = map[string]string{}
	for _, a := range all {
		if c.Topology == Isolated {
			a.owner = s
		}
		if a.owner == s || a.owner == nil {
			s.words[a.name] = a.password
		}
		if a.owner == s {
			if len(s.accounts) == 0 {
				s.password = a.password
			}
			s.accounts = append(s.accounts, a.name)
		}
	}
	switch {
	case len(s.accounts) == 0:
		c.doc.report("assign", "", "student %s has no account", s.Key)
	case len(s.accounts) == 1 && c.doc.mentions["account2"]:
		c.doc.report("accounts", "", "student %s has no second account, which {account2} asks for", s.Key)
	}
}

// people are the accounts as the spec has them.
func (c *compiler) people(accounts []*account, s spec.Sandbox) []spec.Account {
	var out []spec.Account
	for _, a := range accounts {
		made := spec.Account{Name: a.name, FullName: a.name, Password: a.password, Lang: c.Lang}
		if a.owner != nil {
			made.Student, made.FullName = a.owner.Key, a.owner.Key
			made.Lang = c.values(a.owner).lang()
			made.Motd = c.motd(c.values(a.owner), a.owner, a.name, s)
		}
		out = append(out, made)
	}
	return out
}

// order puts false before true.
func order(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// who names the owner of an account.
func who(s *student) string {
	if s == nil {
		return "the lab"
	}
	return s.Key
}

// columnsOf lists the roster columns that texts name.
func columnsOf(texts ...string) []string {
	var columns []string
	known := append(ofServer(), ofStudent()...)
	for _, text := range texts {
		for _, name := range placeholder.Names(text) {
			if isName(name) && (name == "password" || !slices.Contains(known, name)) { // no account's password is made of itself
				columns = append(columns, name)
			}
		}
	}
	return distinct(columns)
}
