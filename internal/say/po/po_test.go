package po

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestRead(t *testing.T) {
	messages, err := Read("# about\nmsgid \"\"\nmsgstr \"Language: fr\\n\"\n\n#. composed: of two\nmsgctxt \"cell\"\nmsgid \"\"\n\"one \"\n\"two\"\nmsgstr \"un \\\"deux\\\"\"\n\nmsgid \"not yet\"\nmsgstr \"\"\n")
	if err != nil || len(messages) != 1 {
		t.Fatal(messages, err)
	}
	want := Message{Line: 7, Context: "cell", ID: "one two", Text: `un "deux"`, Composed: true}
	if messages[0] != want {
		t.Errorf("%+v, want %+v", messages[0], want)
	}
	for _, wrong := range []string{"msgid one\n", "what is this\n", "\"nowhere\"\n"} {
		if _, err := Read(wrong); err == nil || !strings.HasPrefix(err.Error(), "line 1: ") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

// pages are what two pages' words would be, the files' texts.
func pages(english, french string) fstest.MapFS {
	return fstest.MapFS{"w/en.po": {Data: []byte(english)}, "w/fr.po": {Data: []byte(french)}, "w/about.txt": {Data: []byte("no catalogue")}}
}

func TestSay(t *testing.T) {
	w := ReadWords(pages("msgid \"sum\"\nmsgstr \"%d of %s\"\n\nmsgid \"full\"\nmsgstr \"100 %\"\n", "msgid \"sum\"\nmsgstr \"%d sur %s\"\n"), "w")
	for _, c := range []struct {
		lang, key string
		args      []any
		want      string
	}{
		{"fr", "sum", []any{3, "x"}, "3 sur x"},
		{"en", "sum", []any{3, "x"}, "3 of x"},
		{"de", "sum", []any{3, "x"}, "3 of x"},
		{"en", "full", nil, "100 %"}, // nothing to fill in: it is no format
		{"fr", "full", nil, ""},
	} {
		if got := w.Say(c.lang, c.key, c.args...); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.lang, c.key, got, c.want)
		}
	}
}

// TestWrong: what is left over, missing in one language, or filled in otherwise.
func TestWrong(t *testing.T) {
	entry := func(id, text string) string { return "msgid \"" + id + "\"\nmsgstr \"" + text + "\"\n\n" }
	w := ReadWords(pages(
		entry("good", "%d of %s")+entry("turned", "%d of %s")+entry("old", "old")+entry("english", "only")+entry("fewer", "%d"),
		entry("good", "%d sur %s")+entry("turned", "%s : %d")+entry("old", "vieux")+entry("fewer", "un")), "w")
	used := map[string]bool{"good": true, "turned": true, "english": true, "fewer": true, "none": true}
	want := []string{
		`there is no "english" in fr`,
		`"fewer": "un" in fr, "%d"`,
		`there is no "none" in en`,
		`there is no "none" in fr`,
		`nobody says "old"`,
		`"turned": "%s : %d" in fr, "%d of %s"`,
	}
	if diff := cmp.Diff(want, w.Wrong(used)); diff != "" {
		t.Error(diff)
	}
	if len(used) != 5 {
		t.Error("what is asked about has grown:", used)
	}
}

// TestReadWords: what cannot be read, and a folder without catalogues, are our own faults.
func TestReadWords(t *testing.T) {
	for name, files := range map[string]fstest.MapFS{"not PO": pages("", "msgid open"), "none": {}} {
		func() {
			defer func() {
				if said, _ := recover().(string); !strings.HasPrefix(said, "words in w cannot be read: ") {
					t.Errorf("%s: %q", name, said)
				}
			}()
			ReadWords(files, "w")
		}()
	}
}
