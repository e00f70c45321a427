package web

import (
	"html/template"
	"net/http"
	"slices"
	"strconv"

	"maillab/internal/marking"
	"maillab/internal/progress"
)

// waitingPage is an answer that waits for the teacher's word.
type waitingPage struct {
	frame
	Answers []marking.Answer
	At      int // which of them is shown
	Told    string
	Word    string // that was not kept
	Comment string
}

// Now is the answer that is shown.
func (p waitingPage) Now() marking.Answer { return p.Answers[p.At] }

// Next is the one to go on with, as a query.
func (p waitingPage) Next() template.URL { return p.link(p.At + 1) }

// Before is the one before.
func (p waitingPage) Before() template.URL { return p.link(p.At - 1) }

func (p waitingPage) link(at int) template.URL {
	a := p.Answers[(at+len(p.Answers))%len(p.Answers)]
	return template.URL(query("seat", strconv.Itoa(a.Seat), "student", a.Student, "task", a.Task)) //nolint:gosec // it is escaped as a query
}

// waitingOf are the answers of a class that wait: all to one task beside each other, in the order of seats, so that who marks
// compares.
func waitingOf(rows []row, lang string) (all []marking.Answer) {
	var tasks []string
	for _, r := range rows {
		for _, t := range r.Results {
			tasks = append(tasks, t.ID)
			if t.State == progress.Manual {
				all = append(all, marking.Answer{Seat: r.Seat, Student: r.Student, Name: r.Student, Task: t.ID, Title: t.Title.In(lang), Points: t.Points,
					Text: t.Answer, Seen: t.Seen.In(lang), Look: t.Look.In(lang), Copied: t.CopiedFrom})
			}
		}
	}
	marking.Sort(all, tasks)
	return all
}

// waiting shows the answer that is asked for, or else the first.
func (p teachers) waiting(w http.ResponseWriter, r *http.Request, s *session) {
	p.showWaiting(w, r, s, waitingPage{})
}

func (p teachers) showWaiting(w http.ResponseWriter, r *http.Request, s *session, page waitingPage) {
	rows, err := newWatch(s.teacher, s.language(), asks{}).whole(r.Context())
	if p.unknown(w, r, s, err) {
		return
	}
	status := http.StatusOK
	if page.Told != "" {
		status = http.StatusUnprocessableEntity
	}
	if err != nil {
		page.Told = told(s.language(), err.Error())
	}
	page.frame = p.frame(r, s.language(), s)
	page.Title, page.Here = say(page.Lang, "waiting"), "waiting"
	page.Answers = waitingOf(rows, page.Lang)
	page.At = max(0, slices.IndexFunc(page.Answers, asked(r)))
	render(w, status, "waiting", page)
}

// asked finds the answer that a request names.
func asked(r *http.Request) func(marking.Answer) bool {
	q := of(r)
	return func(a marking.Answer) bool {
		return a.Seat == q.Seat && a.Student == q.Student && a.Task == r.FormValue("task")
	}
}

// markWaiting keeps a word on an answer, and goes on to the next.
func (p teachers) markWaiting(w http.ResponseWriter, r *http.Request, s *session) {
	word := r.PostFormValue("word")
	if word == "other" {
		word = r.PostFormValue("other")
	}
	m, err := wordOf(r, word)
	if err != nil || m.Mark == nil {
		p.showWaiting(w, r, s, waitingPage{Told: say(s.language(), "waiting.wrong"), Word: r.PostFormValue("other"), Comment: r.PostFormValue("comment")})
		return
	}
	if _, err := s.teacher.Seat(of(r).Seat).Mark(r.Context(), m); err != nil {
		if !p.unknown(w, r, s, err) {
			p.showWaiting(w, r, s, waitingPage{Told: told(s.language(), reasonOf(err)), Word: r.PostFormValue("other"), Comment: r.PostFormValue("comment")})
		}
		return
	}
	to(w, "waiting?"+r.PostFormValue("next")+"#answer")
}
