package web

import (
	"crypto/rand"
	"crypto/subtle"
	"net/http"
	"strings"
	"sync"
	"time"

	"maillab/internal/control"
	"maillab/internal/handoff"
	"maillab/internal/roster"
	"maillab/internal/webmail"
)

// session is one browser that has logged in. What it may is in its clients: the password of a student, or the teacher's role.
type session struct {
	token string // of its forms
	born  time.Time

	// Of a student.
	seat     int
	login    string // as typed
	password string
	reach    handoff.Reach // whom connections are for
	client   *control.Client
	me       control.Me
	mail     *webmail.Mail
	desks    *desks

	teacher *control.Client // of a teacher: has the role
	zone    *time.Location  // of the class, as a teacher's pages tell times; nil: not known yet
	list    roster.Class    // that the teacher gave, for gradebooks

	mu   sync.Mutex
	last time.Time
	lang string
}

// Sessions end when nobody has used them for a while, and at the end of the day; and there are no more than so many.
const (
	idleLife    = 4 * time.Hour
	wholeLife   = 16 * time.Hour
	maxSessions = 5000
)

// sent tells whether a request comes from a form or a script of the session's own pages.
func (s *session) sent(r *http.Request) bool {
	token := r.Header.Get("X-Token")
	if token == "" {
		token = r.PostFormValue("token")
	}
	return subtle.ConstantTimeCompare([]byte(token), []byte(s.token)) == 1
}

// language is what the session's pages are in.
func (s *session) language() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lang
}

func (s *session) speak(lang string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lang = lang
}

func (s *session) close() {
	if s.desks != nil {
		s.desks.leave()
	}
	if s.teacher != nil {
		s.teacher.Close()
	}
	if s.client != nil {
		s.client.Close()
	}
	if s.mail != nil {
		s.mail.Close()
	}
}

// sessions are all there are, by the secret in their cookie.
type sessions struct {
	now func() time.Time

	mu  sync.Mutex
	all map[string]*session
}

func newSessions(now func() time.Time) *sessions {
	return &sessions{now: now, all: map[string]*session{}}
}

func newSecret() string { return rand.Text() }

// begin gives a browser a session in place of the one that it may have had.
func (ss *sessions) begin(w http.ResponseWriter, r *http.Request, s *session) {
	ss.end(r)
	now, id := ss.now(), newSecret()
	s.token, s.born, s.last = newSecret(), now, now
	ss.mu.Lock()
	ss.sweep(now)
	ss.all[id] = s
	ss.mu.Unlock()
	http.SetCookie(w, &http.Cookie{ // without a path it is that of the page, wherever a proxy has put it
		Name: cookieName(r), Value: id, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: callerOf(r).secure,
	})
}

// sweep throws away what has ended, and the oldest where there are too many. The lock is held.
func (ss *sessions) sweep(now time.Time) {
	oldest, at := "", now
	for id, s := range ss.all {
		if s.over(now) {
			s.close()
			delete(ss.all, id)
		} else if s.born.Before(at) {
			oldest, at = id, s.born
		}
	}
	if len(ss.all) >= maxSessions && oldest != "" {
		ss.all[oldest].close()
		delete(ss.all, oldest)
	}
}

func (s *session) over(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return now.Sub(s.last) > idleLife || now.Sub(s.born) > wholeLife
}

// of is a request's session, nil without one.
func (ss *sessions) of(r *http.Request) *session {
	cookie, err := r.Cookie(cookieName(r))
	if err != nil {
		return nil
	}
	ss.mu.Lock()
	s := ss.all[cookie.Value]
	ss.mu.Unlock()
	now := ss.now()
	if s == nil || s.over(now) {
		return nil
	}
	s.mu.Lock()
	s.last = now
	s.mu.Unlock()
	return s
}

// end forgets a request's session.
func (ss *sessions) end(r *http.Request) {
	cookie, err := r.Cookie(cookieName(r))
	if err != nil {
		return
	}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if s := ss.all[cookie.Value]; s != nil {
		s.close()
		delete(ss.all, cookie.Value)
	}
}

// cookieName has the port in it: browsers keep the cookies of a host together, and a host may have several classes.
func cookieName(r *http.Request) string {
	_, port, _ := strings.Cut(r.Host[strings.LastIndex(r.Host, "]")+1:], ":")
	return "maillab" + port
}
