package gradebook

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"fmt"
	"html"
	"slices"
	"strings"

	"maillab/internal/screen"
)

// Moodle's import of grades, as grade/import/csv/classes/load_data.php and lib/csvlib.class.php read it (4.x, 5.x):
//
//   - Users are found by one column, which is to name exactly one user each; one who is not found, or an empty cell, ends
//     the whole import (older versions gave such a row's grades to the user before). So who has nothing in that column, or
//     what another has, too, is left out and told.
//   - A column that becomes a new item has numbers with a decimal point, and a dash for no grade: an empty cell is a fault in older
//     versions. One that goes to an item which is there may have either.
//   - A value above 100 ends the import, unless the site allows more. The item of a new column is out of 100.
//   - PHP's fgetcsv takes a backslash before a quote for an escape, which RFC 4180 does not know.
//   - Feedback is text in which markup counts (FORMAT_MOODLE). It goes to an item that is there only.

// Identifier is how Moodle's import knows users.
type Identifier string

// Identifiers, called as Moodle's users have them.
const (
	ByEmail    Identifier = "email"
	ByNumber   Identifier = "idnumber"
	ByUsername Identifier = "username"
)

// Identifiers are all of them.
func Identifiers() []Identifier { return []Identifier{ByEmail, ByNumber, ByUsername} }

func (by Identifier) of(s Student) string {
	switch by {
	case ByEmail:
		return s.Email
	case ByNumber:
		return s.Number
	}
	return s.Fields[string(ByUsername)]
}

// LeftOut are students whom an import cannot have.
type LeftOut struct {
	Unknown []string // who has nothing in the column, or what no identifier is
	Twice   []string // who has what another has, too
}

// MoodleMost is the highest grade that Moodle's import takes.
const MoodleMost = 100

// Import is a file for Moodle's import: the identifier, the grade, with tasks a column of points for each task, and the
// teacher's comments where there are any. Who cannot be in it is left out.
func (b Book) Import(by Identifier, scale Scale, tasks bool) (file []byte, without LeftOut, err error) {
	for _, most := range append([]float64{scale.Best(b.Maximum())}, b.columnsMost(tasks)...) {
		if most > MoodleMost {
			return nil, without, &Refused{fmt.Sprintf("the maximum is %s: Moodle takes grades up to %d", decimal(most), MoodleMost),
				fmt.Sprintf("--out-of %d, or 20 for an item that is out of 20", MoodleMost)}
		}
	}
	known, without := b.identified(by)
	if len(known) == 0 {
		return nil, without, &Refused{fmt.Sprintf("nobody has what Moodle is to know them by: %s", by),
			"the class list of the last up says who has one, on the machine where it was brought up"}
	}
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	_ = w.Write(b.importHeader(by, tasks)) // a buffer takes everything
	for _, s := range known {
		_ = w.Write(b.importRow(by, s, scale, tasks))
	}
	w.Flush()
	return out.Bytes(), without, nil
}

func (b Book) columnsMost(tasks bool) (most []float64) {
	if !tasks {
		return nil
	}
	for _, t := range b.Tasks {
		most = append(most, t.Points)
	}
	return most
}

// importHeader names the columns; a new item is called as its column is.
func (b Book) importHeader(by Identifier, tasks bool) []string {
	title := strings.ReplaceAll(strings.Join(strings.Fields(b.Title), " "), `\`, "/")
	header := []string{string(by), cmp.Or(screen.Harmless(title), "grade")}
	if tasks {
		for _, t := range b.Tasks {
			header = append(header, t.ID)
		}
	}
	if b.commented() {
		header = append(header, "feedback")
	}
	return header
}

func (b Book) importRow(by Identifier, s Student, scale Scale, tasks bool) []string {
	row := []string{by.of(s), b.grade(s, scale).String()}
	if tasks {
		for _, t := range b.Tasks {
			row = append(row, s.points(t).String())
		}
	}
	if b.commented() {
		row = append(row, b.feedback(s))
	}
	return row
}

// identified are the students whom an import can have.
func (b Book) identified(by Identifier) (known []Student, without LeftOut) {
	have := map[string]int{}
	for _, s := range b.Students {
		have[strings.ToLower(by.of(s))]++ // Moodle finds addresses and usernames whatever their case
	}
	for _, s := range b.Students {
		switch id := by.of(s); {
		case id == "" || screen.Harmless(id) != id || strings.ContainsAny(id, "\\\"\n\r"):
			without.Unknown = append(without.Unknown, s.called())
		case have[strings.ToLower(id)] > 1:
			without.Twice = append(without.Twice, s.called())
		default:
			known = append(known, s)
		}
	}
	return known, without
}

// feedback are a student's comments as Moodle shows them: HTML in which nothing but the ends of lines is markup. No quote and
// no backslash is in it, so that PHP reads it as it was written, nor what begins a formula in a spreadsheet program.
func (b Book) feedback(s Student) string {
	lines := slices.Clone(b.comments(s))
	for i, line := range lines {
		lines[i] = strings.NewReplacer(`\`, "&#92;", "=", "&#61;", "+", "&#43;", "@", "&#64;", "\r\n", "<br>", "\n", "<br>").Replace(html.EscapeString(line))
	}
	return strings.Join(lines, "<br>")
}
