package gradebook

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// moodle is what an assignment does with a worksheet that is uploaded, as mod/assign/feedback/offline does it: whose columns
// are called so in the uploader's language, with the decimal sign of that language, out of a maximum.
type moodle struct {
	identifier, grade, modified, feedback string
	decimal                               string
	maximum                               float64
}

func inEnglish() moodle {
	return moodle{"Identifier", "Grade", "Last modified (grade)", "Feedback comments", ".", 20}
}

func inFrench() moodle {
	return moodle{"Identifiant", "Note", "Dernière modification (note)", "Feedback par commentaires", ",", 6}
}

var leading = regexp.MustCompile(`^[+-]?(\d+\.?\d*|\.\d+)`)

// float reads a number as PHP does: blanks away, the language's decimal sign, and what is behind the number is not looked at.
func (m moodle) float(text string) (float64, bool) {
	text = strings.TrimSpace(text)
	if text == "" {
		return 0, false
	}
	text = strings.ReplaceAll(strings.ReplaceAll(text, " ", ""), m.decimal, ".")
	x, _ := strconv.ParseFloat(leading.FindString(text), 64) // what is no number is 0
	return x, true
}

// upload tells what changes, by identifier: "16 <p>…</p>". An error is what Moodle refuses.
func (m moodle) upload(file string) (changes map[string]string, err error) {
	rows := phpCSV(strings.ReplaceAll(strings.TrimPrefix(file, "\ufeff"), "\r\n", "\n"))
	at := map[string]int{}
	for i, name := range rows[0] {
		at[name] = i
	}
	for _, name := range []string{m.identifier, m.grade, m.modified} {
		if _, there := at[name]; !there {
			return nil, fmt.Errorf("no column %s", name)
		}
	}
	changes = map[string]string{}
	for _, row := range rows[1:] {
		if len(row) != len(rows[0]) {
			return nil, fmt.Errorf("%d cells below %d", len(row), len(rows[0]))
		}
		grade, given := m.float(row[at[m.grade]])
		if given && grade >= 0 && grade <= m.maximum {
			changes[row[at[m.identifier]]] = fmt.Sprintf("%g %s", grade, row[at[m.feedback]])
		}
	}
	return changes, nil
}

// TestUpload: what Moodle makes of a filled worksheet is what was meant, in both languages.
func TestUpload(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		moodle
		want map[string]string
	}{
		"English": {english, inEnglish(), map[string]string{"Participant 900110": "16 three: say &lt;why&gt; &amp; &#34;how&#34;, c:&#92;",
			"Participant 900112": "3.33 <p>old, \"quoted\"</p>", "Participant 900114": "7 "}},
		"French": {french, inFrench(), map[string]string{"Participant900110": "4.8 three: say &lt;why&gt; &amp; &#34;how&#34;, c:&#92;", "Participant900112": "1 "}},
	} {
		filled, _, err := Fill([]byte(c.file), class(), Scale{})
		if err != nil {
			t.Fatal(name, err)
		}
		changes, err := c.upload(string(filled))
		if diff := cmp.Diff(c.want, changes); diff != "" || err != nil {
			t.Errorf("%s: %v, %s", name, err, diff)
		}
	}
}

// TestUploadNothing: who did nothing is passed over, as the empty cell is; the dash of an import would be a zero here.
func TestUploadNothing(t *testing.T) {
	b := class()
	for i := range b.Students {
		b.Students[i].Did, b.Students[i].Marks = false, nil
	}
	filled, told, err := Fill([]byte(french), b, Scale{})
	if err != nil || string(filled) != french || len(told.Missing) != 2 {
		t.Errorf("%v, %+v:\n%s", err, told, filled)
	}
	if x, given := inFrench().float("-"); x != 0 || !given {
		t.Error("a dash is no zero: the rule has gone")
	}
}

// TestUploadExtremes: nothing that is written is above the maximum, which Moodle passes over in silence, or below nothing.
func TestUploadExtremes(t *testing.T) {
	for _, step := range []float64{0, 0.1, 0.5, 3, 7} {
		for _, points := range []float64{0, 1. / 3, 5.999999, 6} {
			b := class()
			b.Students[0].Marks = map[string]Mark{"three": {Points: points}}
			filled, _, err := Fill([]byte(english), b, Scale{Step: step})
			if err != nil {
				t.Fatal(err)
			}
			changes, err := inEnglish().upload(string(filled))
			if _, changed := changes["Participant 900110"]; !changed || err != nil {
				t.Errorf("%g points in steps of %g: %v, %v", points, step, changes, err)
			}
		}
	}
}

// excelCells splits a CSV as a spreadsheet program does: quotes count at the beginning of a cell only, and what stands behind a
// closing quote belongs to the cell.
func excelCells(text string, separator rune) (cells []string) {
	var cell strings.Builder
	inside, begin := false, true
	runes := []rune(text)
	for i := 0; i < len(runes); i++ {
		switch c := runes[i]; {
		case inside && c == '"' && i+1 < len(runes) && runes[i+1] == '"':
			i++
			cell.WriteRune('"')
		case c == '"' && (inside || begin):
			inside, begin = !inside, false
		case !inside && (c == separator || c == '\n'):
			cells, begin = append(cells, cell.String()), true
			cell.Reset()
		default:
			begin = false
			cell.WriteRune(c)
		}
	}
	return append(cells, cell.String())
}

// FuzzNoFormula: whatever a student is called, and whichever separator the file is opened with, no cell is a formula.
func FuzzNoFormula(f *testing.F) {
	for _, name := range []string{"=1+1", "a;=1", "a,\"=1", "\t@x", "x\n=1", "a \" ; +1", "Lefèvre, Zoé", "\"\"=1", "a;\u00a0=1", "\r\n-2+3"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		b := class()
		b.Students = b.Students[:1]
		b.Students[0].Name, b.Students[0].Marks = name, map[string]Mark{"one": {Comment: name}}
		table := b.Table(nil, Scale{})
		for _, file := range [][]byte{table.CSV(), table.Excel()} {
			text := strings.ReplaceAll(strings.TrimPrefix(string(file), "\ufeff"), "\r", "\n")
			for _, separator := range ",;\t" {
				for _, cell := range excelCells(text, separator) {
					cell = strings.TrimSpace(cell)
					if cell != "-" && cell != "" && strings.ContainsRune("=+-@", rune(cell[0])) {
						t.Fatalf("%q, by %q: a cell is %q in\n%s", name, separator, cell, file)
					}
				}
			}
		}
	})
}
