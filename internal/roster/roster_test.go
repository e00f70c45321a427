package roster

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/lab/problem"
)

// rows shows of each student the key, one field and the language.
func rows(c Class, field string) []string {
	var out []string
	for _, s := range c.Students {
		out = append(out, s.Key+"|"+s.Fields[field]+"|"+s.Lang)
	}
	return out
}

func TestRead(t *testing.T) {
	want := []string{"Élodie|2090 1|fr", "bruno|20902|en", "chloé|20903|"}
	for name, text := range map[string]string{
		"comma":         "name,number,lang\nÉlodie,2090 1,fr\nbruno,20902,en\nchloé,20903,\n",
		"semicolon":     "name;number;lang\nÉlodie;2090 1;fr\nbruno;20902;en\nchloé;20903;\n",
		"BOM":           "\uFEFFname;number;lang\nÉlodie;2090 1;fr\nbruno;20902;en\nchloé;20903;\n",
		"Latin-1":       "name;number;lang\n\xC9lodie;2090 1;fr\nbruno;20902;en\nchlo\xE9;20903;\n",
		"decomposed":    "name,number,lang\nE\u0301lodie,2090 1,fr\nbruno,20902,en\nchloe\u0301,20903,\n",
		"CRLF":          "name;number;lang\r\nÉlodie;2090 1;fr\r\nbruno;20902;en\r\nchloé;20903;\r\n",
		"CR":            "name;number;lang\rÉlodie;2090 1;fr\rbruno;20902;en\rchloé;20903",
		"quotes":        "\"name\";\"number\";\"lang\"\n\"Élodie\";\"2090 1\";\"FR\"\n\"bruno\";\"20902\";\"en\"\n\"chloé\";\"20903\";\"\"",
		"blanks":        "\n Name ; NUMBER;Lang \n\u00a0Élodie ; 2090 1;fr\n\n;;\nbruno;20902 ;en\n  \nchloé;20903;",
		"short rows":    "number;name;lang\n2090 1;Élodie;fr\n20902;bruno;en\n20903;chloé\n",
		"extra columns": "n°,name,number,lang,\"note, remarque\",,\n1,Élodie,2090 1,fr,\"très bien; merci\",,\n2,bruno,20902,en,,x,\n3,chloé,20903\n",
	} {
		class, err := Read("class.csv", []byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, rows(class, "number")); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

func TestReadFieldsAndLines(t *testing.T) {
	class, err := Read("class.csv", []byte("name;\"Adresse\"\n\nalice;\"1, rue\nX\"\nbruno;y\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := Class{File: "class.csv", Students: []Student{
		{Key: "alice", Name: "alice", Line: 3, Fields: map[string]string{"name": "alice", "adresse": "1, rue\nX"}},
		{Key: "bruno", Name: "bruno", Line: 5, Fields: map[string]string{"name": "bruno", "adresse": "y"}},
	}}
	if diff := cmp.Diff(want, class); diff != "" {
		t.Error(diff)
	}
	if s, ok := class.Find("bruno"); !ok || s.Line != 5 {
		t.Error("bruno is not found", s)
	}
	if _, ok := class.Find("BRUNO"); ok {
		t.Error("BRUNO is found")
	}
	if !class.HasColumn("adresse") || class.HasColumn("number") {
		t.Error("wrong columns")
	}
}

// TestReadRegistrar: an export is taken as it comes: names with commas and quotes, last and first name in columns.
func TestReadRegistrar(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string // key|name|
	}{
		"commas and quotes": {"name,x\n\"Lefèvre, Zoé\",1\n\"Dupont, Jean \"\"Jojo\"\"\",2\n", []string{"Lefèvre Zoé|Lefèvre, Zoé|", "Dupont Jean Jojo|Dupont, Jean \"Jojo\"|"}},
		"Nom and Prénom":    {"N°;Nom;Prénom\n1;Lefèvre;Zoé\n2;Durand;\n", []string{"Lefèvre Zoé|Lefèvre Zoé|", "Durand|Durand|"}},
		"Lastname first":    {"Firstname,Lastname\nZoe,Lefevre\n", []string{"Lefevre Zoe|Lefevre Zoe|"}},
		"name goes before":  {"name,nom,prénom\nzoe,Lefèvre,Zoé\n", []string{"zoe|zoe|"}},
	} {
		class, err := Read("class.csv", []byte(c.text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(c.want, rows(class, "name")); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

func TestReadProblems(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"empty":       {"", []string{"class.csv: the roster is empty (the first row names the columns: name, …)"}},
		"only header": {"name,lang\n", []string{"class.csv: no student in the roster"}},
		"no name": {"nom;groupe\nDupont;A\n", []string{
			"class.csv:1: no column `name` in nom, groupe (call the column that tells students apart `name`)",
		}},
		"name twice": {"name,lang,Name\nalice,fr,bruno\n,en,x\n", []string{
			"class.csv:1: column \"name\" is there twice (rename one of them)",
			"class.csv:3: empty name (every student needs a name)",
		}},
		"nothing but separators, and one twice": {"name\n\",;\"\n\"a, b\"\na b\n", []string{
			"class.csv:2: empty name (every student needs a name)",
			"class.csv:4: name \"a b\" is on line 3 already (names must differ in more than case)",
		}},
		"keys": {"name,lang\nalice,fr\n,en\nAlice,de\nbob,,beyond\n", []string{
			"class.csv:3: empty name (every student needs a name)",
			"class.csv:4: name \"Alice\" is on line 2 already (names must differ in more than case)",
			"class.csv:4: unknown language \"de\" (fr, en, or empty for the lab's own)",
			"class.csv:5: value \"beyond\" is beyond the last column",
		}},
		"quotes": {"name,x\nalice,a\"b\nbruno,\"c\"d\nchloe,\"open\n", []string{
			"class.csv:2: bare \" in non-quoted-field (put the whole value in quotes, and double a quote inside it)",
			"class.csv:3: extraneous or missing \" in quoted-field (put the whole value in quotes, and double a quote inside it)",
			"class.csv:4: extraneous or missing \" in quoted-field (put the whole value in quotes, and double a quote inside it)",
		}},
		"UTF-16": {utf16LE("name\nalice\n"), []string{"class.csv: the file is UTF-16 (save it as CSV in UTF-8)"}},
		"binary": {"PK\x03\x04\x00\x00", []string{"class.csv: the file is not text (save the spreadsheet as CSV)"}},
		"huge":   {strings.Repeat("x", 4<<20+1), []string{"class.csv: larger than a class list can be (4194305 bytes) (is it the right file?)"}},
	} {
		class, err := Read("class.csv", []byte(c.text))
		var list problem.List
		if !errors.As(err, &list) {
			t.Errorf("%s: want problems, got %v, %v", name, class, err)
			continue
		}
		var got []string
		for _, p := range list {
			got = append(got, p.String())
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

func utf16LE(text string) string {
	out := []byte{0xFF, 0xFE}
	for _, u := range utf16.Encode([]rune(text)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return string(out)
}

func TestCount(t *testing.T) {
	if got := Count(-1); len(got.Students) != 0 {
		t.Error(got)
	}
	small, large := Count(12), Count(120)
	if diff := cmp.Diff(small.Students, large.Students[:12]); diff != "" {
		t.Error("a larger class has other names:", diff)
	}
	if a, b := small.Students[0].Key, large.Students[119].Key; a != "student01" || b != "student120" {
		t.Error(a, b)
	}
}

// TestAlone: one student remains, without the language of the row.
func TestAlone(t *testing.T) {
	class, err := Read("class.csv", []byte("name,lang,number\nalice,fr,12\nbruno,en,13\n"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"alice|12|"}, rows(class.Alone(), "number")); diff != "" {
		t.Error(diff)
	}
	if class.Students[0].Lang != "fr" {
		t.Error("the class itself was changed")
	}
}

func TestSeats(t *testing.T) {
	class := func(keys ...string) Class {
		var c Class
		for _, k := range keys {
			c.Students = append(c.Students, Student{Key: k})
		}
		return c
	}
	first := Seats(nil, class("a", "b", "c"))
	for _, c := range []struct {
		name     string
		previous map[string]int
		class    Class
		want     map[string]int
	}{
		{"first", nil, class("a", "b", "c"), map[string]int{"a": 1, "b": 2, "c": 3}},
		{"another order", first, class("c", "a", "b"), first},
		{"one leaves", first, class("a", "c"), first},
		{"one leaves, one comes", first, class("d", "c", "a"), map[string]int{"a": 1, "b": 2, "c": 3, "d": 4}},
		{"comes back", first, class("b"), first},
		{"a seat was given away", map[string]int{"a": 1, "c": 3}, class("e", "a", "c", "d"), map[string]int{"a": 1, "e": 2, "c": 3, "d": 4}},
		{"nobody", first, class(), first},
	} {
		before := len(c.previous)
		if diff := cmp.Diff(c.want, Seats(c.previous, c.class)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", c.name, diff)
		}
		if len(c.previous) != before {
			t.Errorf("%s: previous was changed", c.name)
		}
	}
}

// FuzzRead: whatever the file, the class is sound or there are problems with places, and seats never clash.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"name,lang\nalice,fr\nbruno,\n", "\xEF\xBB\xBFname;number\r\nAlice;\"1;2\"\r\n", "name\n\xE9lodie\n", "name;x\na;\"b\n",
		"\xFF\xFEn\x00", ";;\n\n", "name,name\na,b\n", "name\nA\na\n", "name,\u00a0lang\nx,EN\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		class, err := Read("f", data)
		if err != nil {
			var list problem.List
			if !errors.As(err, &list) || len(list) == 0 || len(list) > maxProblem+maxProblem {
				t.Fatalf("problems: %v", err)
			}
			return
		}
		seen := map[string]bool{}
		lines := strings.Count(strings.ReplaceAll(string(data), "\r", "\n"), "\n") + 1
		for _, s := range class.Students {
			if s.Key == "" || seen[strings.ToLower(s.Key)] || strings.ContainsAny(s.Key, ",/\n\x00") || s.Line < 2 || s.Line > lines {
				t.Fatalf("unsound: %+v", s)
			}
			seen[strings.ToLower(s.Key)] = true
		}
		taken := map[int]bool{}
		for _, seat := range Seats(map[string]int{"gone": 2}, class) {
			if seat < 1 || taken[seat] {
				t.Fatalf("seat %d", seat)
			}
			taken[seat] = true
		}
	})
}
