package classroom

import (
	"cmp"
	"fmt"
	"strings"

	"maillab/internal/gradebook"
	"maillab/internal/instance"
	"maillab/internal/register"
	"maillab/internal/roster"
)

// Book is what a register says as gradebooks want it, with who the students are, and what the lab is called in a teacher's
// language. Who has no language of their own has the lab's.
func Book(name, lang string, lab instance.Sheet, entries register.Register, class roster.Class) gradebook.Book {
	b := gradebook.Book{Title: cmp.Or(lab.Title[lang], lab.Title["en"], lab.Title["fr"], name), Titles: lab.Title}
	for _, s := range lab.Sandboxes {
		b.Lang = cmp.Or(b.Lang, s.Lang)
	}
	var all []gradebook.Entry
	for _, e := range entries {
		all = append(all, gradebook.Entry{Seat: e.Seat, Student: e.Student, Did: !e.History.Current().Empty(), Results: e.Results})
	}
	b.Enter(class, all...)
	return b
}

// Absent are the students of a class of whom a register has nothing.
func Absent(entries register.Register, class roster.Class) (names []string) {
	called := roster.Called(class.Students)
	for _, s := range class.Students {
		if _, known := entries.Of(s.Key); !known {
			names = append(names, called[s.Key])
		}
	}
	return names
}

// Columns finds columns of the class list; none typed are number and e-mail address, where anybody has one.
func Columns(class roster.Class, typed []string) (names []string, err error) {
	if typed == nil {
		return gradebook.Columns(class), nil
	}
	for _, name := range typed {
		key := strings.ToLower(strings.TrimSpace(name))
		if !class.HasColumn(key) {
			return nil, fmt.Errorf("--column %s: the class list has no such column: %s", name, strings.Join(class.ColumnNames(), ", "))
		}
		names = append(names, key)
	}
	return names, nil
}
