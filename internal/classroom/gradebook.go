package classroom

import (
	"fmt"
	"slices"
	"strconv"
)

// Column is one of the class list's.
type Column struct {
	Name string
	Of   func(student string) string
}

// Gradebook is one row a student: what gradebooks import.
func Gradebook(result Checked, beside []Column) (header []string, rows [][]string) {
	header = []string{"seat", "student"}
	for _, c := range beside {
		header = append(header, c.Name)
	}
	header = append(header, "passed", "total", "points")
	var ids []string
	for _, s := range result.Students {
		for _, t := range s.Tasks {
			if !slices.Contains(ids, t.ID) {
				ids = append(ids, t.ID)
			}
		}
	}
	header = append(header, ids...)
	for _, s := range result.Students {
		row := []string{fmt.Sprint(s.Seat), s.Student}
		for _, c := range beside {
			row = append(row, c.Of(s.Student))
		}
		row = append(row, fmt.Sprint(s.Passed), fmt.Sprint(s.Total), Points(s.Points))
		for _, id := range ids {
			cell := ""
			for _, t := range s.Tasks {
				if t.ID == id {
					cell = Points(t.Given)
				}
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	return header, rows
}

// Points writes points, with no more digits than they have.
func Points(points float64) string { return strconv.FormatFloat(points, 'f', -1, 64) }
