package web

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"maillab/internal/control"
	"maillab/internal/handoff"
	tongues "maillab/internal/say"
)

// teachers is what a teacher's browser may ask of the page: one that came with a code of maillab web. What it asks goes to the
// gateway with the role that the code was turned into; this process has no right of its own to any of it. What it has itself
// (terminals, notices) it shows to nobody whose role the gateway does not know.
type teachers struct{ *Page }

// handle mounts a teacher's pages.
func (p teachers) handle(mux *http.ServeMux) {
	mux.HandleFunc("GET /teacher", p.teach)
	mux.HandleFunc("POST /teacher", p.spend)
	for pattern, do := range map[string]func(http.ResponseWriter, *http.Request, *session){
		"POST /teacher-out":   p.logout,
		"GET /teacher-alive":  p.alive,
		"GET /board":          p.board,
		"GET /board-events":   p.boardEvents,
		"GET /person":         p.person,
		"GET /person-events":  p.personEvents,
		"POST /mark":          p.mark,
		"POST /note":          p.note,
		"POST /copy":          p.copy,
		"GET /reset":          p.askReset,
		"POST /reset":         p.reset,
		"POST /put-back":      p.putBack,
		"GET /look":           p.look,
		"GET /replay":         p.replay,
		"GET /replay-scenes":  p.replayScenes,
		"GET /replay-file":    p.replayFile,
		"GET /lesson":         p.lesson,
		"GET /lesson-events":  p.lessonEvents,
		"GET /waiting":        p.waiting,
		"POST /waiting":       p.markWaiting,
		"GET /grades":         p.grades,
		"GET /grades-file":    p.gradesFile,
		"POST /grades-list":   p.gradesList,
		"POST /grades-filled": p.gradesFilled,
	} {
		mux.HandleFunc(pattern, p.teaching(do))
	}
}

// teach turns a link's code into a session. The code is spent by a POST that the page itself makes, so that nobody's
// look at the link, and no program that follows links, uses it up.
func (p teachers) teach(w http.ResponseWriter, r *http.Request) {
	page := loginPage{frame: p.frame(r, spoken(r), nil), Login: r.FormValue("code")}
	s := p.sessions.of(r)
	switch {
	case s != nil && s.teacher != nil && page.Login == "":
		if err := s.teacher.Known(r.Context()); !p.unknown(w, r, s, err) {
			to(w, "board")
		}
		return
	case page.Login == "":
		page.Problem = say(page.Lang, "teacher.none")
	}
	render(w, http.StatusOK, "teacher", page)
}

func (p teachers) spend(w http.ResponseWriter, r *http.Request) {
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

// teaching lets in a teacher's browser. Another is told what to do: a person on a page, a script in a line.
func (p teachers) teaching(do func(w http.ResponseWriter, r *http.Request, s *session)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s := p.sessions.of(r)
		switch {
		case (s == nil || s.teacher == nil) && strings.Contains(r.Header.Get("Accept"), "text/html"):
			p.nobody(w, r, spoken(r))
		case s == nil || s.teacher == nil:
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = fmt.Fprintln(w, say(spoken(r), "teacher.none"))
		case r.Method == http.MethodPost && !s.sent(r):
			http.Error(w, "this form is not from this page: load the page again", http.StatusForbidden)
		default:
			if lang := r.URL.Query().Get("lang"); lang == "fr" || lang == "en" {
				s.speak(lang)
			}
			do(w, r, s)
		}
	}
}

// nobody says that a browser is no teacher's, or no longer, and what makes it one.
func (p teachers) nobody(w http.ResponseWriter, r *http.Request, lang string) {
	render(w, http.StatusUnauthorized, "teacher", loginPage{frame: p.frame(r, lang, nil), Problem: say(lang, "teacher.none")})
}

// unknown ends a session whose role the gateway does not know any more.
func (p teachers) unknown(w http.ResponseWriter, r *http.Request, s *session, err error) bool {
	if !isStatus(err, http.StatusUnauthorized) {
		return false
	}
	p.sessions.end(r)
	p.nobody(w, r, s.language())
	return true
}

// alive tells a script whether the gateway still knows the browser as the teacher's.
func (p teachers) alive(w http.ResponseWriter, r *http.Request, s *session) {
	switch err := s.teacher.Known(r.Context()); {
	case isStatus(err, http.StatusUnauthorized):
		p.sessions.end(r)
		w.WriteHeader(http.StatusUnauthorized)
	case err != nil:
		w.WriteHeader(http.StatusBadGateway)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// french says what the rest of maillab says, in French.
var french = sync.OnceValue(func() tongues.Tongue { return tongues.In("fr") })

// told is what others say, in a session's language.
func told(lang, text string) string {
	if lang == "fr" {
		return french().Text(text)
	}
	return text
}

// boardPage is the class.
type boardPage struct {
	frame
	Board board
	Wall  bool
	Told  string
}

func (p teachers) board(w http.ResponseWriter, r *http.Request, s *session) {
	lang := s.language()
	page := boardPage{frame: p.frame(r, lang, s), Wall: r.FormValue("wall") != ""}
	page.Title, page.Here = say(lang, "board.title"), "board"
	rows, err := newWatch(s.teacher, lang, asks{doings: true}).whole(r.Context())
	if p.unknown(w, r, s, err) {
		return
	}
	if err != nil {
		page.Told = told(lang, err.Error())
	}
	page.Board = boardOf(rows, lang, page.Wall, p.cfg.Now())
	render(w, http.StatusOK, "board", page)
}

// boardEvents pushes the class when something of it changes.
func (p teachers) boardEvents(w http.ResponseWriter, r *http.Request, s *session) {
	wall := r.FormValue("wall") != ""
	p.pushed(w, r, newWatch(s.teacher, s.language(), asks{doings: true}), "board", func(rows []row) string {
		return fragment("grid", boardPage{frame: p.frame(r, s.language(), s), Board: boardOf(rows, s.language(), wall, p.cfg.Now()), Wall: wall})
	})
}

// pushed sends a part of a page anew whenever it looks otherwise, until the browser goes; it comes again by itself.
func (p teachers) pushed(w http.ResponseWriter, r *http.Request, v *watch, event string, part func([]row) string) {
	p.streams(w, r, func(ctx context.Context, push pushing) error {
		last := ""
		return v.follow(ctx, func(rows []row) error {
			html := part(rows)
			if html == last {
				return nil
			}
			last = html
			return push(event, html)
		})
	})
}
