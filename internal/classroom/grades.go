package classroom

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"maillab/internal/gradebook"
	"maillab/internal/instance"
	"maillab/internal/progress"
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
	for _, e := range entries {
		person, known := class.Find(e.Student)
		if !known {
			person = roster.Student{Key: e.Student, Name: e.Student}
		}
		one := gradebook.Student{Student: person, Seat: e.Seat, Did: !e.History.Current().Empty(), Marks: map[string]gradebook.Mark{}}
		for _, r := range e.Results {
			if !slices.ContainsFunc(b.Tasks, func(known gradebook.Task) bool { return known.ID == r.ID }) {
				b.Tasks = append(b.Tasks, gradebook.Task{ID: r.ID, Points: float64(r.Points), Titles: r.Title})
			}
			m := gradebook.Mark{Points: r.Given, Waits: r.State == progress.Manual}
			if r.Mark != nil { // what is given is rounded, and a grade would be rounded twice
				m.Points, m.Comment = r.Mark.Share*float64(r.Points), r.Mark.Comment
			}
			one.Marks[r.ID] = m
		}
		b.Students = append(b.Students, one)
	}
	return b
}

// Absent are the students of a class of whom a register has nothing.
func Absent(entries register.Register, class roster.Class) (names []string) {
	for _, s := range class.Students {
		if _, known := entries.Of(s.Key); !known {
			names = append(names, s.Name)
		}
	}
	return names
}

// Columns finds columns of the class list; none typed are number and e-mail address, where anybody has one.
func Columns(class roster.Class, typed []string) (names []string, err error) {
	for _, name := range []string{"number", "email"} {
		if typed == nil && slices.ContainsFunc(class.Students, func(s roster.Student) bool { return s.Fields[name] != "" }) {
			names = append(names, name)
		}
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
