package gradebook

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Form is what a gradebook is written as.
type Form string

// Forms.
const (
	AsCSV       Form = "csv"
	AsExcel     Form = "excel"
	AsXLSX      Form = "xlsx"
	AsPages     Form = "pages"     // for students
	AsImport    Form = "import"    // of grades, for Moodle
	AsWorksheet Form = "worksheet" // of a Moodle assignment
)

// FormOf is the form that a file's name asks for, "" where it asks for none.
func FormOf(file string) Form {
	return map[string]Form{".xlsx": AsXLSX, ".html": AsPages}[strings.ToLower(filepath.Ext(file))]
}

// FormWith is the form for what was said of it; "" is a table for people.
func FormWith(excel, moodle, fill bool, file string, csv bool) Form {
	switch {
	case excel:
		return AsExcel
	case moodle:
		return AsImport
	case fill:
		return AsWorksheet
	case FormOf(file) != "":
		return FormOf(file)
	case file != "" || csv:
		return AsCSV
	}
	return ""
}

// Wanted says what a gradebook is to be.
type Wanted struct {
	Form      Form
	Scale     Scale
	Columns   []string   // of the class list, beside the student
	By        Identifier // AsImport
	Tasks     bool       // AsImport: a column for each task, too
	Worksheet []byte     // AsWorksheet: as it was downloaded
	Name      string     // AsWorksheet: of its file, for messages
	// Say says the names of columns in a file that people open, in their language; nil leaves them in English.
	Say func(text string) string
}

// Judge refuses what nothing can be, in words for who typed it.
func (w Wanted) Judge() error {
	switch {
	case w.Tasks && w.Form != AsImport:
		return errors.New("--tasks goes with --moodle: the others have a column for each task anyway")
	case w.Form == AsImport && !slices.Contains(Identifiers(), w.By):
		return fmt.Errorf("the import of Moodle knows nobody by %q: %s, %s or %s", w.By, ByEmail, ByNumber, ByUsername)
	}
	return nil
}

// File is the book as it is wanted, of how many students, and what a teacher should know of it. An error may be a *Refused.
func (w Wanted) File(b Book) (file []byte, students int, told []string, err error) {
	students = len(b.Students)
	switch w.Form {
	case AsExcel:
		file = b.Table(w.Columns, w.Scale).said(w.Say).Excel()
	case AsXLSX:
		var out bytes.Buffer
		err = b.Table(w.Columns, w.Scale).said(w.Say).XLSX(&out)
		file = out.Bytes()
	case AsPages:
		file, err = b.Pages(w.Scale)
	case AsImport:
		var without LeftOut
		file, without, err = b.Import(w.By, w.Scale, w.Tasks)
		students -= len(without.Unknown) + len(without.Twice)
		told = without.told(w.By)
	case AsWorksheet:
		var f Filled
		file, f, err = Fill(w.Worksheet, b, w.Scale)
		if no := (*Refused)(nil); errors.As(err, &no) {
			err = &Refused{w.Name + ": " + no.What, no.Mend}
		}
		students, told = f.Students, f.told()
	default:
		file = b.Table(w.Columns, w.Scale).CSV()
	}
	return file, students, told, err
}

// Refused is what cannot be made; Mend says what to do.
type Refused struct{ What, Mend string }

func (r *Refused) Error() string { return r.What }

func (l LeftOut) told(by Identifier) []string {
	return lines(group{"left out, without " + string(by) + ", by which Moodle is to know them", l.Unknown},
		group{"left out, with the same " + string(by) + " as another", l.Twice})
}

func (f Filled) told() []string {
	text := fmt.Sprintf("grades filled in: %d, comments: %d", f.Grades, f.Comments)
	if f.Replaced > 0 {
		text += fmt.Sprintf(" (in place of others: %d)", f.Replaced)
	}
	told := []string{text}
	if f.NoFeedback {
		told = append(told, "the worksheet has no column for comments: Feedback comments are off in the assignment")
	}
	return append(told, lines(group{"not in the worksheet", f.Missing}, group{"in the worksheet, not in the class", f.Strangers},
		group{"in the worksheet, and nothing there tells who of the class it is (in Moodle: show ID numbers or e-mail addresses)", f.Doubtful},
		group{"as they were, since Moodle says that their grades cannot be changed", f.Locked})...)
}

// group are people of whom one thing is told.
type group struct {
	what   string
	people []string
}

// lines are those groups that there are.
func lines(all ...group) (told []string) {
	for _, g := range all {
		if len(g.people) > 0 {
			told = append(told, g.what+": "+strings.Join(each(g.people, inList), ", "))
		}
	}
	return told
}

// inList is a name without the comma that would make two of it: Martin, Léa.
func inList(name string) string { return strings.ReplaceAll(name, ",", "") }

// Told is what the numbers do not show: who did nothing, and whose tasks wait.
func (b Book) Told() []string {
	var idle, waiting []string
	for _, s := range b.Students {
		tasks := b.waiting(s)
		switch {
		case !s.Did:
			idle = append(idle, s.called())
		case tasks != nil:
			waiting = append(waiting, fmt.Sprintf("%s (%s)", s.called(), strings.Join(tasks, " ")))
		}
	}
	return lines(group{"left out, since nothing is known of them", b.Absent}, group{"did nothing", idle}, group{"counted as 0 until you mark them", waiting})
}

// waiting are the student's tasks that have an answer which nobody has marked.
func (b Book) waiting(s Student) (ids []string) {
	for _, t := range b.Tasks {
		if s.Marks[t.ID].Waits {
			ids = append(ids, t.ID)
		}
	}
	return ids
}
