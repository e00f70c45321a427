// Package gradebook makes of a class's marks what gradebooks take. It is pure: marks in, files out.
//
// Forms, each held to its rules by a test:
//
//	CSV       commas, decimal points, UTF-8 (RFC 4180)
//	Excel     CSV as a French Excel opens it by a double click: byte order mark, semicolons, decimal commas
//	XLSX      one sheet of typed cells: numbers are numbers, what looks like a number or a formula is text
//	Pages     HTML to be handed back, a page a student
//	Import    Moodle: Grades, Import, CSV file
//	Fill      Moodle: the worksheet of an assignment, downloaded, filled, and uploaded again
//
// Who did nothing has no mark, which is a dash, and not a zero. Nothing that somebody wrote is a formula to the program
// that opens a file, nor markup to Moodle. No file holds a formula of ours either: sums are values.
package gradebook

import (
	"math"
	"strconv"

	"maillab/internal/roster"
)

// Book is a class's marks.
type Book struct {
	Title    string            // of the lab: what Moodle calls the grade item
	Titles   map[string]string // by language
	Lang     string            // of students of whom nothing else is known
	Tasks    []Task            // in the lab's order
	Students []Student
	Absent   []string // who is in the class, and of whom nothing is known
}

// Task with the points that it gives at most.
type Task struct {
	ID     string
	Points float64
	Titles map[string]string // by language
}

// Student is who was marked: as the class list knows the student (Number, Email, and Fields["username"] are what gradebooks
// know people by).
type Student struct {
	roster.Student
	Called string // by people, no two alike; "": by the name
	Seat   int
	Did    bool            // anything at all
	Marks  map[string]Mark // by task
}

// Mark is what a student has for a task.
type Mark struct {
	Points  float64
	Comment string // the teacher's
	Waits   bool   // for the teacher's word
}

// Maximum is what all tasks give.
func (b Book) Maximum() (sum float64) {
	for _, t := range b.Tasks {
		sum += t.Points
	}
	return sum
}

// Points are what a student has for all tasks.
func (b Book) Points(s Student) (sum float64) {
	for _, t := range b.Tasks {
		sum += s.Marks[t.ID].Points
	}
	return sum
}

// Scale is how points become a grade.
type Scale struct {
	OutOf float64 // what the maximum becomes; 0: it stays
	Step  float64 // what is rounded to, halves upwards: 0.5, 0.25, 1; 0: hundredths
}

// Changes says whether grades differ from points.
func (s Scale) Changes() bool { return s != Scale{} }

// Best is the grade of who has everything.
func (s Scale) Best(maximum float64) float64 {
	if s.OutOf > 0 {
		return s.OutOf
	}
	return maximum
}

// Grade is what points out of a maximum are, never more than the best.
func (s Scale) Grade(points, maximum float64) float64 {
	best := s.Best(maximum)
	if maximum <= 0 {
		return 0
	}
	return min(rounded(points/maximum*best, s.Step), best)
}

// rounded is x in steps. Thirds and tenths are not exact in binary: what misses a half by less than the last digits of a
// float64 is taken for one.
func rounded(x, step float64) float64 {
	if step <= 0 {
		step = 0.01
	}
	const slack = 1e-9 // of a step
	return plain(math.Floor(x/step+0.5+slack) * step)
}

// plain is a number without what binary adds beyond the fourth place.
func plain(x float64) float64 { return math.Round(x*1e4) / 1e4 }

// decimal is a number as short as it is: 12.5, 3.
func decimal(x float64) string { return strconv.FormatFloat(plain(x), 'f', -1, 64) }

// grade is a student's, as a cell.
func (b Book) grade(s Student, scale Scale) Cell {
	if !s.Did {
		return Nothing()
	}
	return Number(scale.Grade(b.Points(s), b.Maximum()))
}

// points are a student's for one task, as a cell.
func (s Student) points(t Task) Cell {
	if !s.Did {
		return Nothing()
	}
	return Number(rounded(s.Marks[t.ID].Points, 0))
}
