package gradebook

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestForms: what is wanted is what is written, and what it lacks is told.
func TestForms(t *testing.T) {
	for form, c := range map[Form]struct {
		begins string
		told   []string
	}{
		AsCSV:       {"seat,student,number,grade /20,", nil},
		AsExcel:     {"\ufeffseat;student;number;grade /20;", nil},
		AsXLSX:      {"PK\x03\x04", nil},
		AsPages:     {"<!DOCTYPE html>", nil},
		AsImport:    {"username,\"SMTP, POP et IMAP\",one,two,three,feedback\nzl120,16,", []string{"left out, without username, by which Moodle is to know them: Martin Bruno, =HYPERLINK(\"x\";\"y\")"}},
		AsWorksheet: {"\ufeffIdentifier,", []string{"grades filled in: 1, comments: 1", "in the worksheet, not in the class: Somebody Else", "as they were, since Moodle says that their grades cannot be changed: =HYPERLINK(\"x\";\"y\")"}},
	} {
		w := Wanted{Form: form, Scale: Scale{OutOf: 20}, Columns: []string{"number"}, By: ByUsername, Tasks: true, Worksheet: []byte(english)}
		if form == AsWorksheet {
			w.Scale.Step = 0.5 // Chloé has the 3.5 already that she would get
		}
		file, told, err := w.File(class())
		if err != nil || !bytes.HasPrefix(file, []byte(c.begins)) {
			t.Errorf("%s: %v, %.80q", form, err, file)
		}
		if diff := cmp.Diff(c.told, told); diff != "" {
			t.Errorf("%s: %s", form, diff)
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

func TestJudge(t *testing.T) {
	for _, w := range []Wanted{{}, {Form: AsImport, By: ByEmail}, {Scale: Scale{OutOf: 20, Step: 0.5}}} {
		if err := w.Judge(); err != nil {
			t.Errorf("%+v: %v", w, err)
		}
	}
	for _, w := range []Wanted{{Form: AsImport, By: "name"}, {Form: AsImport}, {Scale: Scale{OutOf: -1}}, {Scale: Scale{Step: -0.5}}} {
		if w.Judge() == nil {
			t.Errorf("%+v can be", w)
		}
	}
}

// TestRefusedByName: of several files on a command line the one that is refused is named.
func TestRefusedByName(t *testing.T) {
	var no *Refused
	_, _, err := Wanted{Form: AsWorksheet, Worksheet: []byte("a,b\n"), Name: "list.csv"}.File(class())
	if !errors.As(err, &no) || !strings.HasPrefix(no.What, "list.csv: it has no column") || no.Mend != anew {
		t.Errorf("%v", err)
	}
}
