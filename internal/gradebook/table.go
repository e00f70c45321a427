package gradebook

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"

	"maillab/internal/roster"
	"maillab/internal/screen"
)

// Cell is a text, a number, or nothing.
type Cell struct {
	text   string
	number float64
	kind   kind
}

type kind int

const (
	isText kind = iota
	isNumber
	isNothing
)

func Text(text string) Cell { return Cell{text: text} }

func Number(number float64) Cell { return Cell{number: number, kind: isNumber} }

// Nothing is the mark of who did nothing.
func Nothing() Cell { return Cell{kind: isNothing} }

// String is the cell with a decimal point.
func (c Cell) String() string {
	switch c.kind {
	case isNumber:
		return decimal(c.number)
	case isNothing:
		return "-"
	}
	return c.text
}

// Table is a gradebook to be read by people and by any program: a row a student, a column a task. The maximum stands in
// the header: «grade /20».
type Table struct {
	Header []string
	Rows   [][]Cell
	short  int // columns before those of tasks
}

// Columns are those of a class list that say who a student is, where it says so of anybody.
func Columns(class roster.Class) (names []string) {
	for _, name := range []string{"number", "email"} {
		if slices.ContainsFunc(class.Students, func(s roster.Student) bool { return s.Fields[name] != "" }) {
			names = append(names, name)
		}
	}
	return names
}

// Table has these columns of the class list beside each student.
func (b Book) Table(columns []string, scale Scale) Table {
	t := Table{Header: append([]string{"seat", "student"}, columns...)}
	if scale.Changes() {
		t.Header = append(t.Header, outOf("grade", scale.Best(b.Maximum())))
	}
	t.Header = append(t.Header, outOf("points", b.Maximum()))
	t.short = len(t.Header)
	for _, task := range b.Tasks {
		t.Header = append(t.Header, outOf(task.ID, task.Points))
	}
	commented := b.commented()
	if commented {
		t.Header = append(t.Header, "comments")
	}
	for _, s := range b.Students {
		row := b.row(s, columns, scale)
		if commented {
			row = append(row, Text(strings.Join(b.comments(s), "; ")))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// said is the table with its columns' names in another language.
func (t Table) said(say func(string) string) Table {
	if say != nil {
		t.Header = each(t.Header, say)
	}
	return t
}

// Short is the table without tasks and comments, as texts.
func (t Table) Short() (header []string, rows [][]string) {
	for _, row := range t.Rows {
		rows = append(rows, each(row[:t.short], Cell.String))
	}
	return t.Header[:t.short], rows
}

func outOf(what string, maximum float64) string { return fmt.Sprintf("%s /%s", what, decimal(maximum)) }

func (b Book) row(s Student, columns []string, scale Scale) []Cell {
	row := []Cell{Number(float64(s.Seat)), Text(s.name())}
	for _, column := range columns {
		row = append(row, Text(s.Fields[column]))
	}
	if scale.Changes() {
		row = append(row, b.grade(s, scale))
	}
	row = append(row, b.grade(s, Scale{}))
	for _, task := range b.Tasks {
		row = append(row, s.points(task))
	}
	return row
}

// name is the student's, as columns beside it tell more.
func (s Student) name() string { return cmp.Or(s.Name, s.Key) }

// called is who it is, for people, where nothing stands beside it.
func (s Student) called() string { return cmp.Or(s.Called, s.name()) }

// commented says whether the teacher wrote a comment to anybody.
func (b Book) commented() bool {
	for _, s := range b.Students {
		if len(b.comments(s)) > 0 {
			return true
		}
	}
	return false
}

// comments are the teacher's to a student, each with its task.
func (b Book) comments(s Student) (all []string) {
	for _, t := range b.Tasks {
		if comment := strings.TrimSpace(s.Marks[t.ID].Comment); comment != "" {
			all = append(all, t.ID+": "+comment)
		}
	}
	return all
}

// CSV is the table with commas and decimal points.
func (t Table) CSV() []byte { return t.written(dialect{separator: ',', point: "."}) }

// Excel is the table as a French Excel opens it.
func (t Table) Excel() []byte {
	return t.written(dialect{separator: ';', point: ",", mark: "\ufeff", crlf: true})
}

// dialect is a way to write a CSV.
type dialect struct {
	separator rune
	point     string // decimal
	mark      string // at the beginning
	crlf      bool
}

func (t Table) written(d dialect) []byte {
	b := bytes.NewBufferString(d.mark)
	w := csv.NewWriter(b)
	w.Comma, w.UseCRLF = d.separator, d.crlf
	_ = w.Write(each(t.Header, screen.Harmless)) // a buffer takes everything
	for _, row := range t.Rows {
		_ = w.Write(each(row, d.cell))
	}
	w.Flush()
	return b.Bytes()
}

func each[T any](all []T, f func(T) string) []string {
	out := make([]string, 0, len(all))
	for _, one := range all {
		out = append(out, f(one))
	}
	return out
}

func (d dialect) cell(c Cell) string {
	if c.kind == isText {
		return screen.Harmless(c.text)
	}
	return strings.Replace(c.String(), ".", d.point, 1)
}
