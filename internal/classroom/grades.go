package classroom

import (
	"fmt"
	"slices"
	"strings"

	"maillab/internal/gradebook"
	"maillab/internal/progress"
	"maillab/internal/roster"
)

// Book is what was checked as gradebooks want it, with who the students are.
func Book(title string, result Checked, class roster.Class) gradebook.Book {
	b := gradebook.Book{Title: title}
	for _, s := range result.Students {
		person, known := class.Find(s.Student)
		if !known {
			person = roster.Student{Key: s.Student, Name: s.Student}
		}
		one := gradebook.Student{Student: person, Seat: s.Seat, Marks: map[string]gradebook.Mark{}}
		for _, t := range s.Tasks {
			if !slices.ContainsFunc(b.Tasks, func(known gradebook.Task) bool { return known.ID == t.ID }) {
				b.Tasks = append(b.Tasks, gradebook.Task{ID: t.ID, Points: float64(t.Points)})
			}
			one.Did = one.Did || t.State == progress.Passed || t.Answer != "" || t.Marked
			one.Marks[t.ID] = gradebook.Mark{Points: t.Given, Comment: t.Comment, Waits: t.State == progress.Manual}
		}
		b.Students = append(b.Students, one)
	}
	return b
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
