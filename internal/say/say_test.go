package say

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"maillab/internal/say/po"
)

func TestChosen(t *testing.T) {
	for _, c := range []struct {
		args string
		env  map[string]string
		want string
	}{
		{"up", nil, "en"},
		{"up", map[string]string{"LANG": "fr_FR.UTF-8"}, "fr"},
		{"up", map[string]string{"LANG": "fr_FR.UTF-8", "LC_ALL": "C"}, "en"},
		{"up", map[string]string{"LANG": "C", "LC_MESSAGES": "fr_CA"}, "fr"},
		{"up", map[string]string{"LANG": "fr", "LANGUAGE_FLAG": "en"}, "en"},
		{"up --lang fr", map[string]string{"LANG": "en"}, "fr"},
		{"--lang=en up", map[string]string{"LANG": "fr"}, "en"},
		{"run -- prog --lang fr", nil, "en"},
		{"up", map[string]string{"LANG": "fil_PH"}, "en"},
		{"up", map[string]string{"LANG": "de_DE"}, "en"},
		{"up --lang", map[string]string{"LANG": "fr"}, "fr"},
	} {
		if got := Chosen(strings.Fields(c.args), "LANGUAGE_FLAG", func(name string) string { return c.env[name] }); got != c.want {
			t.Errorf("%s with %v: %s, want %s", c.args, c.env, got, c.want)
		}
	}
}

// few is a tongue with a few sentences.
func few(t *testing.T, entries ...string) Tongue {
	t.Helper()
	c := catalogue{byFormat: map[string]sentence{}}
	for n := 0; n < len(entries); n += 2 {
		c.add(po.Message{ID: entries[n], Text: entries[n+1]})
	}
	return Tongue{"fr", c}
}

func TestText(t *testing.T) {
	french := few(t,
		"not found", "introuvable",
		"no student is called %q", "aucun étudiant ne s'appelle %s",
		"%s is missing: %s", "il manque %s : %s",
		"seat %d", "place %d",
		"%s (seat %d)", "%s (place %d)",
		"volume %d %s", "volume %d %s",
		"starting %s: %w", "démarrer %s : %w",
		"it is kept: %v", "c'est gardé : %v",
		"take it out", "enlevez-le",
		"%[2]s before %[1]s", "%[1]s après %[2]s",
		"%s of %s", "%s de %s",
		"the marks of %s are there", "les notes de %w sont là",
		"one student", "un étudiant", "%d students", "%d étudiants",
	)
	for english, want := range map[string]string{
		"the marks of one student are there":    "les notes d'un étudiant sont là",
		"the marks of 2 students are there":     "les notes de 2 étudiants sont là",
		"":                                      "",
		"not found":                             "introuvable",
		"  not found\n":                         "  introuvable\n",
		`no student is called "zoé: x"`:         `aucun étudiant ne s'appelle "zoé: x"`,
		`a.csv: no student is called "zoé"`:     `a.csv: aucun étudiant ne s'appelle "zoé"`,
		"a.csv:3: NAME is missing: up NAME":     "a.csv:3: il manque NAME : up NAME",
		"seat 3: not found":                     "place 3 : introuvable",
		"volume 3 data: not found":              "volume 3 data : introuvable", // the same in both languages is recognised, too
		"volume 3 home; not found":              "volume 3 home ; introuvable",
		"volumes 3 home; not found":             "volumes 3 home ; introuvable", // what stands there is no name of a file
		"seat three: not found":                 "seat three: introuvable",
		"starting x: y: not found":              "démarrer x : y: introuvable",
		"it is kept: seat 3":                    "c'est gardé : place 3",
		"NAME is missing: not found":            "il manque NAME : not found", // it is what was put in
		"number 3 is out: seat 3 (take it out)": "number 3 is out: place 3 (enlevez-le)",
		"x.csv: not found; unheard of":          "x.csv: introuvable ; unheard of",
		"seat 3: not found → not found":         "place 3 : introuvable → introuvable",
		"not found (take it out)":               "introuvable (enlevez-le)",
		"not found (not at all)":                "introuvable (not at all)",
		"seat 1; not found\nunheard of":         "place 1 ; introuvable\nunheard of",
		"tea before coffee":                     "coffee après tea",
		"alice (seat 1), bruno (seat 2)":        "alice (place 1), bruno (place 2)",
		"alice (seat 1), bruno":                 "alice (seat 1), bruno",
		"one of two":                            "one of two", // says too little
		"starting x: alice is missing: zoé\nx":  "démarrer x : il manque alice : zoé\nx",
	} {
		if got := french.Text(english); got != want {
			t.Errorf("%q: %q, want %q", english, got, want)
		}
	}
	if got := (Tongue{}).Text("not found"); got != "not found" {
		t.Errorf("English is %q", got)
	}
}

func TestSprintf(t *testing.T) {
	french := few(t, "%q at %-4d|", "à %[2]s|%[1]s", "see %s", "voir %w", "the mail", "le courrier", "not found", "introuvable")
	err := fmt.Errorf("alice: %w", errors.New("not found"))
	for _, c := range []struct{ got, want string }{
		{french.Sprintf("see %s\n", "the mail"), "voir le courrier\n"},
		{french.Sprintf("maillab: %v", err), "maillab: alice: introuvable"},
		{french.Sprintf("%-4s|", "the mail"), "the mail|"},
		{french.Sprintf("%q at %-4d|", "x", 7), `à 7   |"x"`},
		{In("en").Sprintf("see %s of %v", "the mail", err), "see the mail of alice: not found"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

// TestCell: a state is a word of its own, and a student may be called like one.
func TestCell(t *testing.T) {
	french := few(t, "ready", "prêts", "shared by %d", "partagé par %d")
	french.sentences.add(po.Message{Context: "cell", ID: "missing", Text: "absent"})
	for english, want := range map[string]string{"missing": "absent", "ready": "ready", "shared by 3": "partagé par 3", "Zoé Ready": "Zoé Ready"} {
		if got := french.Cell(english); got != want {
			t.Errorf("%q: %q, want %q", english, got, want)
		}
	}
}

func TestPage(t *testing.T) {
	french := few(t, "One and two.", "Un et deux"+strings.Repeat(" encore", 15)+" :", "done", "fait", "-o json prints %s.", "-o json affiche %s.")
	page := "One\nand two.\n\n  0  done\n  run it\n\n-o json prints {\"a\",\n\"b\"}."
	want := "Un et deux" + strings.Repeat(" encore", 14) + "\nencore :\n\n  0  fait\n  run it\n\n-o json affiche {\"a\", \"b\"}."
	if got := french.Page(page); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := In("en").Page(page); got != page {
		t.Errorf("English is put anew: %q", got)
	}
}

// TestLongTextsEnd: what is recognised is bounded, whatever a text repeats.
func TestLongTextsEnd(t *testing.T) {
	french := In("fr")
	for _, piece := range []string{"maillab is of at in to (a), ", "a: b; c → ", "seat 1 (", "\"q\" is %s is on: ", "line\n"} {
		long := strings.Repeat(piece, 2000/len(piece))
		if got := french.Text(long); len(got) < len(long)/2 {
			t.Errorf("%.40q", got)
		}
	}
}
