package roster

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"maillab/internal/lab/problem"
	"maillab/internal/roster/sheet"
)

// maxProblem bounds what is told: a picture that was taken for a class list should not print thousands.
const maxProblem = 100

// Options are what a teacher says of a list.
type Options struct {
	Map   map[string]string // what the columns of fields are called: number → N° étudiant; "" is that there is none
	Group string            // only the students of this group
}

// Read reads a class list; name is its file name, for messages. The error is a problem.List with all that is wrong, unless
// reading itself fails.
func Read(name string, in io.Reader, o Options) (Class, Understood, error) {
	data, err := io.ReadAll(io.LimitReader(in, sheet.MaxBytes+1))
	if err != nil {
		return Class{}, Understood{}, err
	}
	r := reader{file: name, options: o, class: Class{File: name}, understood: Understood{File: name, Group: o.Group}, seen: map[string]int{}}
	book, err := sheet.Read(data)
	if err != nil {
		r.adopt(err)
	} else {
		r.read(book)
	}
	if err := r.problems.Err(); err != nil {
		return Class{}, Understood{}, err
	}
	return r.class, r.understood, nil
}

// reader makes students of rows and collects problems.
type reader struct {
	file       string
	options    Options
	header     header
	class      Class
	understood Understood
	seen       map[string]int // what two students must not both have → line
	problems   problem.List
}

func (r *reader) report(line int, mend, format string, args ...any) {
	if len(r.problems) < maxProblem {
		r.problems = append(r.problems, problem.New(r.file, line, mend, format, args...))
	}
}

// adopt takes problems that have no file yet.
func (r *reader) adopt(err error) {
	var list problem.List
	if !errors.As(err, &list) {
		r.report(0, "", "%v", err)
	}
	for _, p := range list {
		r.report(p.Line, p.Mend, "%s", p.Message)
	}
}

func (r *reader) read(b sheet.Book) {
	s, h := choose(b, r.options.Map)
	r.header = h
	if r.understood.Format = b.Format; s.Name != "" { // how a text may be read is no sheet
		r.understood.Sheet, r.understood.Sheets = s.Name, len(b.Sheets)
	}
	if h.row < 0 {
		r.noHeader(s)
		return
	}
	top := s.Rows[h.row].Line
	r.understood.Header, r.understood.Before = top, h.row
	for _, p := range s.Problems {
		if p.Line == 0 || p.Line > top {
			r.report(p.Line, p.Mend, "%s", p.Message)
		} else {
			r.understood.Before++
		}
	}
	if r.missing() > 0 {
		return // all else may follow from it
	}
	r.judgeHeader(top)
	rows := r.withoutFooter(s.Rows[h.row+1:])
	for _, row := range rows {
		if len(r.problems) < maxProblem && row.Cells != nil && !h.same(row.Cells) {
			r.student(row)
		}
	}
	r.keepGroup()
	r.judgeClass()
	r.nameKeys()
	r.class.Columns = r.columns()
	r.describe()
}

// columns are the list's, and the fields that --map made of some.
func (r *reader) columns() (all []string) {
	for _, name := range slices.Concat(r.header.names, slices.Sorted(maps.Keys(r.options.Map))) {
		if name != "" && name != fieldKey && !slices.Contains(all, name) && r.class.HasColumn(name) {
			all = append(all, name)
		}
	}
	return all
}

// noHeader says what is there in place of a header.
func (r *reader) noHeader(s sheet.Sheet) {
	for _, p := range s.Problems {
		r.report(p.Line, p.Mend, "%s", p.Message)
	}
	switch line := slices.IndexFunc(s.Rows, func(row sheet.Row) bool { return len(row.Cells) == len(r.header.spelled) }); {
	case len(s.Rows) == 0:
		r.report(0, "a row names the columns: name, …; a row a student follows", "the class list is empty")
	case r.missing() == 0:
		r.report(s.Rows[max(line, 0)].Line, "say what it is called: --map name=COLUMN or --map number=COLUMN",
			"no column says who the students are; the columns are %s", r.header.list())
	}
}

// missing reports the columns that --map names and that are not there.
func (r *reader) missing() (n int) {
	line := r.understood.Header
	for _, field := range slices.Sorted(maps.Keys(r.options.Map)) {
		column := r.options.Map[field]
		if column != "" && r.header.of[field] == nil {
			n++
			r.report(line, "", "--map %s=%s: there is no such column; the columns are %s", field, strconv.Quote(column), r.header.list())
		}
	}
	return n
}

// judgeHeader reports what the header alone shows.
func (r *reader) judgeHeader(line int) {
	first := map[string]int{}
	for i, name := range r.header.names {
		if name == "" {
			continue
		}
		if _, twice := first[name]; !twice {
			first[name] = i
		} else if field := r.fieldOf(i); field != "" && field != fieldGroup {
			r.report(line, "rename one of them", "column «%s» is there twice", r.header.spelled[i])
		} else if field == "" && !slices.Contains(r.understood.Twice, r.header.spelled[first[name]]) {
			r.understood.Twice = append(r.understood.Twice, r.header.spelled[first[name]])
		}
	}
}

// fieldOf is the field that a column means, "" for none.
func (r *reader) fieldOf(column int) string {
	for field, columns := range r.header.of {
		if slices.Contains(columns, column) {
			return field
		}
	}
	return ""
}

// withoutFooter leaves out lines below the list, such as «Total : 36»: they have a single cell with digits or a colon that
// is neither a number nor an address, while each student has more that is understood.
func (r *reader) withoutFooter(rows []sheet.Row) []sheet.Row {
	end := len(rows)
	for end > 0 && r.isFooter(rows[end-1].Cells) {
		end--
	}
	for _, row := range rows[:end] {
		known := 0
		for _, columns := range r.header.of {
			if slices.ContainsFunc(columns, func(i int) bool { return cellAt(row, i) != "" }) {
				known++
			}
		}
		if known < 2 {
			return rows
		}
	}
	if end == 0 {
		return rows
	}
	r.understood.After = len(rows) - end
	return rows[:end]
}

func (r *reader) isFooter(cells []string) bool {
	cells = trimmed(cells)
	last := len(cells) - 1
	if last < 0 || strings.Join(cells[:last], "") != "" || !strings.ContainsAny(cells[last], "0123456789:") {
		return false
	}
	field := r.fieldOf(last)
	return field != fieldNumber && field != fieldEmail && address(cells[last]) == ""
}

// keepGroup leaves out who is not of the group.
func (r *reader) keepGroup() {
	r.understood.Listed = len(r.class.Students)
	if r.options.Group == "" || len(r.problems) > 0 {
		return
	}
	if r.header.of[fieldGroup] == nil {
		r.report(r.understood.Header, "say what it is called: --map group=COLUMN", "no column of groups, so nobody is in %s; the columns are %s", r.options.Group, r.header.list())
		return
	}
	sizes := map[string]int{}
	var in []Student
	for _, s := range r.class.Students {
		mine := false
		for _, group := range groups(s.Fields[fieldGroup]) {
			sizes[group]++
			mine = mine || sameGroup(group, r.options.Group)
		}
		if mine {
			in = append(in, s)
		}
	}
	if len(in) == 0 {
		r.report(0, "", "nobody is in group %s; the groups are %s", r.options.Group, counted(sizes))
	}
	r.class.Students = in
}

// groups are those that a cell names.
func groups(cell string) (all []string) {
	for _, group := range strings.FieldsFunc(cell, func(c rune) bool { return strings.ContainsRune(",;|\n", c) }) {
		if group = strings.TrimSpace(group); group != "" && !slices.Contains(all, group) {
			all = append(all, group)
		}
	}
	return all
}

// sameGroup takes TP 1 and tp1 for one.
func sameGroup(a, b string) bool {
	return strings.ReplaceAll(fold(a), " ", "") == strings.ReplaceAll(fold(b), " ", "")
}

// counted is "TP1 (12)", "TP2 (24)".
func counted(sizes map[string]int) []string {
	if len(sizes) == 0 {
		return []string{"none"}
	}
	var all []string
	for _, group := range slices.Sorted(maps.Keys(sizes)) {
		all = append(all, fmt.Sprintf("%s (%d)", group, sizes[group]))
	}
	return all
}

// judgeClass reports who cannot be told from whom, and a list without anybody.
func (r *reader) judgeClass() {
	if len(r.class.Students) == 0 && len(r.problems) == 0 {
		r.report(0, "", "no student in the class list")
	}
	for _, s := range r.class.Students {
		who := ""
		switch {
		case s.Number != "":
			who = "number " + s.Number
			r.apart(s, "number "+number(s.Number), who)
		case s.Email != "":
			r.apart(s, "email "+strings.ToLower(s.Email), "e-mail address "+s.Email)
		}
	}
}

// apart reports a student who is what another is, too.
func (r *reader) apart(s Student, what, said string) {
	if line := r.seen[what]; line > 0 {
		r.report(s.Line, "leave one of them out, or correct it", "%s is on line %d already", said, line)
		return
	}
	r.seen[what] = s.Line
}

// nameKeys gives homonyms keys that differ, all of them, so that a list in another order gives the same.
func (r *reader) nameKeys() {
	lines := map[string][]int{}
	for i, s := range r.class.Students {
		lines[strings.ToLower(s.Key)] = append(lines[strings.ToLower(s.Key)], i)
	}
	taken := keysTaken{}
	for key := range lines {
		taken.take(key)
	}
	for i := range r.class.Students {
		s := &r.class.Students[i]
		if homonyms := lines[strings.ToLower(s.Key)]; len(homonyms) > 1 {
			r.judgeHomonym(*s, r.class.Students[homonyms[0]], r.class.Students[homonyms[1]])
			s.Key = taken.apart(*s)
			taken.take(s.Key)
		}
	}
}

// judgeHomonym reports one whom nothing tells from the first, or from the second of that name.
func (r *reader) judgeHomonym(s, first, second Student) {
	const mend = "give both a number or an e-mail address, or names that differ in more than case"
	switch anonymous := func(s Student) bool { return s.Number == "" && s.Email == "" }; {
	case !anonymous(s):
	case s.Line != first.Line:
		r.report(s.Line, mend, "%s is on line %d already", s.Name, first.Line)
	case !anonymous(second):
		r.report(s.Line, mend, "%s is on line %d, too", s.Name, second.Line)
	}
}
