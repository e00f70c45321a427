package listing

import (
	"strings"
	"testing"

	"maillab/internal/say"
)

// TestWrite: the data are the same in every form, and only a table is in the reader's language, where a column is ours to say.
func TestWrite(t *testing.T) {
	l := List{Value: map[string]int{"tasks": 1}, Header: []string{"name", "state"}, Rows: [][]string{{"up", "failed"}, {"a,b", "passed"}}}
	for _, test := range []struct {
		form, lang, want string
	}{
		{"json", "fr", "{\n  \"tasks\": 1\n}\n"},
		{"csv", "fr", "name,state\nup,failed\n\"a,b"},
		{"table", "en", "NAME"},
		{"table", "fr", "NOM"},
	} {
		var out strings.Builder
		if err := l.Write(&out, test.form, say.In(test.lang)); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(out.String(), test.want) {
			t.Errorf("%s in %s: %q", test.form, test.lang, out.String())
		}
	}
	header, rows := l.Told(say.In("fr"))
	if header[1] == "state" || rows[0][0] != "up" || rows[0][1] == "failed" || l.Rows[0][1] != "failed" {
		t.Errorf("%q, %q; the list itself has %q", header, rows, l.Rows)
	}
}
