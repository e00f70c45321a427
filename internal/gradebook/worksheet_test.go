package gradebook

import (
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/roster"
)

// english is a worksheet as Moodle writes it: byte order mark, quotes where there are blanks.
const english = "\ufeff" + `Identifier,"Full name","ID number","Email address",Status,Grade,"Maximum Grade","Grade can be changed","Last modified (submission)","Last modified (grade)","Feedback comments"
"Participant 900110","Zoé Lefèvre",00120,zoe@univ.fr,"Submitted for grading -  - ",,20.00,Yes,"Monday, 2 March 2026, 2:41 PM",-,
"Participant 900111","Bruno Martin",00121,bruno@univ.fr,"No submission -  - ",,20.00,Yes,-,-,
"Participant 900112","Chloé Petit",00122,chloe@univ.fr,"Submitted for grading - Graded -  - ",3.50,20.00,Yes,-,"Tuesday, 3 March 2026, 9:00 AM","<p>old, ""quoted""</p>"
"Participant 900113","'=HYPERLINK(""x"";""y"")",00123,eve@univ.fr,"No submission -  - ",,20.00,No,-,-,
"Participant 900114","Somebody Else",00999,else@univ.fr,"No submission -  - ",7.00,20.00,Yes,-,-,
`

// french is one of another assignment of the same class, with decimal commas and CRLF.
const french = "Identifiant,\"Nom complet\",\"Adresse de courriel\",Statut,Note,\"Note maximale\",\"La note peut être modifiée\",\"Dernière modification (note)\",\"Feedback par commentaires\"\r\n" +
	"Participant900110,\"Zoé Lefèvre\",zoe@univ.fr,\"' -\",,\"6,00\",Oui,-,\r\n" +
	"Participant900112,\"PETIT Chloé\",cp@elsewhere.fr,\"' -\",\"1,00\",\"6,00\",Oui,-,\"\"\r\n"

// cellsOf is what Moodle reads of a worksheet: the cells below the columns that it looks for.
func cellsOf(t *testing.T, file []byte, columns ...string) (all []string) {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(file), "\ufeff"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		var cells []string
		for i, name := range rows[0] {
			for _, column := range columns {
				if name == column {
					cells = append(cells, row[i])
				}
			}
		}
		all = append(all, strings.Join(cells, "|"))
	}
	return all
}

func TestFillEnglish(t *testing.T) {
	file, told, err := Fill([]byte(english), class(), Scale{Step: 0.5})
	if err != nil {
		t.Fatal(err)
	}
	feedback := "three: say &lt;why&gt; &amp; &#34;how&#34;, c:&#92;"
	want := []string{"Participant 900110|16|" + feedback, "Participant 900111||", "Participant 900112|3.50|<p>old, \"quoted\"</p>", "Participant 900113||", "Participant 900114|7.00|"}
	if diff := cmp.Diff(want, cellsOf(t, file, "Identifier", "Grade", "Feedback comments")); diff != "" {
		t.Error(diff)
	}
	wantTold := Filled{Students: 4, Grades: 1, Comments: 1, Strangers: []string{"Somebody Else"}, Locked: []string{`=HYPERLINK("x";"y")`}}
	if diff := cmp.Diff(wantTold, told); diff != "" {
		t.Error(diff)
	}
	// All but the two cells is as it was, octet for octet.
	without := strings.Replace(string(file), `,16,20.00`, `,,20.00`, 1)
	if without = strings.Replace(without, `"`+feedback+`"`, "", 1); without != english {
		t.Errorf("other cells changed:\n%s", cmp.Diff(english, without))
	}
}

func TestFillFrench(t *testing.T) {
	file, told, err := Fill([]byte(french), class(), Scale{})
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(french, "\"' -\",,\"6,00\",Oui,-,\r\n", "\"' -\",\"4,8\",\"6,00\",Oui,-,\"three: say &lt;why&gt; &amp; &#34;how&#34;, c:&#92;\"\r\n", 1)
	if diff := cmp.Diff(want, string(file)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(Filled{Students: 2, Grades: 1, Comments: 1, Missing: []string{"Martin Bruno", `=HYPERLINK("x";"y")`}}, told); diff != "" {
		t.Error(diff)
	}
	again, told, err := Fill(file, class(), Scale{})
	if err != nil || string(again) != string(file) || told.Grades+told.Comments+told.Replaced > 0 {
		t.Errorf("filled again: %v, %+v", err, told)
	}
}

// TestFillTellsWhoIsNotThere: also of who did nothing, so that nobody is missed.
func TestFillTellsWhoIsNotThere(t *testing.T) {
	b := class()
	b.Students = append(b.Students, Student{Student: roster.Student{Key: "idle", Name: "Idle, Ida"}})
	_, told, err := Fill([]byte(english), b, Scale{})
	if err != nil || !slices.Contains(told.Missing, "Idle, Ida") {
		t.Errorf("%v, %+v", err, told)
	}
}

// TestFillReplaces: a grade that is there and differs is replaced, and that is told.
func TestFillReplaces(t *testing.T) {
	b := class()
	b.Students[2].Marks["three"] = Mark{Points: 2, Comment: "better"}
	file, told, err := Fill([]byte(english), b, Scale{})
	if err != nil || told.Replaced != 2 || told.Grades != 2 || told.Comments != 2 {
		t.Errorf("%v, %+v", err, told)
	}
	if row := cellsOf(t, file, "ID number", "Grade", "Feedback comments")[2]; row != "00122|10|three: better" {
		t.Error(row)
	}
}

// TestFillByLogin: sites may show usernames and nothing else that a class list has.
func TestFillByLogin(t *testing.T) {
	const file = "Identifier,Username,Grade,\"Last modified (grade)\"\nParticipant 1,CP122,,-\nParticipant 2,zl120,,-\nParticipant 3,zl120,,-\n"
	filled, told, err := Fill([]byte(file), class(), Scale{OutOf: 20})
	want := "Identifier,Username,Grade,\"Last modified (grade)\"\nParticipant 1,CP122,3.33,-\nParticipant 2,zl120,,-\nParticipant 3,zl120,,-\n"
	if diff := cmp.Diff(want, string(filled)); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if diff := cmp.Diff(Filled{Students: 1, Grades: 1, Strangers: []string{"zl120", "zl120"}, Missing: []string{"Lefèvre, Zoé", "Martin Bruno", `=HYPERLINK("x";"y")`}}, told); diff != "" {
		t.Error(diff)
	}
	commented := class()
	commented.Students[2].Marks["one"] = Mark{Comment: "hm"}
	if _, told, err := Fill([]byte(file), commented, Scale{}); err != nil || !told.NoFeedback || len(told.told()) < 2 {
		t.Errorf("comments without a column: %v, %+v", err, told)
	}
}

// TestFillByNames: names in two columns, and a number without its zeros, as a spreadsheet program leaves them.
func TestFillByNames(t *testing.T) {
	const file = "Identifiant;Prénom;Nom;Numéro d’identification;Note;Dernière modification (note)\nParticipant1;zoe;LEFEVRE;120;;-\nParticipant3;Chloé;Petit;;;-\n"
	filled, told, err := Fill([]byte(file), class(), Scale{OutOf: 12})
	want := "Identifiant;Prénom;Nom;Numéro d’identification;Note;Dernière modification (note)\nParticipant1;zoe;LEFEVRE;120;9.6;-\nParticipant3;Chloé;Petit;;2;-\n"
	if diff := cmp.Diff(want, string(filled)); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if told.Grades != 2 || told.Strangers != nil {
		t.Errorf("%+v", told)
	}
}

// TestHomonymsInAWorksheet: who may be one or the other gets nothing, and is no stranger.
func TestHomonymsInAWorksheet(t *testing.T) {
	twins := class()
	twins.Students[0].Name, twins.Students[0].Number, twins.Students[0].Email = "Martin, Léa", "1", ""
	twins.Students[1].Name, twins.Students[1].Number, twins.Students[1].Email = "Léa Martin", "2", ""
	twins.Students[0].Called, twins.Students[1].Called = "Martin, Léa (1)", "Léa Martin (2)"
	const file = "Identifier,Full name,Grade,Last modified (grade)\nP1,Léa Martin,,-\nP2,Léa Martin,,-\nP3,Somebody Else,,-\n"
	filled, told, err := Fill([]byte(file), twins, Scale{OutOf: 12})
	if err != nil || string(filled) != file {
		t.Errorf("%v: %s", err, filled)
	}
	if diff := cmp.Diff([][]string{{"Léa Martin", "Léa Martin"}, {"Somebody Else"}}, [][]string{told.Doubtful, told.Strangers}); diff != "" {
		t.Error(diff)
	}
}

func TestNoWorksheet(t *testing.T) {
	for name, c := range map[string]struct {
		file, want string
		scale      Scale
	}{
		"nothing":       {"", "no columns", Scale{}},
		"a class list":  {"nom;prénom\nPetit;Chloé\n", "no column «Identifier», «Grade», «Last modified (grade)»; there are: «nom», «prénom»", Scale{}},
		"not UTF-8":     {"Identifiant,Nom\nx,Chlo\xe9\n", "not in UTF-8", Scale{}},
		"anonymous":     {"Identifier,Grade,Last modified (grade)\nParticipant 1,,-\n", "anonymously", Scale{}},
		"scale":         {"Identifier,Full name,Grade,Scale,Last modified (grade)\nParticipant 1,Chloé Petit,,\"bad\ngood\",-\n", "scale of words", Scale{}},
		"short row":     {"Identifier,Full name,Grade,Last modified (grade)\nParticipant 1,Chloé Petit,\n", "Chloé Petit has 3 cells, and the header 4", Scale{}},
		"open quote":    {"Identifier,Full name,Grade,Last modified (grade)\nParticipant 1,\"Chloé Petit,,-\n", "line 2: a quote is not closed", Scale{}},
		"other maximum": {english, "out of 20, not of 10", Scale{OutOf: 10}},
	} {
		_, _, err := Fill([]byte(c.file), class(), c.scale)
		var no *Refused
		if !errors.As(err, &no) || !strings.Contains(no.What, c.want) || no.Mend == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzRecords: every cell is where it is said to be, and edited as it was the file is the same.
func FuzzRecords(f *testing.F) {
	f.Add([]byte(english), byte(','))
	f.Add([]byte(french), byte(';'))
	f.Add([]byte("a,\"b\"\"\r\nc\",\r\n\r\n,\n"), byte(','))
	f.Fuzz(func(t *testing.T, data []byte, separator byte) {
		if strings.IndexByte(",;\t", separator) < 0 {
			return
		}
		all, err := records(data, separator)
		if err != nil {
			return
		}
		var edits []edit
		for _, record := range all {
			if len(record) < 2 {
				return // an empty cell alone is an empty line
			}
			for _, f := range record {
				edits = append(edits, edit{f, f.text})
			}
		}
		again, err := records(edited(data, edits, separator), separator)
		if diff := cmp.Diff(texts(all), texts(again)); diff != "" || err != nil {
			t.Error(err, diff)
		}
	})
}

func texts(all [][]field) (out []string) {
	for _, record := range all {
		for _, f := range record {
			out = append(out, fmt.Sprintf("%q", f.text))
		}
		out = append(out, "")
	}
	return out
}
