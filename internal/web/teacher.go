package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"maillab/internal/check"
	"maillab/internal/control"
	"maillab/internal/dialogue"
	"maillab/internal/handoff"
	"maillab/internal/progress"
)

// A teacher's browser is one that came with a code of maillab web. What it asks goes to the gateway with the role that the code
// was turned into; this process has no right of its own to any of it.

// teach turns a link's code into a session. The code is spent by a POST that the page itself makes, so that nobody's
// look at the link, and no program that follows links, uses it up.
func (p *Page) teach(w http.ResponseWriter, r *http.Request) {
	if s := p.sessions.of(r); s != nil && s.teacher != nil && r.FormValue("code") == "" {
		to(w, "board")
		return
	}
	render(w, http.StatusOK, "teacher", loginPage{frame: p.frame(r, spoken(r), nil), Login: r.FormValue("code")})
}

func (p *Page) spend(w http.ResponseWriter, r *http.Request) {
	lang := spoken(r)
	role, err := p.desk.Roles(r.Context(), control.Code{Code: r.PostFormValue("code")})
	if err != nil {
		status, text := http.StatusBadGateway, "login.away"
		if isStatus(err, http.StatusForbidden) {
			status, text = http.StatusForbidden, "teacher.spent"
		}
		render(w, status, "teacher", loginPage{frame: p.frame(r, lang, nil), Problem: say(lang, text)})
		return
	}
	s := &session{lang: lang, teacher: p.client(handoff.Reach{Service: handoff.Desk}).With(http.Header{control.RoleHeader: {role.Role}})}
	p.sessions.begin(w, r, s)
	to(w, "board")
}

// teaching lets in a teacher's browser.
func (p *Page) teaching(do func(w http.ResponseWriter, r *http.Request, s *session)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s := p.sessions.of(r)
		switch {
		case s == nil || s.teacher == nil:
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = fmt.Fprintln(w, say(spoken(r), "teacher.none"))
		case r.Method == http.MethodPost && !s.sent(r):
			http.Error(w, "this form is not from this page: load the page again", http.StatusForbidden)
		default:
			do(w, r, s)
		}
	}
}

// boardPage is the class.
type boardPage struct {
	frame
	Board board
	Wall  bool
	Told  string
}

func (p *Page) board(w http.ResponseWriter, r *http.Request, s *session) {
	if lang := r.FormValue("lang"); lang == "fr" || lang == "en" {
		s.speak(lang)
	}
	lang := s.language()
	page := boardPage{frame: p.frame(r, lang, s), Wall: r.FormValue("wall") != ""}
	page.Title = say(lang, "board.title")
	rows, err := newWatch(s.teacher, lang).whole(r.Context())
	if p.unknown(w, r, s, err) {
		return
	}
	if err != nil {
		page.Told = err.Error()
	}
	page.Board = boardOf(rows, lang, page.Wall)
	render(w, http.StatusOK, "board", page)
}

// unknown ends a session whose role the gateway does not know any more.
func (p *Page) unknown(w http.ResponseWriter, r *http.Request, s *session, err error) bool {
	if !isStatus(err, http.StatusUnauthorized) {
		return false
	}
	p.sessions.end(r)
	render(w, http.StatusUnauthorized, "teacher", loginPage{frame: p.frame(r, s.language(), nil), Problem: say(s.language(), "teacher.none")})
	return true
}

// boardEvents pushes the class when something of it changes.
func (p *Page) boardEvents(w http.ResponseWriter, r *http.Request, s *session) {
	out := newEvents(w)
	if !out.send("boot", p.boot) {
		return
	}
	wall, last := r.FormValue("wall") != "", ""
	watch := newWatch(s.teacher, s.language())
	_ = watch.follow(r.Context(), func(rows []row) error { // the browser comes again
		html := fragment("grid", boardPage{frame: p.frame(r, s.language(), s), Board: boardOf(rows, s.language(), wall), Wall: wall})
		if html != last && !out.send("board", html) || html == last && !out.beat() {
			return context.Canceled
		}
		last = html
		return nil
	})
}

// personPage is one student.
type personPage struct {
	frame
	Seat      int
	Student   string
	Results   []check.Result
	Tries     map[string]int
	Dialogues []dialogue.Dialogue
	Told      string
}

// shownDialogues is how many of a student's last dialogues are shown.
const shownDialogues = 12

func (p *Page) person(w http.ResponseWriter, r *http.Request, s *session) {
	p.showPerson(w, r, s, "")
}

func (p *Page) showPerson(w http.ResponseWriter, r *http.Request, s *session, told string) {
	seat, _ := strconv.Atoi(r.FormValue("seat"))
	page := personPage{frame: p.frame(r, s.language(), s), Seat: seat, Student: r.FormValue("student"), Told: told}
	page.Title = page.Student
	checked, err := s.teacher.Check(r.Context(), seat, control.CheckRequest{Students: []string{page.Student}, NoRuns: true})
	if p.unknown(w, r, s, err) {
		return
	}
	if len(checked) == 1 {
		page.Results, page.Tries = checked[0].Results, checked[0].Tries
	}
	all, err2 := s.teacher.Dialogues(r.Context(), seat, page.Student)
	page.Dialogues = all[max(0, len(all)-shownDialogues):]
	slices.Reverse(page.Dialogues)
	status := http.StatusOK
	if err = errors.Join(err, err2); err != nil {
		page.Told, status = err.Error(), http.StatusBadGateway
	}
	render(w, status, "person", page)
}

// mark gives the teacher's word on a task, or takes it back.
func (p *Page) mark(w http.ResponseWriter, r *http.Request, s *session) {
	seat, _ := strconv.Atoi(r.PostFormValue("seat"))
	m := control.Mark{Student: r.PostFormValue("student"), Task: r.PostFormValue("task"), By: "web"}
	if share := r.PostFormValue("share"); share != "" {
		value, err := strconv.ParseFloat(strings.ReplaceAll(share, ",", "."), 64)
		if err != nil || value < 0 || value > 1 {
			p.showPerson(w, r, s, say(s.language(), "mark.wrong"))
			return
		}
		m.Mark = &progress.Mark{Share: value, Comment: strings.TrimSpace(r.PostFormValue("comment")), By: m.By}
	}
	if _, err := s.teacher.Mark(r.Context(), seat, m); err != nil {
		p.showPerson(w, r, s, err.Error())
		return
	}
	to(w, "person?"+query("seat", strconv.Itoa(seat), "student", m.Student)+"#task-"+m.Task)
}

// personEvents pushes what a student types and gets, line by line.
func (p *Page) personEvents(w http.ResponseWriter, r *http.Request, s *session) {
	seat, _ := strconv.Atoi(r.FormValue("seat"))
	out := newEvents(w)
	if !out.send("boot", p.boot) {
		return
	}
	lines := make(chan dialogue.Event)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	go func() {
		defer cancel()
		_ = s.teacher.FollowDialogues(ctx, seat, r.FormValue("student"), func(e dialogue.Event) error {
			select {
			case lines <- e:
			case <-ctx.Done():
			}
			return ctx.Err()
		})
	}()
	pump(ctx, out, lines, func(e dialogue.Event) bool {
		var text bytes.Buffer
		writeLine(&text, e)
		return text.Len() == 0 || out.send("line", text.String())
	})
}

// writeLine is a line of a dialogue as it is shown live.
func writeLine(w *bytes.Buffer, e dialogue.Event) {
	switch e.Line.Kind {
	case dialogue.Command:
		fmt.Fprintf(w, "%s C: %s", e.Service, e.Line.Text)
	case dialogue.Reply:
		fmt.Fprintf(w, "%s S: %s", e.Service, e.Line.Text)
	case dialogue.Data:
		fmt.Fprintf(w, "%s    (%d)", e.Service, e.Line.Bytes)
	}
}
