package classroom

import (
	"cmp"

	"maillab/internal/instance"
	"maillab/internal/marking"
	"maillab/internal/progress"
)

// Waiting are the answers that wait for the teacher's word: all to one task beside each other, in the order of seats, so that who
// marks compares.
func Waiting(result Checked, people instance.People) (all []marking.Answer) {
	names := people.Called()
	var tasks []string
	for _, s := range result.Students {
		for _, t := range s.Tasks {
			tasks = append(tasks, t.ID)
			if t.State == progress.Manual {
				all = append(all, marking.Answer{Seat: s.Seat, Student: s.Student, Name: cmp.Or(names[s.Student], s.Student), Task: t.ID, Title: t.Title,
					Points: t.Points, Text: t.Answer, Seen: t.Seen, Look: t.Look, Copied: t.CopiedFrom})
			}
		}
	}
	marking.Sort(all, tasks)
	return all
}
