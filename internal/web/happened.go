package web

import (
	"context"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"maillab/internal/control"
	"maillab/internal/dialogue"
	"maillab/internal/drawing"
	"maillab/internal/lab/task"
)

// shownMost is how many dialogues, and messages, and lines of the log a page lists: the last ones.
const shownMost = 200

// happenedPage is what a student did at the server's ports, and what came of it.
type happenedPage struct {
	frame
	Me        control.Me
	Dialogues []dialogueRow
	Messages  []control.Message
	Told      string
}

type dialogueRow struct {
	dialogue.Dialogue
	Commands int
	Last     string // the last command
}

// happened lists them, the last ones first.
func (p *Page) happened(w http.ResponseWriter, r *http.Request, s *session) {
	page := happenedPage{frame: p.frame(r, s.language(), s), Me: s.me}
	page.Title, page.Here = say(page.Lang, "happened"), "happened"
	dialogues, err := s.client.Seat(0).Dialogues(r.Context(), s.me.Student)
	if err == nil {
		page.Messages, err = s.client.Seat(0).Messages(r.Context(), s.me.Student)
	}
	if p.lost(w, r, s, err) {
		return
	}
	if err != nil {
		page.Told = say(page.Lang, "away")
	}
	for _, d := range lastFirst(dialogues) {
		row := dialogueRow{Dialogue: d}
		for _, l := range d.Commands() {
			row.Commands, row.Last = row.Commands+1, l.Text
		}
		page.Dialogues = append(page.Dialogues, row)
	}
	page.Messages = lastFirst(page.Messages)
	render(w, http.StatusOK, "happened", page)
}

// lastFirst is the end of a list, backwards.
func lastFirst[V any](all []V) []V {
	all = slices.Clone(all[max(0, len(all)-shownMost):])
	slices.Reverse(all)
	return all
}

// dialoguePage is one dialogue, drawn.
type dialoguePage struct {
	frame
	Me     control.Me
	Of     dialogue.Dialogue
	Ladder template.HTML
	Words  []string
	Queues []string // what mail.log calls the messages that were handed in
	Log    []logLine
}

type logLine struct {
	Text string
	Mine bool // it speaks of one of the messages
}

// dialogue draws one.
func (p *Page) dialogue(w http.ResponseWriter, r *http.Request, s *session) {
	d, err := s.client.Seat(0).Dialogue(r.Context(), s.me.Student, r.FormValue("id"))
	if p.lost(w, r, s, err) {
		return
	}
	if err != nil {
		p.gone(w, r, s)
		return
	}
	page := dialoguePage{frame: p.frame(r, s.language(), s), Me: s.me, Of: d}
	steps := drawing.Steps(d, func(queue string) []byte {
		page.Queues = append(page.Queues, queue)
		m, _ := s.client.Seat(0).Message(r.Context(), s.me.Student, queue) // what did not come into a mailbox of one's own is not shown
		return m.Text
	})
	page.Queues = slices.DeleteFunc(page.Queues, func(id string) bool { return id == "" })
	page.Title, page.Here = say(page.Lang, "dialogue", strings.ToUpper(d.Service)), "happened"
	page.Ladder = template.HTML(drawing.Ladder(d.Service, steps, page.Lang)) //nolint:gosec // drawing escapes what is text
	page.Words = drawing.Told(steps, page.Lang)
	if len(page.Queues) > 0 {
		page.Log = s.log(r.Context(), page.Queues)
	}
	render(w, http.StatusOK, "dialogue", page)
}

// log is the end of mail.log from the first line about one of some messages on.
func (s *session) log(ctx context.Context, queues []string) (lines []logLine) {
	in, err := s.client.Seat(0).Log(ctx, shownMost*5, false)
	if err != nil {
		return nil // the page is about something else
	}
	defer in.Close()
	for text := range linesOf(in) {
		l := logLine{Text: text, Mine: slices.ContainsFunc(queues, func(id string) bool { return strings.Contains(text, id) })}
		if l.Mine || len(lines) > 0 {
			lines = append(lines, l)
		}
	}
	return lines[:min(len(lines), shownMost)]
}

// messagePage is a message, drawn.
type messagePage struct {
	frame
	Me             control.Me
	Of             control.Message
	Picture, Tree  template.HTML
	Words, Missing []task.Text
	Parts          []string
	Source         drawing.Anatomy
}

// message draws one.
func (p *Page) message(w http.ResponseWriter, r *http.Request, s *session) {
	m, err := s.client.Seat(0).Message(r.Context(), s.me.Student, r.FormValue("id"))
	if p.lost(w, r, s, err) {
		return
	}
	if err != nil {
		p.gone(w, r, s)
		return
	}
	page := messagePage{frame: p.frame(r, s.language(), s), Me: s.me, Of: m, Source: drawing.Dissect(m.Text)}
	page.Title, page.Here = say(page.Lang, "message", m.ID), "happened"
	page.Tree, page.Parts = template.HTML(page.Source.Tree(page.Lang)), page.Source.Told(page.Lang) //nolint:gosec // drawing escapes what is text
	page.Missing = page.Source.Missing
	if m.Envelope != nil {
		letter := drawing.Open(*m.Envelope, m.Text)
		page.Picture, page.Words = template.HTML(letter.Picture(page.Lang)), letter.Told() //nolint:gosec // likewise
	}
	render(w, http.StatusOK, "message", page)
}

// gone says that there is no such thing (any more), or that the sandbox is away.
func (p *Page) gone(w http.ResponseWriter, r *http.Request, s *session) {
	page := happenedPage{frame: p.frame(r, s.language(), s), Me: s.me, Told: say(s.language(), "gone")}
	page.Title, page.Here = say(page.Lang, "happened"), "happened"
	render(w, http.StatusNotFound, "happened", page)
}

// clock is a time of day where the class is; of another day with the day.
func clock(zone *time.Location, t time.Time) string {
	if zone == nil { // which nobody knows here
		zone = time.UTC
	}
	if t = t.In(zone); time.Since(t) > 20*time.Hour {
		return t.Format("2006-01-02 15:04:05")
	}
	return t.Format("15:04:05")
}

// places are the pages that a student goes to and fro between.
type places struct {
	Lang, Here string
	All        []place
}

type place struct{ Href, Name string }

// deskAt is the teacher's places, seen from one of them.
func deskAt(lang, here string) places {
	return places{lang, here, []place{
		{"board", say(lang, "board.title")}, {"lesson", say(lang, "lesson")}, {"waiting", say(lang, "waiting")}, {"grades", say(lang, "grades")},
	}}
}

// at is the places, seen from one of them.
func at(lang, here string) places {
	return places{lang, here, []place{
		{"./", say(lang, "statement")}, {"mail", say(lang, "mail")}, {"happened", say(lang, "happened")}, {"log", "mail.log"},
	}}
}
