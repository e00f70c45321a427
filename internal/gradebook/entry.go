package gradebook

import (
	"slices"

	"maillab/internal/check"
	"maillab/internal/progress"
	"maillab/internal/roster"
)

// Entry is what is known of one student's tasks.
type Entry struct {
	Seat    int
	Student string // roster key
	Did     bool   // anything at all
	Results []check.Result
}

// Enter adds students as the class list knows them; who is not in it is called by the key.
func (b *Book) Enter(class roster.Class, entries ...Entry) {
	everybody := slices.Clone(class.Students)
	for _, e := range entries {
		if _, known := class.Find(e.Student); !known {
			everybody = append(everybody, roster.Student{Key: e.Student, Name: e.Student})
		}
	}
	called := roster.Called(everybody)
	for _, e := range entries {
		person, known := class.Find(e.Student)
		if !known {
			person = roster.Student{Key: e.Student, Name: e.Student}
		}
		one := Student{Student: person, Called: called[e.Student], Seat: e.Seat, Did: e.Did, Marks: map[string]Mark{}}
		for _, r := range e.Results {
			if !slices.ContainsFunc(b.Tasks, func(known Task) bool { return known.ID == r.ID }) {
				b.Tasks = append(b.Tasks, Task{ID: r.ID, Points: float64(r.Points), Titles: r.Title})
			}
			m := Mark{Points: r.Given, Waits: r.State == progress.Manual}
			if r.Mark != nil { // what is given is rounded, and a grade would be rounded twice
				m.Points, m.Comment = r.Mark.Share*float64(r.Points), r.Mark.Comment
			}
			one.Marks[r.ID] = m
		}
		b.Students = append(b.Students, one)
	}
}
