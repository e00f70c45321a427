package classroom

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"maillab/internal/check"
	"maillab/internal/control"
	"maillab/internal/deploy"
	"maillab/internal/instance"
	"maillab/internal/lab/task"
	"maillab/internal/progress"
	"maillab/internal/register"
)

// Checked is what check -o json prints.
type Checked struct {
	Instance string           `json:"instance"`
	AsOf     time.Time        `json:"asOf,omitzero"` // of results that were kept; zero: they are of now
	Students []CheckedStudent `json:"students"`
}

type CheckedStudent struct {
	Seat    int           `json:"seat"`
	Student string        `json:"student"`
	Passed  int           `json:"passed"`
	Total   int           `json:"total"`
	Points  float64       `json:"points"`  // given
	Maximum int           `json:"maximum"` // of them
	Tasks   []CheckedTask `json:"tasks"`
}

type CheckedTask struct {
	ID      string         `json:"id"`
	Title   string         `json:"title"`
	State   progress.State `json:"state"`
	Points  int            `json:"points"` // what it is worth
	Given   float64        `json:"given"`  // of them
	Seen    string         `json:"seen"`
	Hint    string         `json:"hint"`
	Answer  string         `json:"answer,omitempty"`
	Look    string         `json:"look,omitempty"`        // what the teacher is to look for
	Marked  bool           `json:"marked,omitempty"`      // the state is the teacher's word
	Comment string         `json:"comment,omitempty"`     // the teacher's
	Due     string         `json:"due,omitempty"`         // RFC 3339, for this student
	Late    int            `json:"lateSeconds,omitempty"` // by how much it passed after that
	// CopiedFrom is the student whose token the answer carries.
	CopiedFrom string `json:"copiedFrom,omitempty"`
}

// checkPatience bounds a check: the scripts of a class on a shared server take a while.
const checkPatience = 15 * time.Minute

// Check has the sandboxes check side by side, and returns what of each student is to be entered in the register; failed has
// those that did not answer.
func Check(ctx context.Context, i deploy.Running, chosen instance.Chosen, request control.CheckRequest, now time.Time) (entries register.Register, failed map[int]error) {
	ctx, cancel := context.WithTimeout(ctx, checkPatience)
	defer cancel()
	client := i.Client()
	defer client.Close()
	request.History = true
	var mu sync.Mutex
	failed = instance.Each(ctx, chosen.Sandboxes, Awake(func(ctx context.Context, s instance.Sandbox) error {
		mine := request
		mine.Students = chosen.Of(s)
		checked, err := client.Seat(s.Seat).Check(ctx, mine)
		mu.Lock()
		defer mu.Unlock()
		for _, c := range checked {
			entries = entries.With(entryOf(c, chosen.People.Seat(c.Student, s), now))
		}
		return err
	}))
	return entries, failed
}

// Result tells what is in a register in one language.
func Result(name string, entries register.Register, lang string) Checked {
	out := Checked{Instance: name, Students: []CheckedStudent{}}
	for _, e := range entries {
		s := CheckedStudent{Seat: e.Seat, Student: e.Student, Total: len(e.Results), Tasks: []CheckedTask{}}
		s.Passed, s.Points, s.Maximum = check.Progress(e.Results)
		for _, r := range e.Results {
			s.Tasks = append(s.Tasks, taskOf(r, lang))
		}
		out.Students = append(out.Students, s)
	}
	return out
}

// taskOf is one result in one language.
func taskOf(r check.Result, lang string) CheckedTask {
	t := CheckedTask{ID: r.ID, Title: r.Title.In(lang), State: r.State, Points: r.Points, Given: r.Given, Seen: r.Seen.In(lang), Hint: r.Hint.In(lang),
		Answer: r.Answer, Look: r.Look.In(lang), CopiedFrom: r.CopiedFrom}
	if !r.Due.IsZero() {
		t.Due, t.Late = r.Due.Format(time.RFC3339), int(r.Late/time.Second)
	}
	if r.Mark != nil {
		t.Marked, t.Comment = true, r.Mark.Comment
	}
	return t
}

// NameCopies tells of wrong answers whose token they carry. Sandboxes of their own know nobody else's, but the class's
// secret, here, makes them all.
func NameCopies(folder instance.Folder, result Checked, lang string) (told []string, err error) {
	secrets, err1 := folder.Secrets()
	seats, err2 := folder.Seats()
	if err := errors.Join(err1, err2); err != nil {
		return nil, fmt.Errorf("copied answers are not looked for: %w", err)
	}
	for _, s := range result.Students {
		for t := range s.Tasks {
			one := &s.Tasks[t]
			for other := range seats {
				if one.State != progress.Passed && other != s.Student && carries(one.Answer, secrets("token/"+other+"/"+one.ID)) {
					one.CopiedFrom = other
				}
			}
			if one.CopiedFrom != "" {
				one.Seen += " (" + task.Text{"fr": "la réponse porte le code de ", "en": "the answer carries the token of "}.In(lang) + one.CopiedFrom + ")"
				told = append(told, fmt.Sprintf("%s, %s: the answer carries the token of %s", s.Student, one.ID, one.CopiedFrom))
			}
		}
	}
	return told, nil
}

func carries(answer, token string) bool {
	return strings.Contains(strings.ToLower(answer), strings.ToLower(token))
}
