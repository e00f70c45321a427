package gradebook

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// phpCSV reads as Moodle does: PHP's fgetcsv with a comma, quotes, and a backslash for an escape.
func phpCSV(text string) (rows [][]string) {
	var row []string
	var cell strings.Builder
	inside, escaped := false, false
	end := func() { row = append(row, cell.String()); cell.Reset() }
	runes := []rune(strings.TrimSpace(text))
	for i := 0; i < len(runes); i++ {
		c := runes[i]
		switch {
		case inside && escaped:
			escaped = false
			cell.WriteRune(c)
		case inside && c == '\\':
			escaped = true
			cell.WriteRune(c)
		case inside && c == '"' && i+1 < len(runes) && runes[i+1] == '"':
			i++
			cell.WriteRune('"')
		case c == '"':
			inside = !inside
		case !inside && c == ',':
			end()
		case !inside && c == '\n':
			end()
			rows, row = append(rows, row), nil
		default:
			cell.WriteRune(c)
		}
	}
	end()
	return append(rows, row)
}

// TestImport holds to the rules of Moodle's import.
func TestImport(t *testing.T) {
	b := class()
	b.Title = `SMTP \"by hand\", twice`
	for by, want := range map[Identifier]struct {
		ids []string
		out LeftOut
	}{
		ByEmail:    {[]string{"zoe@univ.fr", "bruno@univ.fr", "Chloe@univ.fr"}, LeftOut{Unknown: []string{`=HYPERLINK("x";"y")`}}},
		ByNumber:   {[]string{"00120", "00121", "00123"}, LeftOut{Unknown: []string{"Chloé Petit"}}},
		ByUsername: {[]string{"zl120", "cp122"}, LeftOut{Unknown: []string{"Martin Bruno", `=HYPERLINK("x";"y")`}}},
	} {
		file, without, err := b.Import(by, Scale{OutOf: 20, Step: 0.5}, true)
		if err != nil {
			t.Fatal(err)
		}
		rows := phpCSV(string(file))
		if diff := cmp.Diff([]string{string(by), `SMTP /"by hand/", twice`, "one", "two", "three", "feedback"}, rows[0]); diff != "" {
			t.Errorf("by %s: %s", by, diff)
		}
		var ids []string
		for _, row := range rows[1:] {
			ids = append(ids, row[0])
			judgeRow(t, rows[0], row)
		}
		if diff := cmp.Diff(want.ids, ids); diff != "" {
			t.Errorf("by %s: %s", by, diff)
		}
		if diff := cmp.Diff(want.out, without); diff != "" {
			t.Errorf("left out by %s: %s", by, diff)
		}
	}
}

// judgeRow is what Moodle asks of each row: as many cells as the header has (csvweirdcolumns), somebody, and in each column
// of a new item a dash or a number with a point, at most 100. A formula is none, and feedback has no markup but <br>.
func judgeRow(t *testing.T, header, row []string) {
	t.Helper()
	if len(row) != len(header) || row[0] == "" {
		t.Fatalf("%q below %q", row, header)
	}
	grade := regexp.MustCompile(`^(-|\d{1,2}(\.\d+)?|100)$`)
	for i, cell := range row[1 : len(row)-1] {
		if !grade.MatchString(cell) {
			t.Errorf("%s of %s is %q", header[i+1], row[0], cell)
		}
	}
	feedback := strings.ReplaceAll(row[len(row)-1], "<br>", "")
	if strings.ContainsAny(feedback, "<>\"\\=+@\n") {
		t.Errorf("feedback of %s: %q", row[0], feedback)
	}
}

func TestImportCells(t *testing.T) {
	file, _, err := class().Import(ByNumber, Scale{OutOf: 20}, false)
	if err != nil {
		t.Fatal(err)
	}
	want := "idnumber,\"SMTP, POP et IMAP\",feedback\n" +
		"00120,16,\"three: say &lt;why&gt; &amp; &#34;how&#34;, c:&#92;\"\n" +
		"00121,-,\n" +
		"00123,0,two: &#61;cmd|&#39; /C calc&#39;!A0<br>- and more\n"
	if diff := cmp.Diff(want, string(file)); diff != "" {
		t.Error(diff)
	}
}

// TestImportTwice: of two with one identifier Moodle would keep whichever comes last.
func TestImportTwice(t *testing.T) {
	b := class()
	b.Students[1].Email = "ZOE@univ.fr"
	file, without, err := b.Import(ByEmail, Scale{}, false)
	if err != nil || strings.Contains(strings.ToLower(string(file)), "zoe@") || !slices.Equal(without.Twice, []string{"Lefèvre, Zoé", "Martin Bruno"}) {
		t.Errorf("%v, left out %+v:\n%s", err, without, file)
	}
}

// TestImportNobody: a file with a header and nobody below it is none.
func TestImportNobody(t *testing.T) {
	b := class()
	for i := range b.Students {
		b.Students[i].Email = ""
	}
	var no *Refused
	if file, _, err := b.Import(ByEmail, Scale{}, false); !errors.As(err, &no) || file != nil {
		t.Errorf("%v, %q", err, file)
	}
}

func TestImportTooMuch(t *testing.T) {
	var most *Refused
	if _, _, err := class().Import(ByEmail, Scale{OutOf: 120}, false); !errors.As(err, &most) || !strings.Contains(most.What, "120") || most.Mend == "" {
		t.Errorf("out of 120: %v", err)
	}
	b := class()
	b.Tasks[2].Points = 101
	if _, _, err := b.Import(ByEmail, Scale{OutOf: 20}, true); !errors.As(err, &most) {
		t.Errorf("a task of 101 points: %v", err)
	}
	if _, _, err := b.Import(ByEmail, Scale{OutOf: 20}, false); err != nil {
		t.Errorf("a task of 101 points that has no column: %v", err)
	}
}
