package web

import (
	"bytes"
	"cmp"
	"errors"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"maillab/internal/gradebook"
	"maillab/internal/roster"
)

// gradesPage is the class's marks, and what gradebooks take.
type gradesPage struct {
	frame
	Header []string
	Rows   [][]string
	Files  []gradesFile
	List   int // students of the class list, 0: none was given
	OutOf  string
	Step   string
	Name   string // of the grade item
	Told   []string
	Wrong  string
}

// gradesFile is a form to download, and what a teacher should know of it.
type gradesFile struct {
	Key   string
	Query template.URL
	Told  []string
	Wrong string // why there is none
}

// form is a way in which marks can be had: what it is, and how its file is called.
type form struct {
	key, name, kind string
	wanted          gradebook.Wanted
}

func forms() []form {
	return []form{
		{"csv", "marks.csv", "text/csv; charset=utf-8", gradebook.Wanted{Form: gradebook.AsCSV}},
		{"excel", "notes.csv", "text/csv; charset=utf-8", gradebook.Wanted{Form: gradebook.AsExcel}},
		{"xlsx", "marks.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", gradebook.Wanted{Form: gradebook.AsXLSX}},
		{"pages", "results.html", "application/octet-stream", gradebook.Wanted{Form: gradebook.AsPages}},
		{"moodle.email", "moodle.csv", "text/csv; charset=utf-8", gradebook.Wanted{Form: gradebook.AsImport, By: gradebook.ByEmail}},
		{"moodle.idnumber", "moodle.csv", "text/csv; charset=utf-8", gradebook.Wanted{Form: gradebook.AsImport, By: gradebook.ByNumber}},
		{"moodle.username", "moodle.csv", "text/csv; charset=utf-8", gradebook.Wanted{Form: gradebook.AsImport, By: gradebook.ByUsername}},
	}
}

// maxList bounds an uploaded file, in octets.
const maxList = 2 << 20

// scaleOf reads how points become grades.
func scaleOf(r *http.Request) (scale gradebook.Scale, err error) {
	for name, to := range map[string]*float64{"outof": &scale.OutOf, "step": &scale.Step} {
		if text := strings.ReplaceAll(r.FormValue(name), ",", "."); text != "" {
			var wrong error
			*to, wrong = strconv.ParseFloat(text, 64)
			err = errors.Join(err, wrong)
		}
	}
	if !(scale.OutOf >= 0 && scale.OutOf <= 1000 && scale.Step >= 0 && scale.Step <= 1000) { // nor NaN
		err = errors.Join(err, errors.New("out of bounds"))
	}
	if err != nil {
		return gradebook.Scale{}, err
	}
	return scale, nil
}

// bookOf is the class's marks as its sandboxes have them, with the class list that this browser was given.
func (p teachers) bookOf(r *http.Request, s *session) (gradebook.Book, error) {
	rows, err := newWatch(s.teacher, s.language(), asks{history: true}).whole(r.Context())
	if err != nil {
		return gradebook.Book{}, err
	}
	seats, err := s.teacher.Class(r.Context())
	if err != nil {
		return gradebook.Book{}, err
	}
	b := gradebook.Book{Title: cmp.Or(r.FormValue("name"), p.cfg.Name), Lang: s.language()}
	b.Titles = map[string]string{"fr": b.Title, "en": b.Title}
	var all []gradebook.Entry
	have := map[string]bool{}
	for _, one := range rows {
		have[one.Student] = true
		all = append(all, gradebook.Entry{Seat: one.Seat, Student: one.Student, Did: !one.History.Current().Empty(), Results: one.Results})
	}
	b.Enter(s.class(), all...)
	for _, seat := range seats {
		for _, student := range seat.Students {
			if !have[student] {
				b.Absent = append(b.Absent, student)
			}
		}
	}
	return b, nil
}

// class is the list that this browser was given.
func (s *session) class() roster.Class {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list
}

func (p teachers) grades(w http.ResponseWriter, r *http.Request, s *session) {
	p.showGrades(w, r, s, gradesPage{})
}

func (p teachers) showGrades(w http.ResponseWriter, r *http.Request, s *session, page gradesPage) {
	lang := s.language()
	page.frame = p.frame(r, lang, s)
	page.Title, page.Here, page.List = say(lang, "grades"), "grades", len(s.class().Students)
	page.OutOf, page.Step, page.Name = r.FormValue("outof"), r.FormValue("step"), cmp.Or(r.FormValue("name"), p.cfg.Name)
	scale, err := scaleOf(r)
	if err != nil {
		page.Wrong = say(lang, "grades.scale.wrong")
	}
	book, err := p.bookOf(r, s)
	if p.unknown(w, r, s, err) {
		return
	}
	if err != nil {
		page.Wrong = told(lang, err.Error())
	}
	page.Told = allTold(lang, book.Told())
	page.Header, page.Rows = book.Table(gradebook.Columns(s.class()), scale).Short()
	page.Header = allTold(lang, page.Header)
	for _, f := range forms() {
		file := gradesFile{Key: f.key,
			Query: template.URL(query("form", f.key, "outof", page.OutOf, "step", page.Step, "name", page.Name))} //nolint:gosec // it is escaped as a query
		if f.wanted.Form == gradebook.AsImport { // nobody is left out of the others
			f.wanted.Scale = scale
			_, _, notes, err := f.wanted.File(book)
			if file.Told = allTold(lang, notes); err != nil {
				file.Wrong = refusal(lang, err)
			}
		}
		page.Files = append(page.Files, file)
	}
	status := http.StatusOK
	if page.Wrong != "" {
		status = http.StatusUnprocessableEntity
	}
	render(w, status, "grades", page)
}

func allTold(lang string, lines []string) (all []string) {
	for _, line := range lines {
		all = append(all, told(lang, line))
	}
	return all
}

// refusal says why there is no file.
func refusal(lang string, err error) string {
	if no := (*gradebook.Refused)(nil); errors.As(err, &no) {
		return told(lang, no.What)
	}
	return told(lang, err.Error())
}

// gradesFile is a gradebook to download.
func (p teachers) gradesFile(w http.ResponseWriter, r *http.Request, s *session) {
	for _, f := range forms() {
		if f.key == r.FormValue("form") {
			p.download(w, r, s, f)
			return
		}
	}
	http.NotFound(w, r)
}

// gradesFilled fills in a worksheet of Moodle's.
func (p teachers) gradesFilled(w http.ResponseWriter, r *http.Request, s *session) {
	name, text, err := uploaded(r, "worksheet")
	if err != nil {
		p.showGrades(w, r, s, gradesPage{Wrong: say(s.language(), "grades.nofile")})
		return
	}
	p.download(w, r, s, form{"filled", "filled.csv", "text/csv; charset=utf-8", gradebook.Wanted{Form: gradebook.AsWorksheet, Worksheet: text, Name: name}})
}

func (p teachers) download(w http.ResponseWriter, r *http.Request, s *session, f form) {
	scale, err := scaleOf(r)
	if err != nil {
		p.showGrades(w, r, s, gradesPage{})
		return
	}
	book, err := p.bookOf(r, s)
	if p.unknown(w, r, s, err) {
		return
	}
	var text []byte
	if err == nil {
		f.wanted.Scale, f.wanted.Columns = scale, gradebook.Columns(s.class())
		f.wanted.Say = func(text string) string { return told(s.language(), text) }
		text, _, _, err = f.wanted.File(book)
	}
	if err != nil {
		p.showGrades(w, r, s, gradesPage{Wrong: refusal(s.language(), err)})
		return
	}
	w.Header().Set("Content-Type", f.kind)
	w.Header().Set("Content-Disposition", `attachment; filename="`+f.name+`"`)
	w.Header().Set("Content-Security-Policy", "sandbox; default-src 'none'")
	_, _ = w.Write(text) // the browser went away
}

// gradesList takes the class list for as long as this browser is logged in: whose names, numbers and addresses are in it this
// process knows from nobody else.
func (p teachers) gradesList(w http.ResponseWriter, r *http.Request, s *session) {
	var class roster.Class
	var err error
	if r.PostFormValue("forget") == "" {
		class, err = given(r)
	}
	if err != nil {
		wrong := told(s.language(), err.Error())
		if errors.Is(err, http.ErrMissingFile) {
			wrong = say(s.language(), "grades.nofile")
		}
		p.showGrades(w, r, s, gradesPage{Wrong: wrong})
		return
	}
	s.mu.Lock()
	s.list = class
	s.mu.Unlock()
	to(w, "grades?"+url.Values{"outof": {r.PostFormValue("outof")}, "step": {r.PostFormValue("step")}, "name": {r.PostFormValue("name")}}.Encode())
}

// given is the class list of a form.
func given(r *http.Request) (roster.Class, error) {
	name, text, err := uploaded(r, "list")
	if err != nil {
		return roster.Class{}, err
	}
	class, _, err := roster.Read(name, bytes.NewReader(text), roster.Options{})
	return class, err
}

// uploaded is a file of a form.
func uploaded(r *http.Request, field string) (name string, text []byte, err error) {
	f, header, err := r.FormFile(field)
	if err != nil {
		return "", nil, err
	}
	defer f.Close()
	text, err = io.ReadAll(f)
	if err == nil && len(text) == 0 {
		err = errors.New("the file is empty")
	}
	return header.Filename, text, err
}
