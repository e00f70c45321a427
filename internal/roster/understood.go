package roster

import (
	"fmt"
	"slices"
	"strings"

	"maillab/internal/lab/problem"
)

// Understood is what was made of a class list, to be told to who gave it.
type Understood struct {
	File     string
	Format   string // CSV, XLSX or ODS
	Sheet    string // of a spreadsheet
	Sheets   int
	Students int
	Listed   int // before Group chose
	Group    string
	Header   int      // the header's line
	Before   int      // lines before it that were left out
	After    int      // lines after the last student that were left out
	From     []Source // where fields are taken from that are not called so themselves
	Twice    []string // columns that are there more than once: the first counts
}

// Source says which columns a field is taken from.
type Source struct {
	Field   string
	Columns []string
}

// describe fills in what is only known at the end.
func (r *reader) describe() {
	u := &r.understood
	u.Students = len(r.class.Students)
	fields := []string{}
	for _, m := range meanings() {
		fields = append(fields, m.field)
	}
	for field := range r.header.of {
		if !slices.Contains(fields, field) {
			fields = append(fields, field)
		}
	}
	slices.Sort(fields[len(meanings()):])
	name := r.header.of[fieldName]
	for _, field := range fields {
		columns := r.header.of[field]
		switch {
		case columns == nil, name != nil && (field == fieldLast || field == fieldFirst):
			continue
		case field == fieldLast && r.header.of[fieldFirst] != nil:
			continue // told with the first name
		case field == fieldFirst:
			columns = slices.Concat(r.header.of[fieldLast], columns)
		}
		from := Source{Field: field}
		if field == fieldLast || field == fieldFirst {
			from.Field = fieldName
		}
		for _, i := range columns {
			from.Columns = append(from.Columns, r.header.spelled[i])
		}
		if len(columns) > 1 || r.header.names[columns[0]] != from.Field {
			u.From = append(u.From, from)
		}
	}
}

// String is one line: 12 students; number from «N° étudiant»; 2 lines before the header left out; group TP1: 12 of 36.
func (u Understood) String() string {
	parts := []string{many(u.Students, "student")}
	if u.Sheets > 1 {
		parts = append(parts, fmt.Sprintf("sheet «%s» of %d", u.Sheet, u.Sheets))
	}
	for _, from := range u.From {
		var names []string
		for _, name := range from.Columns {
			names = append(names, "«"+problem.Short(name)+"»")
		}
		parts = append(parts, from.Field+" from "+strings.Join(names, ", "))
	}
	if u.Before > 0 {
		parts = append(parts, many(u.Before, "line")+" before the header left out")
	}
	if u.After > 0 {
		parts = append(parts, many(u.After, "line")+" below the list left out")
	}
	for _, name := range u.Twice {
		parts = append(parts, "«"+problem.Short(name)+"» is there twice, the first counts")
	}
	if u.Group != "" {
		parts = append(parts, fmt.Sprintf("group %s: %d of %d", u.Group, u.Students, u.Listed))
	}
	return strings.Join(parts, "; ")
}

// many is "1 line", "2 lines".
func many(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
