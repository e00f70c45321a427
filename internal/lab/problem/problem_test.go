package problem

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// TestNew: what is quoted is told by its beginning and end where it is long, whatever verb it is for; numbers are as they are.
func TestNew(t *testing.T) {
	long := "begin" + strings.Repeat("é", 30000) + "end"
	cut := "begin" + strings.Repeat("é", 144) + "…" + strings.Repeat("é", 47) + "end"
	many := strings.Split(strings.Repeat("a,", 31), ",")[:31]
	for _, test := range []struct {
		format string
		arg    any
		want   string
	}{
		{"value %q is beyond the last column", "x\ny", `value "x\ny" is beyond the last column`},
		{"value %s is beyond the last column", long, "value " + cut + " is beyond the last column"},
		{"%v", errors.New(long), cut},
		{"more than %d rows", 1000, "more than 1000 rows"},
		{"the columns are %s", []string{"Nom", "Prénom"}, "the columns are Nom, Prénom"},
		{"the columns are %s", []string{long}, "the columns are begin" + strings.Repeat("é", 39) + "…" + strings.Repeat("é", 12) + "end"},
		{"the columns are %s", many, "the columns are " + strings.Repeat("a, ", 30) + "…"},
		{"%s", strings.Repeat("é", 200), strings.Repeat("é", 200)},
		{"%s", "\xff" + strings.Repeat("\xff", 400), strings.Repeat("\uFFFD", 149) + "…" + strings.Repeat("\uFFFD", 50)},
	} {
		p := New("class.csv", 3, long, test.format, test.arg)
		want := Problem{File: "class.csv", Line: 3, Message: test.want, Mend: cut}
		if diff := cmp.Diff(want, p); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.format, diff)
		}
		if n := utf8.RuneCountInString(p.Mend); n != mostLetters {
			t.Errorf("%d letters", n)
		}
	}
}

// TestList: by file, line and message, each once, a line each with place and mend.
func TestList(t *testing.T) {
	if err := (List{}).Err(); err != nil {
		t.Error(err)
	}
	err := List{
		{File: "b.yaml", Line: 1, Message: "first"},
		{File: "a.yaml", Line: 10, Message: "ten"},
		{File: "a.yaml", Line: 9, Message: "nine", Mend: "write eight"},
		{File: "a.yaml", Line: 10, Message: "ten"},
		{File: "a.yaml", Message: "the whole"},
	}.Err()
	want := "a.yaml: the whole\na.yaml:9: nine (write eight)\na.yaml:10: ten\nb.yaml:1: first"
	var list List
	if !errors.As(err, &list) || err.Error() != want {
		t.Errorf("%v\nwant\n%s", err, want)
	}
}
