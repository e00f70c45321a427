package cli

import (
	"strings"

	"maillab/internal/classroom"
)

// columns finds columns of the class list: gradebooks know people by their e-mail address or their number.
func columnsOf(a *app, instance string, names []string) (all []classroom.Column, err error) {
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
			return nil, usagef("--column %s: the class list has no such column: %s", name, strings.Join(class.ColumnNames(), ", "))
		}
		all = append(all, classroom.Column{Name: key, Of: func(student string) string {
			s, _ := class.Find(student)
			return s.Fields[key]
		}})
	}
	return all, nil
}
