package gradebook

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"maillab/internal/roster"
	"maillab/internal/screen"
)

// Moodle's worksheet of an assignment, as mod/assign/gradingtable.php writes it and mod/assign/feedback/offline reads it
// back (3.x to 5.x):
//
//   - Columns are called in the language of who downloads, and looked for in that of who uploads: none may be renamed. The
//     identifier, the grade and when the grade was changed last must be there.
//   - A grade that was changed in Moodle after the download is not overwritten, which the last of these tells: no other
//     cell may change.
//   - A cell for a grade that is empty is passed over; a dash would be a zero. So who did nothing keeps an empty cell. A grade
//     above the maximum is passed over in silence. Versions with several markers pass over zeros, too.
//   - Numbers have the decimal sign of the language, or a point.
//   - Feedback is HTML.

// worksheetColumns are those that are looked for, as they are called in English and French.
func worksheetColumns() map[string][]string {
	return map[string][]string{
		"identifier": {"Identifier", "Identifiant"},
		"grade":      {"Grade", "Note"},
		"most":       {"Maximum grade", "Note maximale"},
		"changeable": {"Grade can be changed", "La note peut être modifiée"},
		"modified":   {"Last modified (grade)", "Dernière modification (note)"},
		"feedback":   {"Feedback comments", "Feedback par commentaires"},
		"scale":      {"Scale", "Barème"},
	}
}

// Filled tells what became of a worksheet.
type Filled struct {
	Students         int      // of the class, in the worksheet
	Grades, Comments int      // that were written
	Replaced         int      // of them in place of others
	Missing          []string // students whom the worksheet does not have
	Strangers        []string // people of the worksheet who are not in the class
	Doubtful         []string // people of the worksheet who may be one of the class or another
	Locked           []string // students whose grade Moodle says cannot be changed: nothing was written
	NoFeedback       bool     // comments have no column: feedback comments are off in the assignment
}

const anew = "in Moodle: the assignment, Submissions, Actions, Download grading worksheet, in English or French; do not save it with another program"

func noWorksheet(format string, args ...any) error {
	return &Refused{fmt.Sprintf(format, args...), anew}
}

// Fill writes grades and comments into a worksheet that was downloaded. Every other octet stays. A grade is out of the
// worksheet's maximum.
func Fill(file []byte, b Book, scale Scale) ([]byte, Filled, error) {
	w, err := readWorksheet(file)
	if err != nil {
		return nil, Filled{}, err
	}
	known := w.known(b)
	filling := filling{worksheet: w, book: b, scale: scale}
	there := map[string]bool{}
	var unknown [][]field
	for i, row := range w.rows {
		s, found := b.student(known[i])
		if !found {
			unknown = append(unknown, row)
			continue
		}
		there[s.Key] = true
		if err := filling.row(row, s); err != nil {
			return nil, Filled{}, err
		}
	}
	filling.told.Students = len(there)
	for _, s := range b.Students {
		if !there[s.Key] {
			filling.told.Missing = append(filling.told.Missing, s.called())
		}
	}
	for _, row := range unknown {
		if slices.ContainsFunc(b.Students, func(s Student) bool { return !there[s.Key] && w.maybe(row, s) }) {
			filling.told.Doubtful = append(filling.told.Doubtful, w.called(row))
		} else {
			filling.told.Strangers = append(filling.told.Strangers, w.called(row))
		}
	}
	return edited(file, filling.edits, w.separator), filling.told, nil
}

// maybe tells whether a row would be a student's if nobody else were there.
func (w *worksheet) maybe(row []field, s Student) bool {
	alone := roster.Given{s.Key: {Name: s.Name, Number: s.Number, Email: s.Email}}
	return roster.Known(alone, []roster.Student{w.student(row)})[0] != ""
}

// student is whom a row speaks of, as a class list would.
func (w *worksheet) student(row []field) roster.Student {
	return roster.Student{Name: w.of(row, "name"), Number: w.of(row, "number"), Email: w.of(row, "email")}
}

func (b Book) student(key string) (Student, bool) {
	i := slices.IndexFunc(b.Students, func(s Student) bool { return key != "" && s.Key == key })
	if i < 0 {
		return Student{}, false
	}
	return b.Students[i], true
}

// worksheet is one that was read.
type worksheet struct {
	separator byte
	comma     bool           // the decimal sign is a comma
	at        map[string]int // the columns of worksheetColumns
	person    map[string]int // the columns of the class list's fields
	rows      [][]field
}

func readWorksheet(file []byte) (w worksheet, err error) {
	if !utf8.Valid(file) {
		return w, noWorksheet("it is not in UTF-8, as Moodle writes it")
	}
	err = noWorksheet("it has no columns")
	widest := 1
	for _, separator := range []byte(",;\t") {
		all, wrong := records(file, separator)
		switch {
		case wrong != nil && widest == 1:
			err = noWorksheet("%v", wrong)
		case wrong == nil && len(all) > 0 && len(all[0]) > widest:
			widest = len(all[0])
			w = worksheet{separator: separator, rows: all[1:]}
			w.understand(all[0])
			err = w.judge(all[0])
		}
	}
	return w, err
}

// understand looks for the columns.
func (w *worksheet) understand(header []field) {
	w.at, w.person = map[string]int{}, map[string]int{}
	for i, f := range header {
		name := strings.TrimSpace(f.text)
		for what, names := range worksheetColumns() {
			if _, before := w.at[what]; !before && slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) }) {
				w.at[what] = i
			}
		}
		if what := roster.Field(name); what != "" {
			if _, before := w.person[what]; !before {
				w.person[what] = i
			}
		}
	}
}

// missing are columns without which nothing is a worksheet, in English.
func (w *worksheet) missing() (names []string) {
	for _, what := range []string{"identifier", "grade", "modified"} {
		if _, there := w.at[what]; !there {
			names = append(names, "«"+worksheetColumns()[what][0]+"»")
		}
	}
	return names
}

func list(header []field) string {
	var names []string
	for _, f := range header {
		names = append(names, "«"+f.text+"»")
	}
	return strings.Join(names, ", ")
}

// judge refuses what Moodle would refuse, or would take for something else.
func (w *worksheet) judge(header []field) error {
	if missing := w.missing(); len(missing) > 0 {
		return noWorksheet("it has no column %s; there are: %s", strings.Join(missing, ", "), list(header))
	}
	for _, row := range w.rows {
		if len(row) != len(header) {
			return noWorksheet("the row of %s has %d cells, and the header %d", w.called(row), len(row), len(header))
		}
		w.comma = w.comma || strings.Contains(w.cell(row, "most")+w.cell(row, "grade"), ",")
	}
	if _, scale := w.at["scale"]; scale {
		return &Refused{"the assignment is graded by a scale of words, not by points", "in Moodle: Settings of the assignment, Grade, Type: Point"}
	}
	for _, what := range []string{"email", "number", "username", "name", "last name"} {
		if _, there := w.person[what]; there {
			return nil
		}
	}
	return &Refused{"it names nobody: the assignment is marked anonymously", "in Moodle: Submissions, Actions, Reveal student identities"}
}

// cell is a row's in one of the columns of worksheetColumns.
func (w *worksheet) cell(row []field, what string) string {
	if i, there := w.at[what]; there && i < len(row) {
		return strings.TrimSpace(row[i].text)
	}
	return ""
}

// of is what a row says in a field of class lists. Moodle puts an apostrophe before what begins a formula.
func (w *worksheet) of(row []field, what string) string {
	i, there := w.person[what]
	switch {
	case !there && what == "name":
		return strings.TrimSpace(w.of(row, "last name") + " " + w.of(row, "first name"))
	case !there || i >= len(row):
		return ""
	}
	text := strings.TrimSpace(row[i].text)
	if rest, found := strings.CutPrefix(text, "'"); found && screen.Harmless(rest) != rest {
		return rest
	}
	return text
}

func (w *worksheet) called(row []field) string {
	for _, what := range []string{"name", "email", "number", "username"} {
		if text := w.of(row, what); text != "" {
			return text
		}
	}
	return w.cell(row, "identifier")
}

// known are the keys of the rows' students: by username where both have one, else as class lists know people.
func (w *worksheet) known(b Book) []string {
	given := roster.Given{}
	for _, s := range b.Students {
		given[s.Key] = roster.Holder{Seat: s.Seat, Name: s.called(), Number: s.Number, Email: s.Email}
	}
	keys := w.byLogin(b)
	var rest []roster.Student
	var at []int
	for i, row := range w.rows {
		if delete(given, keys[i]); keys[i] == "" {
			rest, at = append(rest, w.student(row)), append(at, i)
		}
	}
	for i, key := range roster.Known(given, rest) {
		keys[at[i]] = key
	}
	return keys
}

// byLogin are the keys of students whose username one row has, "" for all others.
func (w *worksheet) byLogin(b Book) []string {
	students, rows := map[string][]string{}, map[string][]int{}
	for _, s := range b.Students {
		login := strings.ToLower(s.Fields["username"])
		students[login] = append(students[login], s.Key)
	}
	for i, row := range w.rows {
		login := strings.ToLower(w.of(row, "username"))
		rows[login] = append(rows[login], i)
	}
	keys := make([]string, len(w.rows))
	for login, at := range rows {
		if login != "" && len(at) == 1 && len(students[login]) == 1 {
			keys[at[0]] = students[login][0]
		}
	}
	return keys
}

// filling is a worksheet being filled.
type filling struct {
	worksheet
	book  Book
	scale Scale
	edits []edit
	told  Filled
}

func (f *filling) row(row []field, s Student) error {
	if slices.Contains([]string{"no", "non"}, strings.ToLower(f.cell(row, "changeable"))) {
		f.told.Locked = append(f.told.Locked, s.called())
		return nil
	}
	scale, err := f.scaled(row)
	if err != nil {
		return err
	}
	before := len(f.edits)
	if s.Did {
		f.grade(row, f.book.grade(s, scale).number)
	}
	if text := f.book.feedback(s); text != "" {
		f.feedback(row, text)
	}
	slices.SortFunc(f.edits[before:], func(a, b edit) int { return a.from - b.from })
	return nil
}

// scaled is the scale with the row's maximum.
func (f *filling) scaled(row []field) (Scale, error) {
	scale := f.scale
	most, ok := number(f.cell(row, "most"))
	if !ok {
		return scale, nil
	}
	if scale.OutOf != 0 && scale.OutOf != most {
		return scale, &Refused{fmt.Sprintf("its grades are out of %s, not of %s", decimal(most), decimal(scale.OutOf)),
			"leave --out-of away, or change the assignment's maximum grade and download the worksheet anew"}
	}
	scale.OutOf = most
	return scale, nil
}

func (f *filling) grade(row []field, grade float64) {
	cell := row[f.at["grade"]]
	had, ok := number(cell.text)
	if ok && decimal(had) == decimal(grade) {
		return
	}
	text := decimal(grade)
	if f.comma {
		text = strings.Replace(text, ".", ",", 1)
	}
	f.told.Grades++
	f.put(cell, text)
}

func (f *filling) feedback(row []field, text string) {
	i, there := f.at["feedback"]
	if !there {
		f.told.NoFeedback = true
		return
	}
	if row[i].text == text {
		return
	}
	f.told.Comments++
	f.put(row[i], text)
}

func (f *filling) put(cell field, text string) {
	if strings.TrimSpace(cell.text) != "" {
		f.told.Replaced++
	}
	f.edits = append(f.edits, edit{cell, text})
}

// number reads one in any language's decimal sign.
func number(text string) (float64, bool) {
	text = strings.ReplaceAll(strings.Join(strings.Fields(text), ""), ",", ".")
	x, err := strconv.ParseFloat(text, 64)
	return x, err == nil
}
