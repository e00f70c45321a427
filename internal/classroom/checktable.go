package classroom

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"maillab/internal/progress"
	"maillab/internal/screen"
)

// Points writes points, with no more digits than they have.
func Points(points float64) string { return strconv.FormatFloat(points, 'f', -1, 64) }

// outOf is points of those that there are.
func outOf(points float64, maximum int) string { return Points(points) + "/" + strconv.Itoa(maximum) }

// Table is a row a student. A text has at most room characters.
func (c Checked) Table(room int) (header []string, rows [][]string) {
	for _, s := range c.Students {
		var manual []string
		next, closed := "", ""
		states := make([]progress.State, len(s.Tasks))
		for n, t := range s.Tasks {
			switch states[n] = t.State; {
			case t.State == progress.Manual:
				manual = append(manual, t.ID)
			case t.State == progress.Blocked && closed == "":
				closed = t.ID + ": " + screen.Shortened(t.Seen, room)
			}
		}
		if n := progress.Next(states); n >= 0 {
			next = s.Tasks[n].ID + ": " + screen.Shortened(s.Tasks[n].Seen, room)
		}
		rows = append(rows, []string{fmt.Sprint(s.Seat), s.Student, fmt.Sprintf("%d/%d", s.Passed, s.Total), outOf(s.Points, s.Maximum),
			cmp.Or(strings.Join(manual, " "), "-"), cmp.Or(next, closed, "-")})
	}
	return []string{"seat", "student", "passed", "points", "waiting for you", "next"}, rows
}

// Table is a row a task.
func (s CheckedStudent) Table(room int) (header []string, rows [][]string) {
	for _, t := range s.Tasks {
		state, seen := string(t.State), t.Seen
		if t.Marked {
			state += " (marked)"
		}
		if t.Answer != "" && t.State == progress.Manual {
			seen = "“" + t.Answer + "”; " + seen
			if t.Look != "" {
				seen += "; " + t.Look
			}
		}
		if t.Comment != "" {
			seen += "; “" + t.Comment + "”"
		}
		rows = append(rows, []string{t.ID, state, outOf(t.Given, t.Points), screen.Shortened(seen, room)})
	}
	return []string{"task", "state", "points", "seen"}, rows
}
