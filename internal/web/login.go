package web

import (
	"context"
	"encoding/base64"
	"errors"
	"math"
	"net/http"
	"strings"

	"maillab/internal/control"
	"maillab/internal/handoff"
)

// loginPage is what the first page shows.
type loginPage struct {
	frame
	Login, Problem string
}

// home is where everybody begins.
func (p *Page) home(w http.ResponseWriter, r *http.Request) {
	s := p.sessions.of(r)
	lang := r.FormValue("lang")
	if s == nil || s.client == nil {
		render(w, http.StatusOK, "login", loginPage{frame: p.frame(r, spoken(r), nil)})
		return
	}
	if lang == "fr" || lang == "en" {
		s.speak(lang)
	}
	p.student(w, r, s)
}

// login verifies a name and a password in the sandbox that they are for.
func (p *Page) login(w http.ResponseWriter, r *http.Request) {
	name, password, lang := strings.TrimSpace(r.PostFormValue("name")), r.PostFormValue("password"), spoken(r)
	peer := peerOf(r)
	who := peer.Host() + " " + strings.ToLower(name)
	if wait := p.attempts.wait(who); wait > 0 {
		p.again(w, r, http.StatusTooManyRequests, name, say(lang, "login.wait", int(math.Ceil(wait.Seconds()))))
		return
	}
	seats, err := p.desk.Class(r.Context())
	if err != nil {
		p.cfg.Log.Error("asking for the class", "err", err)
		p.again(w, r, http.StatusBadGateway, name, say(lang, "login.away"))
		return
	}
	seat, known := seatOf(seats, name)
	if !known {
		p.attempts.failed(who)
		p.again(w, r, http.StatusUnauthorized, name, say(lang, "login.unknown"))
		return
	}
	s := &session{seat: seat, login: name, password: password, reach: handoff.Reach{Seat: seat, Service: handoff.Student, Peer: peer}}
	if err := p.enter(r.Context(), s); err != nil {
		s.close()
		status, text := http.StatusBadGateway, "login.away"
		if isStatus(err, http.StatusUnauthorized) {
			p.attempts.failed(who)
			status, text = http.StatusUnauthorized, "login.wrong"
		} else {
			p.cfg.Log.Warn("a login", "seat", seat, "err", err)
		}
		p.again(w, r, status, name, say(lang, text))
		return
	}
	p.attempts.succeeded(who)
	s.desks = p.rooms.enter(s.seat, s.me.Account, s.me.Student)
	p.sessions.begin(w, r, s)
	to(w, "./")
}

// enter asks the sandbox who has logged in.
func (p *Page) enter(ctx context.Context, s *session) (err error) {
	s.client = p.client(s.reach).With(http.Header{"Authorization": {
		"Basic " + base64.StdEncoding.EncodeToString([]byte(s.login+":"+s.password))}})
	if strings.ContainsAny(s.login, ":\x00") { // RFC 7617 section 2: no name has a colon
		return &control.Error{Status: http.StatusUnauthorized}
	}
	if s.me, err = s.client.Me(ctx); err == nil {
		s.lang, s.mail = s.me.Lang, p.newMail(s)
	}
	return err
}

// again shows the form with what was wrong.
func (p *Page) again(w http.ResponseWriter, r *http.Request, status int, name, problem string) {
	render(w, status, "login", loginPage{frame: p.frame(r, spoken(r), nil), Login: name, Problem: problem})
}

func (p *Page) logout(w http.ResponseWriter, r *http.Request, _ *session) {
	p.sessions.end(r)
	http.SetCookie(w, &http.Cookie{Name: cookieName(r), MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: callerOf(r).secure})
	to(w, "./")
}

// seatOf is the seat that a name is at: the student's, or the only one that there is.
func seatOf(seats []control.ClassSeat, name string) (seat int, known bool) {
	for _, s := range seats {
		for _, student := range s.Students {
			if strings.EqualFold(student, name) {
				return s.Seat, true
			}
		}
	}
	if len(seats) == 1 && name != "" {
		return seats[0].Seat, true
	}
	return 0, false
}

// isStatus tells whether an error is an answer with a status.
func isStatus(err error, status int) bool {
	var told *control.Error
	return errors.As(err, &told) && told.Status == status
}
