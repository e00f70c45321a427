package web

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"maillab/internal/check"
	"maillab/internal/control"
	"maillab/internal/dialogue"
	"maillab/internal/progress"
	"maillab/internal/recording"
)

// personPage is one student.
type personPage struct {
	frame
	personal
	Results    []result
	Dialogues  []dialogue.Dialogue
	Terminals  []openTerminal
	Recordings []recording.Kept
	Copies     []control.Copy
	Done, Told string // what was done, and what went wrong
	Note       string // that was not sent
}

// personal is whom a teacher's page is about.
type personal struct {
	Seat    int
	Student string
}

// of reads whom a request is about.
func of(r *http.Request) personal {
	seat, _ := strconv.Atoi(r.FormValue("seat"))
	return personal{seat, r.FormValue("student")}
}

// page is the student's, as a link.
func (q personal) page() string {
	return "person?" + query("seat", strconv.Itoa(q.Seat), "student", q.Student)
}

// result is a task as a teacher's page shows it.
type result struct {
	check.Result
	Tries int
	Lang  string
}

func resultsOf(c []control.CheckedStudent, lang string) (all []result) {
	for _, one := range c {
		for _, r := range one.Results {
			all = append(all, result{r, one.Tries[r.ID], lang})
		}
	}
	return all
}

// shownDialogues is how many of a student's last dialogues are shown, and shownRecordings how many recordings.
const (
	shownDialogues  = 12
	shownRecordings = 20
)

// dones are what a page says that it was done.
func dones() []string { return []string{"note", "copy", "reset", "back"} }

func (p teachers) person(w http.ResponseWriter, r *http.Request, s *session) {
	page := personPage{}
	if done := r.FormValue("done"); slices.Contains(dones(), done) {
		page.Done = say(s.language(), "person.done."+done)
	}
	p.showPerson(w, r, s, page)
}

// failed shows a student's page with what went wrong.
func (p teachers) failed(w http.ResponseWriter, r *http.Request, s *session, err error) {
	if !p.unknown(w, r, s, err) {
		p.showPerson(w, r, s, personPage{Told: told(s.language(), reasonOf(err)), Note: r.PostFormValue("text")})
	}
}

// reasonOf is an error without whose sandbox it was: the page says that.
func reasonOf(err error) string {
	var answer *control.Error
	if errors.As(err, &answer) {
		return answer.Text
	}
	return err.Error()
}

// showPerson shows a student with what has been filled in.
func (p teachers) showPerson(w http.ResponseWriter, r *http.Request, s *session, page personPage) {
	lang := s.language()
	page.frame, page.personal = p.frame(r, lang, s), of(r)
	page.Title, page.Here, page.Zone = page.Student, "person", s.where(r.Context())
	checked, err := s.teacher.Seat(page.Seat).Check(r.Context(), control.CheckRequest{Students: []string{page.Student}, NoRuns: true})
	if p.unknown(w, r, s, err) {
		return
	}
	page.Results = resultsOf(checked, lang)
	all, err2 := s.teacher.Seat(page.Seat).Dialogues(r.Context(), page.Student)
	page.Dialogues = lastTalks(all)
	page.Terminals, _ = p.rooms.of(page.Seat, page.Student)
	recordings, err3 := s.teacher.Seat(page.Seat).Recordings(r.Context(), page.Student)
	page.Recordings = recordings[max(0, len(recordings)-shownRecordings):]
	slices.Reverse(page.Recordings)
	copies, err4 := s.teacher.Seat(page.Seat).Copies(r.Context(), page.Student)
	if slices.Reverse(copies); isStatus(err4, http.StatusNotFound) { // nothing here copies students' files
		err4 = nil
	}
	page.Copies = copies
	status := http.StatusOK
	if err = cmp.Or(err, err2, err3, err4); err != nil {
		page.Told, status = told(lang, err.Error()), http.StatusBadGateway
	} else if page.Told != "" {
		status = http.StatusUnprocessableEntity
	}
	render(w, status, "person", page)
}

// lastTalks are the last dialogues, the last one first.
func lastTalks(all []dialogue.Dialogue) []dialogue.Dialogue {
	all = slices.Clone(all[max(0, len(all)-shownDialogues):])
	slices.Reverse(all)
	return all
}

// mark gives the teacher's word on a task, or takes it back.
func (p teachers) mark(w http.ResponseWriter, r *http.Request, s *session) {
	q := of(r)
	m, err := wordOf(r, r.PostFormValue("share"))
	if err != nil {
		p.showPerson(w, r, s, personPage{Told: say(s.language(), "mark.wrong")})
		return
	}
	if _, err := s.teacher.Seat(q.Seat).Mark(r.Context(), m); err != nil {
		p.failed(w, r, s, err)
		return
	}
	to(w, q.page()+"#task-"+m.Task)
}

// wordOf reads a mark off a form; "" takes one back.
func wordOf(r *http.Request, word string) (m control.Mark, err error) {
	m = control.Mark{Student: r.PostFormValue("student"), Task: r.PostFormValue("task"), By: "web"}
	if word = strings.ReplaceAll(strings.TrimSpace(word), ",", "."); word == "" {
		return m, nil
	}
	if m.Mark, err = progress.Word(word); err != nil || m.Mark == nil {
		return m, errors.Join(err, errors.New("no mark"))
	}
	m.Mark.Comment, m.Mark.By = strings.TrimSpace(strings.ReplaceAll(r.PostFormValue("comment"), "\r\n", "\n")), m.By
	return m, m.Mark.Check()
}

// personEvents pushes what a student does: each line that is typed and answered, how tasks stand, which terminals are open.
func (p teachers) personEvents(w http.ResponseWriter, r *http.Request, s *session) {
	q := of(r)
	p.streams(w, r,
		func(ctx context.Context, push pushing) error { return p.lines(ctx, s, q, push) },
		func(ctx context.Context, push pushing) error { return p.standing(ctx, s, q, push) },
		func(ctx context.Context, push pushing) error { return p.openTerminals(ctx, s, q, push) })
}

// lines pushes what a student types and gets, and, when a dialogue has ended, the last ones.
func (p teachers) lines(ctx context.Context, s *session, q personal, push pushing) error {
	return s.teacher.Seat(q.Seat).FollowDialogues(ctx, q.Student, func(e dialogue.Event) error {
		var text bytes.Buffer
		if writeLine(&text, e); text.Len() > 0 {
			return push("line", text.String())
		}
		if e.Line.Kind != dialogue.End {
			return nil
		}
		all, err := s.teacher.Seat(q.Seat).Dialogues(ctx, q.Student)
		if err != nil {
			return err
		}
		return push("talks", fragment("talks", personPage{frame: frame{Lang: s.language(), Zone: s.where(ctx)}, Dialogues: lastTalks(all)}))
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

// standing pushes how a student's tasks stand, when one stands otherwise. What the teacher is writing is not touched.
func (p teachers) standing(ctx context.Context, s *session, q personal, push pushing) error {
	last := ""
	return s.teacher.Seat(q.Seat).Changes(ctx, q.Student, func() error {
		checked, err := s.teacher.Seat(q.Seat).Check(ctx, control.CheckRequest{Students: []string{q.Student}, NoRuns: true})
		if err != nil {
			return err
		}
		c := change{Cards: map[string]string{}, State: map[string]string{}}
		for _, one := range resultsOf(checked, s.language()) {
			c.Cards[one.ID], c.State[one.ID] = fragment("standing", one), stateName(one.State)
		}
		text, err := json.Marshal(c)
		if err != nil || string(text) == last {
			return err
		}
		last = string(text)
		return push("tasks", last)
	})
}

// note tells the student something: as mail, and on the page, where the student has it open.
func (p teachers) note(w http.ResponseWriter, r *http.Request, s *session) {
	q, text := of(r), strings.TrimSpace(strings.ReplaceAll(r.PostFormValue("text"), "\r\n", "\n"))
	if err := s.teacher.Seat(q.Seat).Tell(r.Context(), control.Note{Student: q.Student, Text: text}); err != nil {
		p.failed(w, r, s, err)
		return
	}
	p.notices.put(q, text)
	to(w, q.page()+"&done=note")
}

// copy has the student's sandbox keep a copy of what is there.
func (p teachers) copy(w http.ResponseWriter, r *http.Request, s *session) {
	q := of(r)
	if _, err := s.teacher.Seat(q.Seat).Copy(r.Context(), q.Student); err != nil {
		p.failed(w, r, s, err)
		return
	}
	to(w, q.page()+"&done=copy#care")
}

// resetPage asks before something is lost.
type resetPage struct {
	frame
	personal
	Copy   control.Copy // that is to be put back; zero: it is a reset
	Passed int          // tasks
	Total  int
}

// askReset asks whether a student is to be put back to the start, or, with the ID of a copy, to that.
func (p teachers) askReset(w http.ResponseWriter, r *http.Request, s *session) {
	page := resetPage{frame: p.frame(r, s.language(), s), personal: of(r)}
	page.Title, page.Here, page.Zone = page.Student, "person", s.where(r.Context())
	checked, err := s.teacher.Seat(page.Seat).Check(r.Context(), control.CheckRequest{Students: []string{page.Student}, NoRuns: true})
	if err == nil && r.FormValue("copy") != "" {
		var all []control.Copy
		all, err = s.teacher.Seat(page.Seat).Copies(r.Context(), page.Student)
		i := slices.IndexFunc(all, func(c control.Copy) bool { return c.ID == r.FormValue("copy") })
		if err == nil && i < 0 {
			err = errors.New("there is no such copy (any more)")
		} else if err == nil {
			page.Copy = all[i]
		}
	}
	if err != nil {
		p.failed(w, r, s, err)
		return
	}
	for _, one := range resultsOf(checked, page.Lang) {
		if page.Total++; one.State == progress.Passed {
			page.Passed++
		}
	}
	render(w, http.StatusOK, "reset", page)
}

// reset puts a student back to the start. The sandbox keeps a copy first.
func (p teachers) reset(w http.ResponseWriter, r *http.Request, s *session) {
	q := of(r)
	what := control.Reset{Students: []string{q.Student}, Scope: r.PostFormValue("scope"), Keep: true}
	if _, err := s.teacher.Seat(q.Seat).Reset(r.Context(), what); err != nil {
		p.failed(w, r, s, err)
		return
	}
	to(w, q.page()+"&done=reset#care")
}

// putBack puts a student back to a copy. The sandbox keeps another one first.
func (p teachers) putBack(w http.ResponseWriter, r *http.Request, s *session) {
	q := of(r)
	if _, err := s.teacher.Seat(q.Seat).PutBack(r.Context(), control.CopyOf{Student: q.Student, ID: r.PostFormValue("copy")}); err != nil {
		p.failed(w, r, s, err)
		return
	}
	to(w, q.page()+"&done=back#care")
}
