package web

import (
	"html/template"
	"net/http"
	"time"

	"maillab/internal/drawing"
	"maillab/internal/lab/task"
	"maillab/internal/progress"
)

// lessonPage is how the class gets on over the time.
type lessonPage struct {
	frame
	Pace          progress.Pace
	Course, Times template.HTML
	Words         []string // the course's
	Tasks         []lessonTask
	Told          string
}

// lessonTask is a task's row of the table.
type lessonTask struct {
	progress.TaskPace
	Title task.Text
	Tried int // who tried it and has not passed
}

// lessonPause is how often the plots are drawn anew though no task changes: time goes on in them.
const lessonPause = 30 * time.Second

func (p teachers) lesson(w http.ResponseWriter, r *http.Request, s *session) {
	rows, err := newWatch(s.teacher, s.language(), asks{history: true}).whole(r.Context())
	if p.unknown(w, r, s, err) {
		return
	}
	page := lessonOf(rows, s.language(), s.where(r.Context()), p.cfg.Now())
	if err != nil {
		page.Told = told(s.language(), err.Error())
	}
	page.frame = p.frame(r, s.language(), s)
	page.Title, page.Here = say(page.Lang, "lesson"), "lesson"
	render(w, http.StatusOK, "lesson", page)
}

// lessonEvents pushes the plots when they look otherwise.
func (p teachers) lessonEvents(w http.ResponseWriter, r *http.Request, s *session) {
	v := newWatch(s.teacher, s.language(), asks{history: true})
	v.pause = lessonPause
	zone := s.where(r.Context())
	p.pushed(w, r, v, "lesson", func(rows []row) string {
		page := lessonOf(rows, s.language(), zone, p.cfg.Now())
		page.frame = p.frame(r, s.language(), s)
		return fragment("course", page)
	})
}

// lessonOf draws a class.
func lessonOf(rows []row, lang string, zone *time.Location, now time.Time) lessonPage {
	titles := map[string]task.Text{}
	tried := map[string]int{}
	var tasks []string
	var class []progress.Work
	for _, r := range rows {
		class = append(class, r.History.Current())
		for _, one := range r.Results {
			if titles[one.ID] == nil {
				tasks, titles[one.ID] = append(tasks, one.ID), one.Title
			}
			if one.State != progress.Passed && r.Tries[one.ID] > 0 {
				tried[one.ID]++
			}
		}
	}
	pace := progress.PaceOf(class, tasks, now)
	title := func(id string) string { return titles[id].In(lang) }
	page := lessonPage{Pace: pace, Words: drawing.CourseTold(pace, zone, lang)}
	page.Course = template.HTML(drawing.Course(pace, zone, lang)) //nolint:gosec // drawing escapes what is text
	page.Times = template.HTML(drawing.Times(pace, title, lang))  //nolint:gosec // likewise
	for _, t := range pace.Tasks {
		page.Tasks = append(page.Tasks, lessonTask{t, titles[t.ID], tried[t.ID]})
	}
	return page
}
