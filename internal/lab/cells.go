package lab

import (
	"fmt"
	"strings"

	"maillab/internal/lab/problem"
	"maillab/internal/roster"
)

// cells judges what a roster holds in the columns that accounts are made of. What is wrong with it is told where it
// stands, in the roster: nobody finds it from a line of the lab.
type cells struct {
	*compiler
	file string
	seen map[string]int // account → line
}

// judgeCells reports what is wrong in the roster's own columns, and says whether nothing is.
func (c *compiler) judgeCells(class roster.Class) bool {
	before := len(c.doc.problems)
	j := cells{compiler: c, file: class.File, seen: map[string]int{}}
	for _, s := range class.Students {
		for _, a := range c.Accounts {
			j.name(s, a)
			j.password(s, a)
		}
	}
	j.passwords(class)
	return len(c.doc.problems) == before
}

func (j cells) report(line int, mend, format string, args ...any) {
	j.doc.problems = append(j.doc.problems, problem.New(j.file, line, mend, format, args...))
}

// name judges the cells that an account's name is made of.
func (j cells) name(s roster.Student, a Account) {
	columns := present(s, columnsOf(a.Name))
	if len(columns) == 0 || j.empty(s, columns) {
		return
	}
	name := values{lab: j.Lab, student: &s, n: a.N.First}.expand(a.Name)
	said := spelled(s, columns)
	switch line, taken := j.seen[name]; {
	case !isAccount(name):
		j.report(s.Line, "lower-case letters, digits, dots, dashes", "%s cannot be an account's name", said)
	case isReserved(name):
		j.report(s.Line, "", "%s is an account of the system", said)
	case taken && line != s.Line && j.Topology == Shared:
		j.report(s.Line, "each student needs one of their own", "%s is on line %d already", said, line)
	default:
		j.seen[name] = s.Line
	}
}

// password judges the cells that an account's password is made of.
func (j cells) password(s roster.Student, a Account) {
	columns := present(s, columnsOf(j.written(a)))
	if len(columns) > 0 && (values{lab: j.Lab, student: &s, n: a.N.First}).expand(j.written(a)) == "" {
		j.empty(s, columns)
	}
}

// empty reports the cells that have nothing in them.
func (j cells) empty(s roster.Student, columns []string) (found bool) {
	for _, column := range columns {
		if s.Fields[strings.ToLower(column)] == "" {
			j.report(s.Line, "the lab's accounts are made of it", "%s is empty", column)
			found = true
		}
	}
	return found
}

// present keeps the columns that the roster has: that one is missing is told of the lab.
func present(s roster.Student, columns []string) (out []string) {
	for _, column := range columns {
		if _, ok := s.Fields[strings.ToLower(column)]; ok {
			out = append(out, column)
		}
	}
	return out
}

// spelled shows cells: number "12".
func spelled(s roster.Student, columns []string) string {
	var out []string
	for _, column := range columns {
		out = append(out, fmt.Sprintf("%s %q", column, s.Fields[strings.ToLower(column)]))
	}
	return strings.Join(out, ", ")
}
