package classroom

import (
	"fmt"
	"strings"
	"time"

	"maillab/internal/screen"
)

// Table is a row a student.
func (s Standing) Table(now time.Time) (header []string, rows [][]string) {
	for _, r := range s.Students {
		ago := "-"
		if !r.At.IsZero() {
			ago = minutes(now.Sub(r.At))
		}
		rows = append(rows, []string{r.Student, fmt.Sprintf("%d/%d", r.Passed, r.Total), dash(r.Next), minutes(now.Sub(r.Progress)),
			dash(screen.Shortened(strings.TrimSpace(r.Service+" "+r.Command), 32)), ago, dash(screen.Shortened(r.Error, 48))})
	}
	return []string{"student", "passed", "next", "since", "last command", "ago", "last refusal"}, rows
}

// minutes is how long ago something was.
func minutes(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%d s", int(max(0, d).Seconds()))
	}
	return fmt.Sprintf("%d min", int(d.Minutes()))
}
