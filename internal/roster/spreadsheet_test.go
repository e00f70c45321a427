package roster

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
)

// TestSpreadsheet: of several sheets the class list, with a title and a header over two rows, groups beside their students, and
// what spreadsheets do to numbers.
func TestSpreadsheet(t *testing.T) {
	f := excelize.NewFile()
	defer f.Close()
	must := func(errs ...error) {
		t.Helper()
		for _, err := range errs {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	must(f.SetCellValue("Sheet1", "A1", "Lisez-moi"))
	_, err := f.NewSheet("M1")
	must(err)
	for cell, value := range map[string]any{
		"A1": "Master 1 ISRI", "A3": "Étudiant", "A4": "Nom", "B4": "Prénom", "C3": "N° étudiant", "D3": "Groupe", "G4": "a note without a column",
		"A5": "Lefèvre", "B5": "Zoé", "C5": 2.0901201e7, "D5": "TP1", "A6": "Martin", "B6": "Léa", "C6": "00901202", "A7": "Martin", "B7": "Léa", "C7": 901203, "D7": "TP2", "G7": "here, too",
		"A9": "Total : 3",
	} {
		must(f.SetCellValue("M1", cell, value))
	}
	zeros := "00000000"
	style, err := f.NewStyle(&excelize.Style{CustomNumFmt: &zeros})
	must(err, f.SetCellStyle("M1", "C7", "C7", style), f.MergeCell("M1", "A3", "B3"), f.MergeCell("M1", "C3", "C4"), f.MergeCell("M1", "D3", "D4"), f.MergeCell("M1", "D5", "D6"))
	var b bytes.Buffer
	must(f.Write(&b))
	read := func(o Options) (Class, Understood) {
		t.Helper()
		class, understood, err := Read("m1.xlsx", bytes.NewReader(b.Bytes()), o)
		must(err)
		keeps(t, "spreadsheet", class)
		return class, understood
	}
	class, understood := read(Options{})
	if diff := cmp.Diff([]string{"Lefèvre Zoé|20901201||TP1", "Martin Léa 00901202|00901202||TP1", "Martin Léa 00901203|00901203||TP2"}, shown(class)); diff != "" {
		t.Error(diff)
	}
	const said = "3 students; sheet «M1» of 2; name from «Nom», «Prénom»; number from «N° étudiant»; group from «Groupe»; 2 lines before the header left out; 1 line below the list left out"
	if understood.String() != said {
		t.Errorf("%s\nwant\n%s", understood, said)
	}
	if class.Students[2].Line != 7 {
		t.Errorf("%+v", class.Students[2])
	}
	if class, _ := read(Options{Group: "TP1"}); len(class.Students) != 2 {
		t.Error(shown(class))
	}
}

// TestSpreadsheetErrors: a cell without a value is told where it stands, unless nobody asks for it.
func TestSpreadsheetErrors(t *testing.T) {
	f := excelize.NewFile()
	defer f.Close()
	for cell, value := range map[string]any{"A1": "name", "B1": "number", "C1": "note", "A2": "alice", "B2": "#N/A", "C2": "#REF!", "A3": "bruno", "B3": 2} {
		if err := f.SetCellValue("Sheet1", cell, value); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	_, _, err := Read("m1.xlsx", &b, Options{})
	if want := "m1.xlsx:2: «number» is the spreadsheet's error #N/A (mend it in the spreadsheet, or open and save it there)"; err == nil || err.Error() != want {
		t.Error(err)
	}
}
