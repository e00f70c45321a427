package classroom

import (
	"fmt"
	"testing"

	"maillab/internal/progress"
)

// TestTold: what becomes of students' work is told by name, or in numbers when they are many; nothing where nothing changes.
func TestTold(t *testing.T) {
	eight := progress.Count{Passed: 8, Answers: 1, Marks: 2}
	var many []Turnover
	for n := range 7 {
		many = append(many, Turnover{fmt.Sprint("s", n), progress.Count{Passed: n}, progress.Count{}})
	}
	for want, turnovers := range map[string][]Turnover{
		"":                                    {{"alice", eight, eight}},
		"tasks passed: 21 → 0 for 6 students": many,
		"tasks passed: 8 → 0 for alice, 8 → 3 for bruno; answers: 1 → 0 for alice; marks: 2 → 0 for alice, 2 → 3 for bruno": {
			{"alice", eight, progress.Count{}}, {"carol", eight, eight}, {"bruno", eight, progress.Count{Passed: 3, Answers: 1, Marks: 3}}},
	} {
		if got := Told(turnovers); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
