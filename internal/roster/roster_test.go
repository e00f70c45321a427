package roster

import (
	"errors"
	"strings"
	"testing"

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

func readText(text string) (Class, error) {
	class, _, err := Read("class.csv", strings.NewReader(text), Options{})
	return class, err
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
		class, err := readText(text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, rows(class, "number")); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

func TestReadFieldsAndLines(t *testing.T) {
	class, err := readText("name;\"Adresse\"\n\nalice;\"1, rue\nX\"\nbruno;y\n")
	if err != nil {
		t.Fatal(err)
	}
	want := Class{File: "class.csv", Columns: []string{"name", "adresse"}, Students: []Student{
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
		class, err := readText(c.text)
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
		"empty":       {"", []string{"class.csv: the class list is empty (a row names the columns: name, …; a row a student follows)"}},
		"only header": {"name,lang\n", []string{"class.csv: no student in the class list"}},
		"nobody is named": {"Liste\ngroupe;salle\nA;12\n", []string{
			"class.csv:2: no column says who the students are; the columns are «groupe», «salle» (say what it is called: --map name=COLUMN or --map number=COLUMN)",
		}},
		"name twice": {"name,lang,Name\nalice,fr,bruno\n,en,x\n", []string{
			"class.csv:1: column «Name» is there twice (rename one of them)",
		}},
		"nothing but separators, and one twice": {"name\n\",;\"\n\"a, b\"\na b\n", []string{
			"class.csv:2: nothing says who it is (every student needs a name, a number or an e-mail address)",
			"class.csv:4: a b is on line 3 already (give both a number or an e-mail address, or names that differ in more than case)",
		}},
		"rows": {"name,lang\nalice,fr\n,en\nAlice,de\nbob,,beyond\n", []string{
			"class.csv:3: nothing says who it is (every student needs a name, a number or an e-mail address)",
			"class.csv:4: Alice is on line 2 already (give both a number or an e-mail address, or names that differ in more than case)",
			"class.csv:4: unknown language \"de\" (fr, en, or empty for the lab's own; --map lang= leaves the column out)",
			"class.csv:5: value \"beyond\" is beyond the last column",
		}},
		"one twice": {"name,number,email\nalice,12,a@x\nbruno,012,b@x\nchloe,,c@x\ndina,,C@x\nalice,,\n", []string{
			"class.csv:3: number 012 is on line 2 already (leave one of them out, or correct it)",
			"class.csv:5: e-mail address C@x is on line 4 already (leave one of them out, or correct it)",
			"class.csv:6: alice is on line 2 already (give both a number or an e-mail address, or names that differ in more than case)",
		}},
		"homonyms, the first unknown": {"name,number\nLéa,\nLéa,7\n", []string{
			"class.csv:2: Léa is on line 3, too (give both a number or an e-mail address, or names that differ in more than case)",
		}},
		"quotes": {"name,x\nalice,a\"b\nbruno,\"c\"d\nchloe,\"open\n", []string{
			"class.csv:2: bare \" in non-quoted-field (put the whole value in quotes, and double a quote inside it)",
			"class.csv:3: extraneous or missing \" in quoted-field (put the whole value in quotes, and double a quote inside it)",
			"class.csv:4: extraneous or missing \" in quoted-field (put the whole value in quotes, and double a quote inside it)",
		}},
		"lost digits": {"name;n° étudiant;mail\na;1,23457E+13;a@x\nb;#REF!;b@x\n", []string{
			"class.csv:2: number 1,23457E+13 has lost digits (take the spreadsheet itself, or save it anew with the column formatted as text)",
			"class.csv:3: «n° étudiant» is the spreadsheet's error #REF! (mend it in the spreadsheet, or open and save it there)",
		}},
		"binary": {"GIF89a\x00\x01\x00", []string{"class.csv: the file is not a table (save it as .xlsx, .ods or CSV)"}},
		"zip":    {"PK\x03\x04\x00\x00", []string{"class.csv: the file is damaged: zip: not a valid zip file (save it again)"}},
		"huge":   {strings.Repeat("x", 8<<20+1), []string{"class.csv: larger than a class list can be (more than 8 MiB) (is it the right file?)"}},
	} {
		class, err := readText(c.text)
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
	class, err := readText("name,lang,number\nalice,fr,12\nbruno,en,13\n")
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
