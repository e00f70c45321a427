package gradebook

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"maillab/internal/roster"
	"maillab/internal/roster/sheet"
)

// class is three tasks of 2, 1 and 3 points for: who has most of it, who did nothing, who has half a task, and who is
// called like a formula.
func class() Book {
	return Book{
		Title: "SMTP, POP et IMAP",
		Tasks: []Task{{ID: "one", Points: 2}, {ID: "two", Points: 1}, {ID: "three", Points: 3, Titles: map[string]string{"fr": "La <troisième>"}}},
		Students: []Student{
			{Seat: 1, Did: true, Student: person("alice", "Lefèvre, Zoé", "00120", "zoe@univ.fr", "zl120"),
				Marks: map[string]Mark{"one": {Points: 2}, "two": {Points: 1}, "three": {Points: 1.8, Comment: "say <why> & \"how\", c:\\"}}},
			{Seat: 2, Student: person("bruno", "Martin Bruno", "00121", "bruno@univ.fr", "")},
			{Seat: 3, Did: true, Student: person("chloe", "Chloé Petit", "", "Chloe@univ.fr", "cp122"),
				Marks: map[string]Mark{"one": {Points: 1}}},
			{Seat: 4, Did: true, Student: person("=1+1", "=HYPERLINK(\"x\";\"y\")", "00123", "", ""),
				Marks: map[string]Mark{"two": {Comment: "=cmd|' /C calc'!A0\n- and more"}}},
		},
	}
}

func person(key, name, number, email, login string) roster.Student {
	return roster.Student{Key: key, Name: name, Number: number, Email: email,
		Fields: map[string]string{"name": name, "number": number, "email": email, "username": login}}
}

func TestGrade(t *testing.T) {
	for _, c := range []struct {
		scale           Scale
		points, maximum float64
		want            string
	}{
		{Scale{}, 7, 12, "7"},
		{Scale{}, 1.8, 3, "1.8"},
		{Scale{OutOf: 20}, 7, 12, "11.67"},
		{Scale{OutOf: 20, Step: 0.5}, 7, 12, "11.5"},
		{Scale{OutOf: 20, Step: 0.25}, 7, 12, "11.75"},
		{Scale{OutOf: 20, Step: 1}, 7.5, 12, "13"}, // 12.5: halves go up
		{Scale{Step: 0.1}, 0.25, 1, "0.3"},         // so do those that binary cannot say
		{Scale{OutOf: 10, Step: 0.1}, 0.415, 1, "4.2"},
		{Scale{OutOf: 20, Step: 3}, 12, 12, "20"}, // no step leads beyond the best
		{Scale{OutOf: 20}, 0, 12, "0"},
		{Scale{OutOf: 20}, 0, 0, "0"}, // a lab without points
	} {
		if got := decimal(c.scale.Grade(c.points, c.maximum)); got != c.want {
			t.Errorf("%v of %v by %+v: %s, want %s", c.points, c.maximum, c.scale, got, c.want)
		}
	}
}

// TestCSV: a row a student, the maximum in the header, a dash for who did nothing, and nothing that is a formula.
func TestCSV(t *testing.T) {
	rows, err := csv.NewReader(bytes.NewReader(class().Table([]string{"number", "email"}, Scale{OutOf: 20, Step: 0.5}).CSV())).ReadAll()
	want := [][]string{
		{"seat", "student", "number", "email", "grade /20", "points /6", "one /2", "two /1", "three /3", "comments"},
		{"1", "Lefèvre, Zoé", "00120", "zoe@univ.fr", "16", "4.8", "2", "1", "1.8", `three: say <why> & "how", c:\`},
		{"2", "Martin Bruno", "00121", "bruno@univ.fr", "-", "-", "-", "-", "-", ""},
		{"3", "Chloé Petit", "", "Chloe@univ.fr", "3.5", "1", "1", "0", "0", ""},
		{"4", `'=HYPERLINK("x";"y")`, "00123", "", "0", "0", "0", "0", "0", "two: =cmd|' /C calc'!A0\n'- and more"},
	}
	if diff := cmp.Diff(want, rows); diff != "" || err != nil {
		t.Error(err, diff)
	}
	plain := class()
	plain.Students[0].Marks["three"], plain.Students[3].Marks = Mark{}, nil
	if header := plain.Table(nil, Scale{}).Header; strings.Join(header, " ") != "seat student points /6 one /2 two /1 three /3" {
		t.Errorf("without a scale, comments and columns: %q", header)
	}
}

// TestExcel holds to what a French Excel takes a file for that is double-clicked: UTF-8 by its mark, cells by semicolons,
// numbers by commas.
func TestExcel(t *testing.T) {
	text := string(class().Table([]string{"number"}, Scale{OutOf: 20}).Excel())
	rest, marked := strings.CutPrefix(text, "\ufeff")
	if !marked || strings.Contains(rest, "\ufeff") {
		t.Fatalf("the mark: %q", text[:9])
	}
	lines := strings.Split(rest, "\r\n")
	for i, want := range []string{
		"seat;student;number;grade /20;points /6;one /2;two /1;three /3;comments",
		`1;Lefèvre, Zoé;00120;16;4,8;2;1;1,8;"three: say <why> & ""how"", c:\"`,
		"2;Martin Bruno;00121;-;-;-;-;-;",
	} {
		if lines[i] != want {
			t.Errorf("line %d: %q, want %q", i+1, lines[i], want)
		}
	}
}

// TestXLSX reads the workbook with another reader than its writer: types, and what a class list's reader makes of it.
func TestXLSX(t *testing.T) {
	var out bytes.Buffer
	if err := class().Table([]string{"number"}, Scale{OutOf: 20}).XLSX(&out); err != nil {
		t.Fatal(err)
	}
	book, err := sheet.Read(out.Bytes())
	if err != nil || len(book.Sheets) != 1 {
		t.Fatal(err, book.Sheets)
	}
	var rows []string
	for _, row := range book.Sheets[0].Rows {
		rows = append(rows, strings.Join(row.Cells[:5], "|"))
	}
	want := []string{"seat|student|number|grade /20|points /6", "1|Lefèvre, Zoé|00120|16|4.8", "2|Martin Bruno|00121|-|-", "3|Chloé Petit||3.33|1",
		`4|=HYPERLINK("x";"y")|00123|0|0`}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
	f, err := excelize.OpenReader(&out)
	if err != nil {
		t.Fatal(err)
	}
	for cell, want := range map[string]excelize.CellType{"B5": excelize.CellTypeSharedString, "C2": excelize.CellTypeSharedString, "D3": excelize.CellTypeSharedString,
		"D2": excelize.CellTypeUnset, "E2": excelize.CellTypeUnset, "I5": excelize.CellTypeSharedString} { // unset is a number
		if got, err := f.GetCellType(xlsxSheet, cell); got != want || err != nil {
			t.Errorf("%s has type %v, want %v: %v", cell, got, want, err)
		}
	}
	for line := range 5 {
		for column := range 9 {
			at, _ := excelize.CoordinatesToCellName(column+1, line+1)
			if formula, err := f.GetCellFormula(xlsxSheet, at); formula != "" || err != nil {
				t.Errorf("%s: formula %q, %v", at, formula, err)
			}
		}
	}
}

// TestPages: a page a student in the student's language, with the maximum and comments; nothing of it is markup.
func TestPages(t *testing.T) {
	b := class()
	b.Lang, b.Students[2].Lang = "fr", "en"
	page, err := b.Pages(Scale{OutOf: 20})
	if err != nil {
		t.Fatal(err)
	}
	sections := strings.Split(string(page), "<section")[1:]
	if len(sections) != 4 || strings.Contains(string(page), "<script") {
		t.Fatalf("%d pages", len(sections))
	}
	for n, want := range [][]string{
		{`lang="fr"`, "Résultats de <strong>Lefèvre, Zoé</strong>", "<td>La &lt;troisième&gt;</td><td class=\"points\">1,8 / 3</td><td>say &lt;why&gt; &amp; &#34;how&#34;, c:\\</td>",
			"4,8 / 6", "Note\u00a0: 16 / 20"},
		{"Rien n&#39;a été fait."},
		{`lang="en"`, "Results of <strong>Chloé Petit</strong>", "Grade: 3.33 / 20"},
		{"=HYPERLINK(&#34;x&#34;;&#34;y&#34;)", "A0<br>- and more"},
	} {
		for _, text := range want {
			if !strings.Contains(sections[n], text) {
				t.Errorf("page %d lacks %s:\n%s", n+1, text, sections[n])
			}
		}
	}
}

// TestGraded: null for who did nothing, a number for everybody else.
func TestGraded(t *testing.T) {
	b := class()
	b.Students[0].Marks["three"] = Mark{Points: 2. / 3}
	text, err := json.Marshal(b.Graded("monday", Scale{OutOf: 20}))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`{"instance":"monday","title":"SMTP, POP et IMAP","maximum":6,"outOf":20,"students":[{"seat":1,"student":"alice","name":"Lefèvre, Zoé","number":"00120","email":"zoe@univ.fr","username":"zl120","did":true,"points":3.667,"grade":12.22,`,
		`{"id":"three","points":0.667,"maximum":3}`, `"did":false,"points":0,"grade":null,`, `"did":true,"points":0,"grade":0,`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
}

// TestTold: whose marks are not the last word, and who has none; of whom nothing is known no task waits.
func TestTold(t *testing.T) {
	b := class()
	b.Students[1].Marks = map[string]Mark{"one": {Waits: true}}
	b.Students[2].Marks["one"], b.Students[2].Marks["three"] = Mark{Waits: true}, Mark{Waits: true}
	b.Absent = []string{"Eve"}
	want := []string{"left out, since nothing is known of them: Eve", "did nothing: Martin Bruno", "counted as 0 until you mark them: Chloé Petit (one three)"}
	if diff := cmp.Diff(want, b.Told()); diff != "" {
		t.Error(diff)
	}
}
