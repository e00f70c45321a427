package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"maillab/internal/control"
	"maillab/internal/progress"
	"maillab/internal/worksheet"
)

// studentPage is a student's: the statement with the tasks in it.
type studentPage struct {
	frame
	Me     control.Me
	Blocks []block
	Sum    sum
	Told   string // what became of what was asked, without a script
}

// sum is how far a student is.
type sum struct {
	Passed, Total, Of int
	Points            float64
}

func sumOf(tasks []worksheet.Task) (s sum) {
	s.Total = len(tasks)
	for _, t := range tasks {
		s.Of += t.Points
		s.Points += t.Given
		if t.State == progress.Passed {
			s.Passed++
		}
	}
	return s
}

func (p *Page) student(w http.ResponseWriter, r *http.Request, s *session) {
	lang := s.language()
	page := studentPage{frame: p.frame(r, lang, s), Me: s.me}
	page.Title = inLang(s.me.Title, lang)
	sheet, err := s.tasks(r.Context())
	if p.lost(w, r, s, err) {
		return
	}
	if err != nil {
		page.Told = say(lang, "away")
	}
	page.Sum, page.Blocks = sumOf(sheet.Tasks), laidOut(inLang(s.me.Statement, lang), sheet.Tasks)
	render(w, http.StatusOK, "student", page)
}

// tasks are the student's; an account that is nobody's has none.
func (s *session) tasks(ctx context.Context) (worksheet.Sheet, error) {
	if s.me.Student == "" {
		return worksheet.Sheet{}, nil
	}
	sheet, err := s.sheet(ctx, http.MethodGet, "/v1/lab", nil)
	if isStatus(err, http.StatusNotFound) { // a lab without tasks
		err = nil
	}
	return sheet, err
}

// lost shows the login when the sandbox does not take the password any more.
func (p *Page) lost(w http.ResponseWriter, r *http.Request, s *session, err error) bool {
	if !isStatus(err, http.StatusUnauthorized) {
		return false
	}
	p.sessions.end(r)
	p.again(w, r, http.StatusUnauthorized, s.login, say(s.language(), "login.changed"))
	return true
}

// check has one task checked, or all.
func (p *Page) check(w http.ResponseWriter, r *http.Request, s *session) {
	ids := []string{}
	if id := r.PostFormValue("task"); id != "" {
		ids = append(ids, id)
	}
	p.did(w, r, s, "/v1/lab/check", map[string]any{"tasks": ids})
}

// answer gives an answer to a task.
func (p *Page) answer(w http.ResponseWriter, r *http.Request, s *session) {
	text := strings.ReplaceAll(r.PostFormValue("answer"), "\r\n", "\n") // as forms send lines
	p.did(w, r, s, "/v1/lab/answer", map[string]any{"task": r.PostFormValue("task"), "text": text})
}

// did asks for something and tells what became of it: a script as JSON, a form by the page again.
func (p *Page) did(w http.ResponseWriter, r *http.Request, s *session, path string, in any) {
	sheet, err := s.sheet(r.Context(), http.MethodPost, path, in)
	if r.Header.Get("X-Token") == "" {
		if !p.lost(w, r, s, err) {
			p.back(w, r, s, err)
		}
		return
	}
	if err != nil {
		status, text := http.StatusBadGateway, say(s.language(), "away")
		var told *control.Error
		if errors.As(err, &told) && told.Status < 500 {
			status, text = told.Status, told.Text
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(text))
		return
	}
	control.WriteJSON(w, s.changed(sheet.Tasks))
}

// back is the page after a form: at the task that it was for.
func (p *Page) back(w http.ResponseWriter, r *http.Request, s *session, err error) {
	if err == nil {
		to(w, "./#task-"+r.PostFormValue("task"))
		return
	}
	lang := s.language()
	page := studentPage{frame: p.frame(r, lang, s), Me: s.me, Told: err.Error()}
	page.Title = inLang(s.me.Title, lang)
	sheet, _ := s.tasks(r.Context())
	page.Sum, page.Blocks = sumOf(sheet.Tasks), laidOut(inLang(s.me.Statement, lang), sheet.Tasks)
	render(w, http.StatusUnprocessableEntity, "student", page)
}

// change is what a script puts into the page.
type change struct {
	Sum   string            `json:"sum,omitempty"`   // how far, in words; only of all tasks
	Cards map[string]string `json:"cards"`           // what is said of a task, HTML, by ID
	State map[string]string `json:"state,omitempty"` // its state, by ID
	Said  map[string]string `json:"said,omitempty"`  // the same in words, to be read out
}

// changed renders what is said of tasks.
func (s *session) changed(tasks []worksheet.Task) change {
	c := change{Cards: map[string]string{}, State: map[string]string{}, Said: map[string]string{}}
	lang := s.language()
	for _, t := range tasks {
		c.Cards[t.ID] = fragment("verdict", card{Task: t, Lang: lang, Token: s.token})
		c.State[t.ID] = stateName(t.State)
		c.Said[t.ID] = t.Title + ": " + say(lang, "state."+stateName(t.State))
	}
	return c
}

// events pushes what changes: each line is an event of a server (text/event-stream), until the browser goes.
func (p *Page) events(w http.ResponseWriter, r *http.Request, s *session) {
	if s.me.Student == "" {
		p.streams(w, r)
		return
	}
	p.streams(w, r, s.taskEvents, func(ctx context.Context, push pushing) error { return p.notices.follow(ctx, s.whom(), push) })
}

// taskEvents pushes the student's tasks when they look otherwise, until ctx or the sandbox ends. Bursts of changes are one.
func (s *session) taskEvents(ctx context.Context, push pushing) error {
	changed := make(chan struct{}, 1)
	go func() {
		defer close(changed)
		_ = s.client.Seat(0).Changes(ctx, s.me.Student, func() error {
			select {
			case changed <- struct{}{}:
			default:
			}
			return nil
		})
	}()
	last := ""
	for range changed {
		sheet, err := s.tasks(ctx)
		if err != nil {
			return err
		}
		c := s.changed(sheet.Tasks)
		c.Sum = sumIn(s.language(), sumOf(sheet.Tasks))
		text, err := json.Marshal(c)
		if err != nil || string(text) == last {
			continue
		}
		last = string(text)
		if err := push("tasks", last); err != nil {
			return err
		}
	}
	return nil
}
