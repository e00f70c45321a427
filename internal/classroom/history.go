package classroom

import (
	"fmt"
	"strings"
	"time"

	"maillab/internal/period"
	"maillab/internal/register"
)

// History is what check --history -o json prints.
type History struct {
	Instance string           `json:"instance"`
	AsOf     time.Time        `json:"asOf,omitzero"` // as in Checked
	Students []HistoryStudent `json:"students"`
}

// HistoryStudent is one student's.
type HistoryStudent struct {
	Seat    int                `json:"seat"`
	Student string             `json:"student"`
	Epochs  []register.Chapter `json:"epochs"`
}

// HistoryOf tells how tasks came to stand as they do.
func HistoryOf(name string, entries register.Register) History {
	h := History{Instance: name, Students: []HistoryStudent{}}
	for _, e := range entries {
		h.Students = append(h.Students, HistoryStudent{e.Seat, e.Student, e.Chapters()})
	}
	return h
}

// Table has a row a task of which anything is known, in each epoch, and one for an epoch of which nothing is.
func (h History) Table(zone *time.Location) (header []string, rows [][]string) {
	header = []string{"seat", "student", "epoch", "task", "state", "passed at", "took", "late", "tries", "mark"}
	for _, s := range h.Students {
		for _, c := range s.Epochs {
			if len(c.Tasks) == 0 {
				rows = append(rows, []string{fmt.Sprint(s.Seat), s.Student, fmt.Sprint(c.Epoch), "-", "nothing was done", "-", "-", "-", "-", "-"})
			}
			for _, t := range c.Tasks {
				rows = append(rows, []string{fmt.Sprint(s.Seat), s.Student, fmt.Sprint(c.Epoch), t.Task, dash(string(t.State)),
					stamp(t.At, zone), took(t, c.Start), late(t), dash(count(t.Tries)), words(t)})
			}
		}
	}
	return header, rows
}

func stamp(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return "-"
	}
	return t.In(zone).Format(time.DateTime)
}

// took is how long a task took in an epoch; what had passed before it began has taken none of it.
func took(t register.Story, start time.Time) string {
	if t.At.IsZero() || t.At.Before(start) {
		return "-"
	}
	return period.Format(t.Took)
}

func late(t register.Story) string {
	if t.Late == 0 {
		return "-"
	}
	return period.Format(time.Duration(t.Late) * time.Second)
}

func count(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// words are the teacher's words on a task, the last one that stands last.
func words(t register.Story) string {
	var all []string
	for _, said := range t.Said {
		word := "taken back"
		if said.Mark != nil {
			word = said.Mark.String()
		}
		if said.By != "" {
			word += " (" + said.By + ")"
		}
		all = append(all, word)
	}
	return dash(strings.Join(all, ", "))
}
