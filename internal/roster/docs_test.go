package roster

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of column names into docs/teachers.md")

// TestDocs: the table of column names in docs/teachers.md is the one in columns.go.
func TestDocs(t *testing.T) {
	const file, mark = "../../docs/teachers.md", "columns.go: a test keeps them equal -->\n"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), mark)
	_, after, ends := strings.Cut(rest, "\nOf several columns")
	if !found || !ends {
		t.Fatal("the table is not where it was")
	}
	want := before + mark + table() + "\nOf several columns" + after
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if string(text) != want {
		t.Errorf("docs/teachers.md has another table than columns.go: go test ./internal/roster -update\n%s", table())
	}
}

func table() string {
	var b strings.Builder
	b.WriteString("| field | is | columns called |\n|---|---|---|\n")
	for _, m := range meanings() {
		called := append([]string{m.field}, m.aliases...)
		b.WriteString("| " + m.field + " | " + m.says + " | `" + strings.Join(called, "`, `") + "` |\n")
	}
	return b.String()
}

// TestAliases: no column name means two fields, and none is there twice; however it is written, it is understood.
func TestAliases(t *testing.T) {
	seen := map[string]string{}
	for _, m := range meanings() {
		for _, alias := range append([]string{m.field}, m.aliases...) {
			if other, twice := seen[fold(alias)]; twice {
				t.Errorf("%q means %s and %s", alias, other, m.field)
			}
			seen[fold(alias)] = m.field
			for _, written := range []string{alias, strings.ToUpper(alias), strings.ReplaceAll(alias, " ", "_"), alias + " :"} {
				if c := understand([]string{"x", written}, nil); len(c.of[m.field]) != 1 {
					t.Errorf("%q is not %s", written, m.field)
				}
			}
		}
	}
}
