// Package worksheet is the student's lab command and the daemon's end of it: the tasks of whoever calls, in that
// student's language, with what was seen and a hint, never with the rules. Who calls is known from the kernel, so a
// student sees and answers no tasks but their own.
//
// It is JSON over HTTP on the socket that sendmail uses, too:
//
//	GET  /v1/lab           the sheet: {"student","lang","tasks":[Task]}
//	POST /v1/lab/check     {"tasks":["journal"]}, none is all → the same sheet, evaluated
//	POST /v1/lab/answer    {"task":"journal","text":"4bXyz"} → the sheet with that task alone
//	GET  /v1/lab/zone      in a lab between servers, the student's domain: {"lang", and a zone.Report}
//	GET  /v1/lab/dkim      how its mail is signed: {"lang", and a senders.Report}
//	POST /v1/lab/explain   {"message":"base64"} or {"number":1} → {"steps":[{"title":"…","lines":["…"]}]}, how it is judged
//	GET  /v1/lab/server    whether the student's mail server runs: {"lang","running","waiting"}
//	POST /v1/lab/server    {"run":false} stops it, {"run":true} starts it → the same
//
// An error answer is {"error":"…"} in the student's language. Control has the same (see For), for whoever has no
// account in the sandbox to call it from.
package worksheet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"maillab/internal/check"
	"maillab/internal/lab/task"
	"maillab/internal/mail/senders"
	"maillab/internal/mail/submit"
	"maillab/internal/progress"
	"maillab/internal/spelling"
	"maillab/internal/zone"
)

// Sheet is a student's tasks, in one language.
type Sheet struct {
	Student string `json:"student"`
	Lang    string `json:"lang"`
	Tasks   []Task `json:"tasks"`
}

// Task is one of them.
type Task struct {
	ID      string         `json:"id"`
	Title   string         `json:"title"`
	Ask     string         `json:"ask,omitempty"`
	Points  int            `json:"points"` // what it is worth
	Given   float64        `json:"given"`  // of them
	Needs   []string       `json:"needs,omitempty"`
	State   progress.State `json:"state,omitempty"` // "": not looked at yet
	Seen    string         `json:"seen,omitempty"`  // only when it was evaluated
	Hint    string         `json:"hint,omitempty"`
	Answer  string         `json:"answer,omitempty"`
	Comment string         `json:"comment,omitempty"` // the teacher's
	Open    string         `json:"open,omitempty"`    // as it is told, in the lab's time zone
	Due     string         `json:"due,omitempty"`
}

// Student is who calls.
type Student struct {
	Name string // roster key
	Lang string
}

// Desk is where tasks are checked.
type Desk interface {
	// Student is whose an account's uid is.
	Student(uid int) (Student, bool)
	// Tasks are a student's, with how they were found last, and with the answers given.
	Tasks(student string) ([]task.Task, []check.Result, error)
	// Check evaluates tasks of a student; none is all.
	Check(ctx context.Context, student string, ids []string) ([]check.Result, error)
	// Answer keeps an answer and evaluates its task. It refuses one to a task that is Closed or has no question.
	Answer(ctx context.Context, student, id, text string) (check.Result, error)
	Postmaster
}

// Postmaster knows of the student's own mail server.
type Postmaster interface {
	// Domain is the server's own with its records; ErrNoDomain where the lab gives none.
	Domain(ctx context.Context) (zone.Report, error)
	// Signing is how its mail is signed.
	Signing(ctx context.Context) (senders.Report, error)
	// Explain tells how a message is judged; nil is the one of the student's mailbox that has a number, from 1.
	Explain(ctx context.Context, student string, message []byte, number int) ([]senders.Step, error)
	// Server is the student's own, which is started or stopped first where run says so; ErrNoServer where it is not the student's to stop.
	Server(run *bool) (Server, error)
}

// ErrNoMessage is a Desk's for a number that no message has.
var ErrNoMessage = errors.New("there is no message with this number: lab mail explain takes a file, too")

// ErrNoDomain is a Desk's in a lab in which students have no domains.
var ErrNoDomain = errors.New("this lab gives students no domain")

// ErrNoTask is a Desk's for a task that there is not.
var ErrNoTask = errors.New("no such task")

// mistyped is a task that there is not, for who typed it: near is what may have been meant, "" when nothing is like it.
type mistyped struct{ near string }

func (m mistyped) Error() string { return m.in().In("en") }
func (m mistyped) Unwrap() error { return ErrNoTask }

func (m mistyped) in() task.Text {
	if m.near == "" {
		return task.Text{"fr": "cette tâche n'existe pas : lab tasks les montre toutes", "en": "there is no such task: lab tasks shows them all"}
	}
	return task.Text{"fr": "cette tâche n'existe pas : vouliez-vous dire " + m.near + " ?", "en": "there is no such task: did you mean " + m.near + "?"}
}

// ErrNoQuestion is a Desk's for an answer to a task that asks for none.
var ErrNoQuestion = errors.New("this task has no question: lab check looks at what you have done")

// Closed is a Desk's for an answer to a task that others come before, or that opens later. The answer is not kept.
type Closed struct {
	After []string
	Until time.Time // in the lab's zone
}

func (c Closed) Error() string { return c.in().In("en") }

func (c Closed) in() task.Text {
	if !c.Until.IsZero() {
		at := c.Until.Format(minute)
		return task.Text{"fr": "la tâche est fermée, votre réponse n'est pas gardée : elle s'ouvre le " + at,
			"en": "the task is closed, your answer is not kept: it opens on " + at}
	}
	after := strings.Join(c.After, ", ")
	return task.Text{"fr": "la tâche est fermée, votre réponse n'est pas gardée : elle s'ouvre après " + after,
		"en": "the task is closed, your answer is not kept: it opens after " + after}
}

// What an answer must not be.
var (
	errEmpty   = errors.New("the answer is empty")
	errTooLong = fmt.Errorf("the answer is too long: %d octets at most", maxAnswer)
	errNotText = errors.New("the answer is not text in UTF-8")
)

// errBusy is for who asks for a check while one of his is under way: those that wait would keep the teacher's waiting, too.
var errBusy = errors.New("your tasks are being checked already: wait for that to end")

// maxAnswer bounds an answer, in octets: some questions want a paragraph.
const maxAnswer = 8 << 10

// New makes the handler for callers in the sandbox. It must be served by submit.Serve, which knows them.
func New(d Desk) http.Handler {
	return handler(d, func(r *http.Request) (Student, bool) {
		uid, known := submit.PeerUID(r.Context())
		who, is := d.Student(uid)
		return who, known && is
	})
}

// For makes the handler for one student, whoever calls: it is for control.
func For(d Desk, who Student) http.Handler {
	return handler(d, func(*http.Request) (Student, bool) { return who, true })
}

func handler(d Desk, who func(*http.Request) (Student, bool)) http.Handler {
	s := server{desk: d, who: who, busy: &busy{students: map[string]bool{}}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/lab", caller(s, s.sheet))
	mux.HandleFunc("POST /v1/lab/check", caller(s, alone(s, s.check)))
	mux.HandleFunc("POST /v1/lab/answer", caller(s, alone(s, s.answer)))
	mux.HandleFunc("GET /v1/lab/zone", caller(s, s.domain))
	mux.HandleFunc("GET /v1/lab/dkim", caller(s, s.signing))
	mux.HandleFunc("POST /v1/lab/explain", caller(s, alone(s, s.explain)))
	mux.HandleFunc("GET /v1/lab/server", caller(s, s.server))
	mux.HandleFunc("POST /v1/lab/server", caller(s, s.server))
	return mux
}

type server struct {
	desk Desk
	who  func(*http.Request) (Student, bool) // who calls
	busy *busy
}

// busy are the students of whom something is being checked.
type busy struct {
	mu       sync.Mutex
	students map[string]bool
}

// set tells whether that changed anything.
func (b *busy) set(student string, is bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	was := b.students[student]
	if b.students[student] = is; !is {
		delete(b.students, student)
	}
	return was != is
}

// alone lets each student do this once at a time.
func alone[T any](s server, do func(r *http.Request, who Student) (T, error)) func(r *http.Request, who Student) (T, error) {
	return func(r *http.Request, who Student) (answer T, err error) {
		if !s.busy.set(who.Name, true) {
			return answer, errBusy
		}
		defer s.busy.set(who.Name, false)
		return do(r, who)
	}
}

// caller finds out who calls, and answers.
func caller[T any](s server, do func(r *http.Request, who Student) (T, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, known := s.who(r)
		w.Header().Set("Content-Type", "application/json")
		if !known {
			w.WriteHeader(http.StatusForbidden)
			_ = json.NewEncoder(w).Encode(failure{"ce compte n'est celui d'aucun étudiant / this account is no student's"})
			return
		}
		answer, err := do(r, who)
		if err != nil {
			w.WriteHeader(http.StatusUnprocessableEntity)
			_ = json.NewEncoder(w).Encode(failure{inWords(err, who.Lang)})
			return
		}
		_ = json.NewEncoder(w).Encode(answer) // the caller went away: there is nobody to tell
	}
}

// failure is an error answer.
type failure struct {
	Text string `json:"error"`
}

func inWords(err error, lang string) string {
	if closed := (Closed{}); errors.As(err, &closed) {
		return closed.in().In(lang)
	}
	if wrong := (mistyped{}); errors.As(err, &wrong) {
		return wrong.in().In(lang)
	}
	for _, known := range []struct {
		err error
		in  task.Text
	}{
		{errBusy, task.Text{"fr": "vos tâches sont déjà en cours de vérification : attendez qu'elle se termine", "en": errBusy.Error()}},
		{ErrNoMessage, task.Text{"fr": "aucun message n'a ce numéro : lab mail explain prend aussi un fichier", "en": ErrNoMessage.Error()}},
		{errLarge, task.Text{"fr": fmt.Sprintf("le message est trop long : %d octets au plus", maxMessage), "en": errLarge.Error()}},
		{ErrNoServer, task.Text{"fr": "dans ce TP, le serveur de mail ne s'arrête pas", "en": ErrNoServer.Error()}},
		{ErrNoDomain, task.Text{"fr": "ce TP ne donne pas de domaine", "en": ErrNoDomain.Error()}},
		{ErrNoQuestion, task.Text{"fr": "cette tâche ne pose pas de question : lab check regarde ce que vous avez fait", "en": ErrNoQuestion.Error()}},
		{errEmpty, task.Text{"fr": "la réponse est vide", "en": errEmpty.Error()}},
		{errTooLong, task.Text{"fr": fmt.Sprintf("la réponse est trop longue : %d octets au plus", maxAnswer), "en": errTooLong.Error()}},
		{errNotText, task.Text{"fr": "la réponse n'est pas du texte en UTF-8", "en": errNotText.Error()}},
	} {
		if errors.Is(err, known.err) {
			return known.in.In(lang)
		}
	}
	return err.Error()
}

func (s server) sheet(_ *http.Request, who Student) (Sheet, error) {
	tasks, results, err := s.desk.Tasks(who.Name)
	if err != nil {
		return Sheet{}, err
	}
	return localized(who, tasks, results), nil
}

func (s server) check(r *http.Request, who Student) (Sheet, error) {
	var request struct {
		Tasks []string `json:"tasks"`
	}
	if err := read(r, &request); err != nil {
		return Sheet{}, err
	}
	results, err := s.desk.Check(r.Context(), who.Name, request.Tasks)
	if err != nil {
		return Sheet{}, s.meant(who, err, request.Tasks...)
	}
	return s.with(who, results)
}

func (s server) answer(r *http.Request, who Student) (Sheet, error) {
	var request struct {
		Task string `json:"task"`
		Text string `json:"text"`
	}
	if err := read(r, &request); err != nil {
		return Sheet{}, err
	}
	text := strings.TrimSpace(request.Text)
	switch {
	case text == "":
		return Sheet{}, errEmpty
	case len(text) > maxAnswer:
		return Sheet{}, errTooLong
	case strings.ContainsRune(text, utf8.RuneError): // what was not UTF-8 has become this in JSON
		return Sheet{}, errNotText
	}
	result, err := s.desk.Answer(r.Context(), who.Name, request.Task, text)
	if err != nil {
		return Sheet{}, s.meant(who, err, request.Task)
	}
	return s.with(who, []check.Result{result})
}

// meant finds what a task may have been meant to be that there is not.
func (s server) meant(who Student, err error, ids ...string) error {
	tasks, _, unknown := s.desk.Tasks(who.Name)
	if !errors.Is(err, ErrNoTask) || unknown != nil {
		return err
	}
	var names []string
	for _, t := range tasks {
		names = append(names, t.ID)
	}
	return noTask(names, ids...)
}

// noTask is the error for the first of the tasks asked for that there is not.
func noTask(names []string, asked ...string) error {
	for _, id := range asked {
		if !slices.Contains(names, id) {
			return mistyped{spelling.Nearest(id, names)}
		}
	}
	return mistyped{}
}

// with is the sheet of the tasks that were evaluated.
func (s server) with(who Student, results []check.Result) (Sheet, error) {
	tasks, _, err := s.desk.Tasks(who.Name)
	if err != nil {
		return Sheet{}, err
	}
	var evaluated []task.Task
	for _, t := range tasks {
		for _, r := range results {
			if r.ID == t.ID {
				evaluated = append(evaluated, t)
			}
		}
	}
	return localized(who, evaluated, results), nil
}

func read(r *http.Request, into any) error {
	return json.NewDecoder(http.MaxBytesReader(nil, r.Body, 64<<10)).Decode(into)
}

// localized leaves the rules out.
func localized(who Student, tasks []task.Task, results []check.Result) Sheet {
	sheet := Sheet{Student: who.Name, Lang: who.Lang, Tasks: []Task{}}
	for _, t := range tasks {
		one := Task{ID: t.ID, Title: t.Title.In(who.Lang), Ask: t.Ask.In(who.Lang), Points: t.Points, Needs: t.Needs, Hint: t.Hint.In(who.Lang)}
		for _, r := range results {
			if r.ID == t.ID {
				one.State, one.Seen, one.Answer, one.Given = r.State, r.Seen.In(who.Lang), r.Answer, r.Given
				if r.Mark != nil {
					one.Comment = r.Mark.Comment
				}
				one.Open, one.Due = told(r.Open), told(r.Due)
			}
		}
		sheet.Tasks = append(sheet.Tasks, one)
	}
	return sheet
}

// minute is how times are told to students.
const minute = "2006-01-02 15:04"

func told(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(minute)
}
