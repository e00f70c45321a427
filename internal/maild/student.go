package maild

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path"
	"slices"
	"strings"

	"maillab/internal/control"
	"maillab/internal/handoff"
	"maillab/internal/mail"
	"maillab/internal/mail/auth"
	"maillab/internal/spec"
	"maillab/internal/worksheet"
)

// students is the service at which a page asks what a student may see, with the student's own password in each request
// (RFC 7617). It is a part of control, narrowed to whose password it is; who guesses is slowed down as on port 110.
type students struct {
	d      *Daemon
	queue  *handoff.Queue
	server *http.Server
	own    http.Handler // control's
}

// newStudents begins to serve; connections come to the queue.
func newStudents(d *Daemon) *students {
	s := &students{d: d, queue: handoff.NewQueue()}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	s.own = (&Control{Daemon: d}).Handler(d.cfg.Log)
	s.server = &http.Server{Handler: s, Protocols: protocols, ErrorLog: slog.NewLogLogger(d.cfg.Log.Handler(), slog.LevelDebug)}
	go func() { _ = s.server.Serve(s.queue) }() // it ends with close
	return s
}

func (s *students) close() {
	_ = s.queue.Close()
	_ = s.server.Close()
}

// ServeHTTP implements http.Handler.
func (s *students) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, password, _ := r.BasicAuth()
	account, err := s.d.auth.Verify(r.Context(), s.login(user), password, peerHost(remote(r)))
	switch {
	case errors.Is(err, auth.ErrBusy):
		control.WriteError(w, http.StatusServiceUnavailable, err)
	case errors.Is(err, mail.ErrRejected):
		control.WriteError(w, http.StatusUnauthorized, errors.New("unknown name, or wrong password"))
	case err != nil:
		s.d.cfg.Log.Error("a student's login", "err", err)
		control.WriteError(w, http.StatusInternalServerError, errors.New("logins cannot be checked just now"))
	default:
		s.serve(w, r, account)
	}
}

// login is the account that a name means: a student's own name means the first of the student's.
func (s *students) login(user string) string {
	if _, is := s.d.cfg.Spec.Account(user); is {
		return user
	}
	for _, a := range s.d.cfg.Spec.Accounts {
		if a.Student != "" && strings.EqualFold(a.Student, user) {
			return a.Name
		}
	}
	return user
}

// serve answers what is an account's own.
func (s *students) serve(w http.ResponseWriter, r *http.Request, account string) {
	a, _ := s.d.cfg.Spec.Account(account)
	query := r.URL.Query()
	who := worksheet.Student{Name: a.Student, Lang: s.lang(query.Get("lang"), a)}
	switch at := r.URL.Path; {
	case at == "/v1/me":
		control.WriteJSON(w, s.me(a, who))
	case at == "/v1/lab" || strings.HasPrefix(at, "/v1/lab/"):
		worksheet.For(s.d.grading.Desk(), who).ServeHTTP(w, r)
	case a.Student == "" && at != "/v1/log":
		control.WriteError(w, http.StatusForbidden, errors.New("this account is no student's"))
	case slices.Contains([]string{"GET /v1/log", "GET /v1/changes", "GET /v1/dialogues", "GET /v1/dialogue", "GET /v1/messages", "GET /v1/message", "POST /v1/recordings",
		"GET /v1/recordings", "GET /v1/recording"}, r.Method+" "+at):
		query.Set("student", a.Student)
		r.URL.RawQuery = query.Encode()
		s.own.ServeHTTP(w, r)
	default:
		control.WriteError(w, http.StatusForbidden, fmt.Errorf("%s is not for students", at))
	}
}

// lang is what is asked for, where it is a language, else the student's.
func (s *students) lang(asked string, a spec.Account) string {
	for _, lang := range []string{asked, a.Lang, s.d.cfg.Spec.Lang} {
		if lang == "fr" || lang == "en" {
			return lang
		}
	}
	return "en"
}

func (s *students) me(a spec.Account, who worksheet.Student) control.Me {
	sb := s.d.cfg.Spec
	me := control.Me{Student: a.Student, Account: a.Name, Accounts: []string{a.Name}, Lang: who.Lang, Lab: sb.Lab, Title: sb.Title,
		Statement: s.statement(a), Hostname: sb.Hostname, Domain: sb.Domain, Timezone: sb.Timezone}
	for _, other := range sb.Accounts {
		if other.Student != "" && other.Student == a.Student && other.Name != a.Name {
			me.Accounts = append(me.Accounts, other.Name)
		}
	}
	for _, service := range []string{"smtp", "pop3", "imap"} {
		if s.d.Serves(service) {
			me.Services = append(me.Services, service)
		}
	}
	if sb.Services.SSH != nil && s.d.cfg.Students != nil {
		me.Services = append(me.Services, "ssh")
	}
	return me
}

// statement is what a student is to do, by language: the server's, or what lies in the student's home at the start.
func (s *students) statement(a spec.Account) map[string]string {
	if s.d.cfg.Spec.Statement != nil {
		return s.d.cfg.Spec.Statement
	}
	found := map[string]string{}
	for _, f := range s.d.cfg.Spec.Files {
		for _, lang := range []string{"fr", "en"} {
			if f.Account == a.Name && path.Base(f.Path) == "statement."+lang+".md" {
				found[lang] = string(f.Data)
			}
		}
	}
	return found
}

// remote is a request's peer as an address.
func remote(r *http.Request) stringAddr { return stringAddr(r.RemoteAddr) }

// stringAddr is an address as text.
type stringAddr string

func (stringAddr) Network() string  { return "tcp" }
func (a stringAddr) String() string { return string(a) }
