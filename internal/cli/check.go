package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"maillab/internal/check"
	"maillab/internal/control"
	"maillab/internal/instance"
	"maillab/internal/lab/task"
	"maillab/internal/screen"
)

// checkJSON is what check -o json prints.
type checkJSON struct {
	Instance string        `json:"instance"`
	Students []studentJSON `json:"students"`
}

type studentJSON struct {
	Seat    int        `json:"seat"`
	Student string     `json:"student"`
	Passed  int        `json:"passed"`
	Total   int        `json:"total"`
	Points  int        `json:"points"`
	Tasks   []taskJSON `json:"tasks"`
}

type taskJSON struct {
	ID     string      `json:"id"`
	State  check.State `json:"state"`
	Points int         `json:"points"`
	Seen   string      `json:"seen"`
	Hint   string      `json:"hint"`
	Answer string      `json:"answer,omitempty"`
	Look   string      `json:"look,omitempty"`   // what the teacher is to look for
	Marked bool        `json:"marked,omitempty"` // the state is the teacher's word
	// CopiedFrom is the student whose token the answer carries.
	CopiedFrom string `json:"copiedFrom,omitempty"`
}

func checkVerb(a *app) *cobra.Command {
	var tasks, columns []string
	var since string
	cmd := &cobra.Command{
		Use:   "check [STUDENT…]",
		Short: "Run the lab's checks",
		Long: `Run the lab's checks for some or all students, inside their sandboxes, side by side. What has passed stays passed until
the next reset; what the teacher marked (maillab mark) stays as it was marked. The exit code is 4 when a task that was
checked has not passed.

-o json prints {"instance","students":[{"seat","student","passed","total","points","tasks":[{"id","state":
"passed|failed|blocked|manual","points","seen","hint"}]}]}; -o csv one row a student with the points of each task, for a
gradebook, which knows the students by a --column of the class list; -o junit a JUnit report. What was seen is told in the language of $LANG, French or English.`,
		Example: `  maillab check
  maillab check alice
  maillab check --task journal --since 30m
  maillab check -o csv --column email > marks.csv`,
		Annotations:       map[string]string{outputForms: "junit"},
		ValidArgsFunction: a.completeStudents,
		RunE: func(cmd *cobra.Command, args []string) error {
			i, err := a.the(cmd.Context())
			if err != nil {
				return err
			}
			from, err := sinceTime(a, since, a.zone(i.Name))
			if err != nil {
				return err
			}
			if err := a.hasTasks(i.Name, tasks); err != nil {
				return err
			}
			beside, err := columnsOf(a, i.Name, columns)
			if err != nil {
				return err
			}
			return runCheck(cmd.Context(), a, i, args, control.CheckRequest{Tasks: tasks, Since: from}, beside)
		},
	}
	cmd.Flags().StringSliceVar(&tasks, "task", nil, "only this task; may be given several times")
	cmd.Flags().StringSliceVar(&columns, "column", nil, "with -o csv: a column of the class list beside the name, such as email; may be given several times")
	cmd.Flags().StringVar(&since, "since", "", "only what was done since: a duration (30m), or a time (14:00 in the lab's time zone, 2026-03-26T14:00:00Z); nothing is remembered")
	_ = cmd.RegisterFlagCompletionFunc("task", a.completeTasks)
	return cmd
}

// outputForms is the annotation of a verb that has more output forms than the others.
const outputForms = "maillab.output"

// sinceTime reads --since: a time of day is one of today's in the lab's zone. Nothing was done since a time to come: it is
// a slip, or somebody else's zone.
func sinceTime(a *app, text string, zone *time.Location) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	now := a.Now().In(zone)
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return now.Add(-d), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		if t, err = time.Parse("15:04", text); err != nil {
			return t, usagef("--since %q is no duration (30m) and no time (14:00, 2026-03-26T14:00:00Z)", text)
		}
		t = time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), 0, 0, zone)
	}
	if t.After(now) {
		return t, usagef("--since %s is yet to come: it is %s in the lab (%s)", text, now.Format("15:04"), zone)
	}
	return t, nil
}

// checkPatience bounds a check: the scripts of a class on a shared server take a while.
const checkPatience = 15 * time.Minute

func runCheck(ctx context.Context, a *app, i running, typed []string, request control.CheckRequest, beside []column) error {
	chosen, err := a.some(i, typed)
	if err != nil {
		return err
	}
	result, failed, err := askCheck(ctx, a, i, chosen, request)
	if err != nil {
		return err
	}
	nameCopies(a, a.folder(i.Name), result)
	if request.Since.IsZero() && len(request.Tasks) == 0 && chosen.All() && len(failed) == 0 {
		if err := keepResults(ctx, a, i.Name, result); err != nil {
			fmt.Fprintf(a.Err, "maillab: the results are not kept: %v\n", err)
		}
	}
	if err := printCheck(a, result, len(typed) == 1, beside); err != nil {
		return err
	}
	if err := a.failures(chosen.Sandboxes, failed); err != nil {
		return err
	}
	for _, s := range result.Students {
		if s.Passed < len(s.Tasks) {
			return silent(exitChecks)
		}
	}
	return nil
}

// keepPatience is how long somebody else may be at work on the instance before results are not kept.
const keepPatience = 10 * time.Second

// keepResults keeps the results where the instance was brought up.
func keepResults(ctx context.Context, a *app, name string, result checkJSON) error {
	if !a.folder(name).Exists() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, keepPatience)
	defer cancel()
	h, err := a.folder(name).Lock(ctx, nil)
	if err != nil {
		return err
	}
	defer h.Release()
	return h.KeepResults(result)
}

// askCheck has the sandboxes check side by side; failed has those that did not answer.
func askCheck(ctx context.Context, a *app, i running, chosen instance.Chosen, request control.CheckRequest) (
	result checkJSON, failed map[int]error, err error) {
	folder := a.folder(i.Name)
	marks, err1 := folder.Marks()
	seats, err2 := folder.Seats()
	if err := errors.Join(err1, err2); err != nil {
		return result, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, checkPatience)
	defer cancel()
	client := i.Client()
	defer client.Close()
	var mu sync.Mutex
	var all []control.CheckedStudent
	seatOf := map[string]int{}
	failed = instance.Each(ctx, chosen.Sandboxes, awake(func(ctx context.Context, s instance.Sandbox) error {
		mine := request
		mine.Students, mine.Marks = chosen.Of(s), marksOf(s, marks)
		checked, err := client.Check(ctx, s.Seat, mine)
		mu.Lock()
		defer mu.Unlock()
		all = append(all, checked...)
		for _, c := range checked {
			if seatOf[c.Student] = s.Seat; s.Seat == 0 {
				seatOf[c.Student] = seats[c.Student].Seat
			}
		}
		return err
	}))
	return checkResult(a, i.Name, all, seatOf), failed, nil
}

// marksOf are the marks of a sandbox's students.
func marksOf(s instance.Sandbox, marks map[string]map[string]bool) map[string]map[string]bool {
	mine := map[string]map[string]bool{}
	for _, student := range s.Students {
		if marks[student] != nil {
			mine[student] = marks[student]
		}
	}
	return mine
}

// checkResult puts what the sandboxes said into the order of the seats, in one language.
func checkResult(a *app, name string, all []control.CheckedStudent, seatOf map[string]int) checkJSON {
	lang := a.language()
	out := checkJSON{Instance: name, Students: []studentJSON{}}
	for _, c := range all {
		s := studentJSON{Seat: seatOf[c.Student], Student: c.Student, Total: len(c.Results), Tasks: []taskJSON{}}
		s.Passed, s.Points = check.Progress(c.Results)
		for _, r := range c.Results {
			s.Tasks = append(s.Tasks, taskJSON{ID: r.ID, State: r.State, Points: r.Points, Seen: r.Seen.In(lang), Hint: r.Hint.In(lang),
				Answer: r.Answer, Look: r.Look.In(lang), Marked: r.Marked, CopiedFrom: r.CopiedFrom})
		}
		out.Students = append(out.Students, s)
	}
	slices.SortStableFunc(out.Students, func(x, y studentJSON) int {
		if x.Seat != y.Seat {
			return x.Seat - y.Seat
		}
		return strings.Compare(x.Student, y.Student)
	})
	return out
}

// language is the user's, as far as labs speak it.
func (a *app) language() string {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if value := a.Getenv(name); value != "" {
			for _, lang := range task.Languages() {
				if strings.HasPrefix(value, lang) {
					return lang
				}
			}
			break
		}
	}
	return "en"
}

// nameCopies tells of wrong answers whose token they carry. Sandboxes of their own know nobody else's, but the class's
// secret, here, makes them all.
func nameCopies(a *app, folder instance.Folder, result checkJSON) {
	secrets, err := folder.Secrets()
	if err != nil {
		fmt.Fprintf(a.Err, "maillab: copied answers are not looked for: %v\n", err)
		return
	}
	seats, err := folder.Seats()
	if err != nil {
		return // told already
	}
	for _, s := range result.Students {
		for t := range s.Tasks {
			one := &s.Tasks[t]
			for other := range seats {
				if one.State != check.Passed && other != s.Student && carries(one.Answer, secrets("token/"+other+"/"+one.ID)) {
					one.CopiedFrom = other
				}
			}
			if one.CopiedFrom != "" {
				one.Seen += " (" + task.Text{"fr": "la réponse porte le code de ", "en": "the answer carries the token of "}.In(a.language()) + one.CopiedFrom + ")"
				fmt.Fprintf(a.Err, "maillab: %s, %s: the answer carries the token of %s\n", s.Student, one.ID, one.CopiedFrom)
			}
		}
	}
}

func carries(answer, token string) bool {
	return strings.Contains(strings.ToLower(answer), strings.ToLower(token))
}

// printCheck prints in the form that was asked for. A single student's table has a row a task.
func printCheck(a *app, result checkJSON, single bool, beside []column) error {
	switch {
	case a.flags.output == "junit":
		return writeJUnit(a.Out, result)
	case a.flags.output == "csv":
		return a.print(gradebook(result, beside))
	case single && len(result.Students) == 1:
		return a.print(taskTable(result, a.room(160)))
	}
	return a.print(classTable(result, a.room(60)))
}

// room is how many characters of a text a table's cell takes: so many on a terminal, all of them elsewhere.
func (a *app) room(most int) int {
	if screen.IsTerminal(a.Out) {
		return most
	}
	return math.MaxInt
}

func classTable(result checkJSON, room int) list {
	l := list{value: result, header: []string{"seat", "student", "passed", "points", "waiting for you", "next"}}
	for _, s := range result.Students {
		var manual []string
		next, closed := "", ""
		for _, t := range s.Tasks {
			switch {
			case t.State == check.Manual:
				manual = append(manual, t.ID)
			case t.State == check.Failed && next == "":
				next = t.ID + ": " + shortened(t.Seen, room)
			case t.State == check.Blocked && closed == "":
				closed = t.ID + ": " + shortened(t.Seen, room)
			}
		}
		l.rows = append(l.rows, []string{fmt.Sprint(s.Seat), s.Student, fmt.Sprintf("%d/%d", s.Passed, s.Total), fmt.Sprint(s.Points),
			dash(strings.Join(manual, " ")), dash(cmp.Or(next, closed))})
	}
	return l
}

func taskTable(result checkJSON, room int) list {
	l := list{value: result, header: []string{"task", "state", "points", "seen"}}
	for _, t := range result.Students[0].Tasks {
		state := string(t.State)
		if t.Marked {
			state += " (marked)"
		}
		seen := t.Seen
		if t.Answer != "" && t.State == check.Manual {
			seen = "“" + t.Answer + "”; " + seen + "; " + t.Look
		}
		l.rows = append(l.rows, []string{t.ID, state, fmt.Sprint(t.Points), shortened(seen, room)})
	}
	return l
}

// shortened is text in one line, cut at so many characters.
func shortened(text string, most int) string {
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}
