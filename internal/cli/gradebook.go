package cli

import (
	"fmt"
	"slices"
	"strings"

	"maillab/internal/check"
)

// column is one of the class list's.
type column struct {
	name string
	of   func(student string) string
}

// columns finds columns of the class list: gradebooks know people by their e-mail address or their number.
func columnsOf(a *app, instance string, names []string) (all []column, err error) {
	if len(names) == 0 {
		return nil, nil
	}
	class, err := knownClass(a.folder(instance))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		key := strings.ToLower(strings.TrimSpace(name))
		if !class.HasColumn(key) {
			return nil, usagef("--column %s: the class list has no such column", name)
		}
		all = append(all, column{key, func(student string) string {
			s, _ := class.Find(student)
			return s.Fields[key]
		}})
	}
	return all, nil
}

// gradebook is one row a student: what gradebooks import.
func gradebook(result checkJSON, beside []column) list {
	l := list{header: []string{"seat", "student"}}
	for _, c := range beside {
		l.header = append(l.header, c.name)
	}
	l.header = append(l.header, "passed", "total", "points")
	var ids []string
	for _, s := range result.Students {
		for _, t := range s.Tasks {
			if !slices.Contains(ids, t.ID) {
				ids = append(ids, t.ID)
			}
		}
	}
	l.header = append(l.header, ids...)
	for _, s := range result.Students {
		row := []string{fmt.Sprint(s.Seat), s.Student}
		for _, c := range beside {
			row = append(row, c.of(s.Student))
		}
		row = append(row, fmt.Sprint(s.Passed), fmt.Sprint(s.Total), fmt.Sprint(s.Points))
		for _, id := range ids {
			cell := ""
			for _, t := range s.Tasks {
				if t.ID == id {
					cell = map[bool]string{true: fmt.Sprint(t.Points), false: "0"}[t.State == check.Passed]
				}
			}
			row = append(row, cell)
		}
		l.rows = append(l.rows, row)
	}
	return l
}
