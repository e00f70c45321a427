package gradebook

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/roster"
)

// TestForms: what is wanted is what is written, and what it lacks is told.
func TestForms(t *testing.T) {
	for form, c := range map[Form]struct {
		begins   string
		students int
		told     []string
	}{
		AsCSV:       {"seat,student,number,grade /20,", 4, nil},
		AsExcel:     {"\ufeffSEAT;STUDENT;NUMBER;GRADE /20;", 4, nil},
		AsXLSX:      {"PK\x03\x04", 4, nil},
		AsPages:     {"<!DOCTYPE html>", 4, nil},
		AsImport:    {"username,\"SMTP, POP et IMAP\",one,two,three,feedback\nzl120,16,", 2, []string{"left out, without username, by which Moodle is to know them: Martin Bruno, =HYPERLINK(\"x\";\"y\")"}},
		AsWorksheet: {"\ufeffIdentifier,", 4, []string{"grades filled in: 1, comments: 1", "in the worksheet, not in the class: Somebody Else", "as they were, since Moodle says that their grades cannot be changed: =HYPERLINK(\"x\";\"y\")"}},
	} {
		w := Wanted{Form: form, Scale: Scale{OutOf: 20}, Columns: []string{"number"}, By: ByUsername, Tasks: form == AsImport, Say: strings.ToUpper, Worksheet: []byte(english)}
		if form == AsWorksheet {
			w.Scale.Step = 0.5 // Chloé has the 3.5 already that she would get
		}
		file, students, told, err := w.File(class())
		if err != nil || !bytes.HasPrefix(file, []byte(c.begins)) {
			t.Errorf("%s: %v, %.80q", form, err, file)
		}
		if diff := cmp.Diff(c.told, told); diff != "" || students != c.students {
			t.Errorf("%s: of %d students: %s", form, students, diff)
		}
	}
}

func TestFormOf(t *testing.T) {
	for file, want := range map[string]Form{"marks.xlsx": AsXLSX, "a.b/MARKS.XLSX": AsXLSX, "r.html": AsPages, "marks.csv": "", "xlsx": "", "": ""} {
		if got := FormOf(file); got != want {
			t.Errorf("%q: %q, want %q", file, got, want)
		}
	}
}

// TestFormWith: what was said first decides, else the file's name.
func TestFormWith(t *testing.T) {
	for _, c := range []struct {
		excel, moodle, fill bool
		file                string
		csv                 bool
		want                Form
	}{
		{want: ""}, {csv: true, want: AsCSV}, {file: "m.csv", want: AsCSV}, {file: "m.xlsx", want: AsXLSX}, {file: "m.html", csv: true, want: AsPages},
		{excel: true, file: "m.csv", want: AsExcel}, {moodle: true, want: AsImport}, {fill: true, file: "f.csv", want: AsWorksheet},
	} {
		if got := FormWith(c.excel, c.moodle, c.fill, c.file, c.csv); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

// TestToldApart: messages name homonyms by what tells them apart, and no name looks like two.
func TestToldApart(t *testing.T) {
	b := Book{Students: []Student{{Student: roster.Student{Key: "ml1", Name: "Martin, Léa"}, Called: "Martin, Léa (1)"}, {Student: roster.Student{Key: "ml2", Name: "Martin, Léa"}, Called: "Martin, Léa (2)"}}}
	if diff := cmp.Diff([]string{"did nothing: Martin Léa (1), Martin Léa (2)"}, b.Told()); diff != "" {
		t.Error(diff)
	}
	pages, err := b.Pages(Scale{})
	if err != nil || !bytes.Contains(pages, []byte("Martin, Léa (1)")) || !bytes.Contains(pages, []byte("Martin, Léa (2)")) {
		t.Errorf("%v, %s", err, pages)
	}
}

func TestJudge(t *testing.T) {
	for _, w := range []Wanted{{}, {Form: AsImport, By: ByEmail}, {Scale: Scale{OutOf: 20, Step: 0.5}}} {
		if err := w.Judge(); err != nil {
			t.Errorf("%+v: %v", w, err)
		}
	}
	for _, w := range []Wanted{{Form: AsImport, By: "name"}, {Form: AsImport}, {Tasks: true}, {Form: AsWorksheet, Tasks: true}} {
		if w.Judge() == nil {
			t.Errorf("%+v can be", w)
		}
	}
}

// TestRefusedByName: of several files on a command line the one that is refused is named.
func TestRefusedByName(t *testing.T) {
	var no *Refused
	_, _, _, err := Wanted{Form: AsWorksheet, Worksheet: []byte("a,b\n"), Name: "list.csv"}.File(class())
	if !errors.As(err, &no) || !strings.HasPrefix(no.What, "list.csv: it has no column") || no.Mend != anew {
		t.Errorf("%v", err)
	}
}
