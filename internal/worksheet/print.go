package worksheet

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"maillab/internal/lab/task"
	"maillab/internal/progress"
)

// look is how a state is shown: a sign, its colour (SGR), and its word.
type look struct {
	sign, color string
	word        task.Text
}

func lookOf(s progress.State) look {
	switch s {
	case progress.Passed:
		return look{"✓", "32", task.Text{"fr": "réussi", "en": "passed"}}
	case progress.Failed:
		return look{"✗", "31", task.Text{"fr": "pas encore", "en": "not yet"}}
	case progress.Blocked:
		return look{"·", "90", task.Text{"fr": "fermé", "en": "closed"}}
	case progress.Manual:
		return look{"?", "33", task.Text{"fr": "à voir par l'enseignant", "en": "for the teacher to see"}}
	}
	return look{"-", "0", task.Text{"fr": "à faire", "en": "to do"}}
}

// paint colours a text on a terminal.
func (c *command) paint(color, text string) string {
	if !c.Color {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

// list is one line a task, and the sum.
func (c *command) list(s Sheet) (int, error) {
	wide := 0
	for _, t := range s.Tasks {
		wide = max(wide, utf8.RuneCountInString(t.ID))
	}
	for _, t := range s.Tasks {
		l := lookOf(t.State)
		fmt.Fprintf(c.Out, "%s %-*s  %s\n", c.paint(l.color, l.sign), wide, t.ID, t.Title)
	}
	c.legend(s)
	more := "lab show TASK, lab check"
	if s.Lang == "fr" {
		more = "lab show TÂCHE, lab check"
	}
	fmt.Fprintf(c.Out, "%s  %s\n", c.sum(s), more)
	return ExitDone, nil
}

// sum is the tasks that passed and the points, of those that there are.
func (c *command) sum(s Sheet) string {
	passed, given, all := 0, 0.0, 0
	for _, t := range s.Tasks {
		if t.State == progress.Passed {
			passed++
		}
		given += t.Given
		all += t.Points
	}
	text := "tasks: %d/%d, points: %s/%d."
	if s.Lang == "fr" {
		text = "tâches : %d/%d, points : %s/%d."
	}
	return fmt.Sprintf(text, passed, len(s.Tasks), number(given, s.Lang), all)
}

// legend says what the signs mean that are there.
func (c *command) legend(s Sheet) {
	var words []string
	for _, state := range []progress.State{progress.Passed, progress.Failed, progress.Manual, "", progress.Blocked} {
		if slices.ContainsFunc(s.Tasks, func(t Task) bool { return t.State == state }) {
			l := lookOf(state)
			words = append(words, c.paint(l.color, l.sign)+" "+l.word.In(s.Lang))
		}
	}
	fmt.Fprintf(c.Out, "\n%s\n", strings.Join(words, "   "))
}

// checked tells of each task what was seen.
func (c *command) checked(s Sheet) (int, error) {
	for _, t := range s.Tasks {
		c.heading(s, t)
		c.paragraph(t.Seen)
		c.commented(s, t)
		if t.State == progress.Failed && len(s.Tasks) == 1 && t.Hint != "" { // a screen full of hints is no hint
			c.hinted(s, t)
		}
	}
	if len(s.Tasks) > 1 {
		fmt.Fprintf(c.Out, "\n%s\n", c.sum(s))
	}
	return unpassed(s), nil
}

func (c *command) heading(s Sheet, t Task) {
	l := lookOf(t.State)
	fmt.Fprintf(c.Out, "%s %s  %s (%s)\n", c.paint(l.color, l.sign), c.paint("1", t.ID), t.Title, l.word.In(s.Lang))
}

// whole is a task in full.
func (c *command) whole(s Sheet, t Task) (int, error) {
	c.heading(s, t)
	c.paragraph(t.Ask)
	words := map[string]string{"needs": "after: %s", "answer": "your answer: %s", "open": "opens on %s", "due": "due %s"}
	if s.Lang == "fr" {
		words = map[string]string{"needs": "après : %s", "answer": "votre réponse : %s", "open": "s'ouvre le %s", "due": "à rendre le %s"}
	}
	worth := points(t.Points, s.Lang)
	if t.Given > 0 && t.Given < float64(t.Points) {
		worth = number(t.Given, s.Lang) + "/" + worth
	}
	c.paragraph(worth)
	if len(t.Needs) > 0 {
		c.paragraph(fmt.Sprintf(words["needs"], strings.Join(t.Needs, ", ")))
	}
	if t.Open != "" && t.State == progress.Blocked {
		c.paragraph(fmt.Sprintf(words["open"], t.Open))
	}
	if t.Due != "" {
		c.paragraph(fmt.Sprintf(words["due"], t.Due))
	}
	if t.Answer != "" {
		c.paragraph(fmt.Sprintf(words["answer"], t.Answer))
	}
	c.commented(s, t)
	return ExitDone, nil
}

// commented is what the teacher wrote about the student's work.
func (c *command) commented(s Sheet, t Task) {
	switch {
	case t.Comment == "":
	case s.Lang == "fr":
		c.paragraph("votre enseignant : " + t.Comment)
	default:
		c.paragraph("your teacher: " + t.Comment)
	}
}

// number is points as they are written: 1.5, in French 1,5.
func number(points float64, lang string) string {
	text := strconv.FormatFloat(math.Round(points*1000)/1000, 'f', -1, 64)
	if lang == "fr" {
		text = strings.Replace(text, ".", ",", 1)
	}
	return text
}

// points is how much a task is worth. French has a plural from two on.
func points(n int, lang string) string {
	if n == 1 || n == 0 && lang == "fr" {
		return fmt.Sprintf("%d point", n)
	}
	return fmt.Sprintf("%d points", n)
}

// hint is a task's hint.
func (c *command) hint(s Sheet, t Task) (int, error) {
	c.heading(s, t)
	c.hinted(s, t)
	return ExitDone, nil
}

func (c *command) hinted(s Sheet, t Task) {
	text := t.Hint
	switch {
	case text == "" && s.Lang == "fr":
		text = "pas d'indice pour cette tâche"
	case text == "":
		text = "no hint for this task"
	case s.Lang == "fr":
		text = "Indice : " + text
	default:
		text = "Hint: " + text
	}
	c.paragraph(text)
}

// paragraph writes text below a heading, broken between words.
func (c *command) paragraph(text string) {
	width := c.Width
	if width < 40 {
		width = 80
	}
	const indent = "    "
	line := indent
	for _, word := range strings.Fields(text) {
		if utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width && line != indent {
			fmt.Fprintln(c.Out, line)
			line = indent
		}
		if line != indent {
			line += " "
		}
		line += word
	}
	if line != indent {
		fmt.Fprintln(c.Out, line)
	}
}
