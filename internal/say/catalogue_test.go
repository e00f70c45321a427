package say

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"maillab/internal/say/po"
)

// located is an entry of the catalogue, and where it is.
type located struct {
	po.Message
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
		messages, err := po.Read(string(text))
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
		where := fmt.Sprintf("%s:%d", m.file, m.Line)
		if before, twice := seen[m.Key()]; twice {
			t.Errorf("%s: %q is in %s, too", where, m.ID, before)
		}
		seen[m.Key()] = where
		if before, _, after := trimmed(m.ID); before+after != "" {
			t.Errorf("%s: white space around %q is never looked up", where, m.ID)
		}
		if english, french := puts(m.ID), puts(m.Text); !fits(english, french) {
			t.Errorf("%s: %q takes %v, its translation %v", where, m.ID, english, french)
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
		s := takeApart(m.ID)
		if m.Context != "" || len(s.verbs) > 0 && !s.recognisable() {
			continue
		}
		args := make([]string, s.arguments())
		for _, v := range s.verbs {
			args[v.arg] = sample(v, v.arg)
		}
		want := takeApart(m.Text).formattedAs(s).filled(args, french.Text)
		if got := french.Text(s.filled(args, verbatim)); got != want {
			t.Errorf("%s:%d: %q is said as\n\t%q, not\n\t%q", m.file, m.Line, s.filled(args, verbatim), got, want)
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
