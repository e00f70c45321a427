package say

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
)

// located is an entry of the catalogue, and where it is.
type located struct {
	message
	file string
}

func messagesOf(t *testing.T) (all []located) {
	t.Helper()
	files, err := fs.Glob(french, "fr/*.po")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := fs.ReadFile(french, file)
		if err != nil {
			t.Fatal(err)
		}
		messages, err := readPO(string(text))
		if err != nil {
			t.Fatal(file, err)
		}
		if !strings.Contains(string(text), "charset=UTF-8") {
			t.Errorf("%s: without a header gettext's tools take it for ASCII", file)
		}
		for _, m := range messages {
			all = append(all, located{m, file})
		}
	}
	return all
}

// TestTranslationsFit: what is put into the English is put into the French, each where it belongs.
func TestTranslationsFit(t *testing.T) {
	seen := map[string]string{}
	for _, m := range messagesOf(t) {
		where := fmt.Sprintf("%s:%d", m.file, m.line)
		if before, twice := seen[m.key()]; twice {
			t.Errorf("%s: %q is in %s, too", where, m.id, before)
		}
		seen[m.key()] = where
		if before, _, after := trimmed(m.id); before+after != "" {
			t.Errorf("%s: white space around %q is never looked up", where, m.id)
		}
		if english, french := puts(m.id), puts(m.text); !fits(english, french) {
			t.Errorf("%s: %q takes %v, its translation %v", where, m.id, english, french)
		}
	}
}

// puts are the verbs for each argument of a format.
func puts(format string) map[int]string {
	kinds := map[int]string{}
	for _, v := range takeApart(format).verbs {
		kinds[v.arg] = string(v.kind)
	}
	return kinds
}

// fits tells whether a translation has a verb for each argument, and no other: the same, %s, which stands for all, or %w.
func fits(english, french map[int]string) bool {
	for arg, kind := range english {
		if other := french[arg]; other != kind && other != "s" && other != "w" {
			return false
		}
	}
	return len(english) == len(french)
}

// TestEachIsRecognised: an English text is said by the entry whose format it was made from, and by no other.
func TestEachIsRecognised(t *testing.T) {
	french := In("fr")
	for _, m := range messagesOf(t) {
		s := takeApart(m.id)
		if m.context != "" || len(s.verbs) > 0 && !s.recognisable() {
			continue
		}
		args := make([]string, s.arguments())
		for _, v := range s.verbs {
			args[v.arg] = sample(v, v.arg)
		}
		want := takeApart(m.text).formattedAs(s).filled(args, french.Text)
		if got := french.Text(s.filled(args, verbatim)); got != want {
			t.Errorf("%s:%d: %q is said as\n\t%q, not\n\t%q", m.file, m.line, s.filled(args, verbatim), got, want)
		}
	}
}

func sample(v verb, arg int) string {
	switch v.kind {
	case 'd':
		return fmt.Sprint(7 + arg)
	case 'q':
		return fmt.Sprintf("%q", fmt.Sprint("zorglub", arg))
	}
	return fmt.Sprint("zorglub", arg)
}

func TestReadPO(t *testing.T) {
	messages, err := readPO("# about\nmsgid \"\"\nmsgstr \"Language: fr\\n\"\n\n#. composed: of two\nmsgctxt \"cell\"\nmsgid \"\"\n\"one \"\n\"two\"\nmsgstr \"un \\\"deux\\\"\"\n\nmsgid \"not yet\"\nmsgstr \"\"\n")
	if err != nil || len(messages) != 1 {
		t.Fatal(messages, err)
	}
	want := message{line: 7, context: "cell", id: "one two", text: `un "deux"`, composed: true}
	if messages[0] != want {
		t.Errorf("%+v, want %+v", messages[0], want)
	}
	for _, wrong := range []string{"msgid one\n", "what is this\n", "\"nowhere\"\n"} {
		if _, err := readPO(wrong); err == nil || !strings.HasPrefix(err.Error(), "line 1: ") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

func TestTakeApart(t *testing.T) {
	for format, want := range map[string]struct {
		pieces []string
		verbs  string
	}{
		"plain":                {[]string{"plain"}, ""},
		"%s is %-4d, 100%%":    {[]string{"", " is ", ", 100%"}, "%s0 %-4d1 "},
		"%[2]s before %[1]q%s": {[]string{"", " before ", "", ""}, "%s1 %q0 %s1 "},
	} {
		s := takeApart(format)
		verbs := ""
		for _, v := range s.verbs {
			verbs += fmt.Sprintf("%s%d ", v.text, v.arg)
		}
		if !slices.Equal(s.pieces, want.pieces) || verbs != want.verbs {
			t.Errorf("%q: %q %q", format, s.pieces, verbs)
		}
	}
}
