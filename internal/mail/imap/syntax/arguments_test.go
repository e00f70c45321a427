package syntax

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"maillab/internal/mail"
)

// said is a text, or what is wrong.
func said(text string, err error) string {
	if err != nil {
		return "! " + err.Error()
	}
	return text
}

// drawList writes LIST's arguments: what is selected, the reference and patterns, what is returned.
func drawList(r *List) string {
	var words []string
	for _, w := range []struct {
		name string
		on   bool
	}{
		{"extended", r.Extended}, {"only-subscribed", r.OnlySubscribed}, {"only-special", r.OnlySpecial}, {"recursive", r.Recursive},
		{"subscribed", r.Subscribed}, {"children", r.Children}, {"special", r.Special}, {"status", r.ReturnStatus},
	} {
		if w.on {
			words = append(words, w.name)
		}
	}
	for i, name := range StatusNames() {
		if r.Items&(1<<i) != 0 {
			words = append(words, name)
		}
	}
	return fmt.Sprintf("%q %q %s", r.Ref, r.Patterns, strings.Join(words, " "))
}

func TestListArguments(t *testing.T) {
	for in, want := range map[string]string{
		`"" *`:                             `"" ["*"] `,
		`ref/ %`:                           `"ref/" ["%"] `,
		`"" "a \"b*"`:                      `"" ["a \"b*"] `,
		"\"\" {3}\r\na b":                  `"" ["a b"] `,
		`"" a]%*`:                          `"" ["a]%*"] `,
		`"" (a "b c" %)`:                   `"" ["a" "b c" "%"] extended`,
		`() "" x`:                          `"" ["x"] extended`,
		`(SUBSCRIBED) "" *`:                `"" ["*"] extended only-subscribed subscribed`,
		`(special-use remote) "" *`:        `"" ["*"] extended only-special special`,
		`(SUBSCRIBED RECURSIVEMATCH) "" *`: `"" ["*"] extended only-subscribed recursive subscribed`,
		`"" * RETURN (CHILDREN SUBSCRIBED SPECIAL-USE)`: `"" ["*"] extended subscribed children special`,
		`"" * RETURN ()`:                         `"" ["*"] extended`,
		`"" * RETURN (STATUS (UNSEEN messages))`: `"" ["*"] extended status MESSAGES UNSEEN`,
		`(RECURSIVEMATCH) "" *`:                  "! RECURSIVEMATCH must not be the only selection",
		`(FOO) "" *`:                             "! Unknown select options",
		`(SUBSCRIBED "" *`:                       "! Missing ')'",
		``:                                       "! Invalid reference",
		`"open`:                                  "! Invalid reference",
		`""`:                                     "! Invalid pattern",
		`"" (`:                                   "! Missing ')'",
		`"" * FOO`:                               "! Extra arguments",
		`"" * RETURN`:                            "! Extra arguments",
		`"" * RETURN CHILDREN`:                   "! Extra arguments",
		`"" * RETURN (FOO)`:                      "! Unknown return options",
		`"" * RETURN (STATUS)`:                   "! Unknown return options",
		`"" * RETURN (STATUS ())`:                "! Empty status list",
		`"" * RETURN (STATUS (FOO))`:             "! Invalid status item FOO",
		`"" * RETURN (CHILDREN) more`:            "! Invalid arguments",
		`"" (` + strings.Repeat("a ", 101) + ")": "! Too many patterns",
	} {
		r, err := New([]byte(in), nil).ListArguments()
		got := said("", err)
		if err == nil {
			got = drawList(r)
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

func TestStoreArguments(t *testing.T) {
	ops := map[mail.StoreOp]string{mail.AddFlags: "+", mail.RemoveFlags: "-"}
	for in, want := range map[string]string{
		`1 FLAGS (\Seen)`:                           `1 Seen []`,
		`1:3 +flags.silent (\seen work)`:            `1:3 + Seen [work] silent`,
		`2 -FLAGS \Deleted`:                         `2 - Deleted []`,
		`2 FLAGS b a B`:                             `2  [a b]`,
		`2 FLAGS ()`:                                `2  []`,
		`* (UNCHANGEDSINCE 12) FLAGS.SILENT \Draft`: `0 Draft [] silent since 12`,
		`1 (UNCHANGEDSINCE 0) FLAGS \Draft`:         `1 Draft [] since 0`,
		`1 (UNCHANGEDSINCE) FLAGS x`:                "! Invalid STORE modifiers",
		`1 (UNCHANGEDSINCE x) FLAGS x`:              "! Invalid modseq",
		`1 (FOO 1) FLAGS x`:                         "! Unknown STORE modifier",
		`1 (UNCHANGEDSINCE 1 FLAGS x`:               "! Missing ')'",
		``:                                          "! Invalid arguments",
		`x FLAGS a`:                                 "! Invalid messageset",
		`1`:                                         "! Invalid arguments",
		`1 FLAGS`:                                   "! Invalid arguments",
		`1 FLAG a`:                                  "! Invalid arguments",
		`1 FLAGS.LOUD a`:                            "! Invalid arguments",
		`1 FLAGS (a`:                                "! Missing ')'",
		`1 FLAGS (a) b`:                             "! Invalid arguments",
		`1 FLAGS \Recent`:                           `! Invalid system flag \RECENT`,
		`1 FLAGS \*`:                                `! Invalid system flag \*`,
		`1 FLAGS "a"`:                               "! Flags list contains non-atoms",
		`1 FLAGS ((a))`:                             "! Flags list contains non-atoms",
		`1 FLAGS a%`:                                "! Invalid characters in atom",
		`1 FLAGS ` + strings.Repeat("k", 256):       "! Too many or too long keywords",
	} {
		r, err := New([]byte(in), nil).Store()
		got := said("", err)
		if err == nil {
			c := r.Change
			got = strings.Join(slices.DeleteFunc([]string{spelled(r.Set), ops[c.Op], c.Flags.String()}, func(s string) bool { return s == "" }), " ")
			if c.Flags == 0 {
				got += " "
			}
			got += fmt.Sprint(" ", c.Keywords)
			if r.Silent {
				got += " silent"
			}
			if c.Conditional {
				got += fmt.Sprint(" since ", c.Since)
			}
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

// spelled is a set that may not be resolved yet.
func spelled(s Set) string {
	if len(s) == 1 && s[0] == (Span{star, star}) {
		return "0"
	}
	return s.String()
}

func TestSelectParameters(t *testing.T) {
	for _, c := range []struct {
		in      string
		enabled bool
		want    string
	}{
		{"", false, "false <nil>"},
		{" (condstore)", false, "true <nil>"},
		{"(CONDSTORE QRESYNC (7 20))", true, "true 7 20 "},
		{"(QRESYNC (7 20 1:5,9))", true, "false 7 20 1:5,9"},
		{"(QRESYNC (7 20 1:5 (1,2 3,5)))", true, "false 7 20 1:5"},
		{"(QRESYNC (7 20 (1 2)))", true, "false 7 20 "},
		{"(QRESYNC (7 20))", false, "! QRESYNC not enabled"},
		{"(QRESYNC)", true, "! QRESYNC parameters missing"},
		{"(QRESYNC (0 20))", true, "! Invalid QRESYNC parameters"},
		{"(QRESYNC (7 0))", true, "! Invalid QRESYNC parameters"},
		{"(QRESYNC (7))", true, "! Invalid QRESYNC parameters"},
		{"(QRESYNC (7 20 x))", true, "! Invalid QRESYNC known-uids"},
		{"(QRESYNC (7 20 1 (1)))", true, "! Invalid QRESYNC known-uids"},
		{"(QRESYNC (7 20 1 (1 2 3)))", true, "! Invalid QRESYNC parameters"},
		{"(QRESYNC (7 20 1 2))", true, "! Missing ')'"},
		{"(QRESYNC (7 20", true, "! Missing ')'"},
		{"(FOO)", false, "! Unknown FETCH modifier"},
		{"(CONDSTORE) x", false, "! Invalid arguments"},
		{"CONDSTORE", false, "! Invalid arguments"},
	} {
		r, err := New([]byte(c.in), nil).SelectParameters(c.enabled)
		got := said(fmt.Sprint(r.CondStore, " ", nil), err)
		if q := r.QResync; err == nil && q != nil {
			got = fmt.Sprint(r.CondStore, " ", q.Validity, " ", q.ModSeq, " ", q.Known)
		}
		if got != c.want {
			t.Errorf("%q: got %s, want %s", c.in, got, c.want)
		}
	}
}

func TestSortAndThread(t *testing.T) {
	for in, want := range map[string]string{
		"(SUBJECT) UTF-8 ALL":                         "[{SUBJECT false}] and(and)",
		"(reverse date from) US-ASCII UNSEEN":         "[{DATE true} {FROM false}] and(not(flag Seen))",
		"(REVERSE ARRIVAL REVERSE SIZE) UTF-8 TO x":   "[{ARRIVAL true} {SIZE true}] and(header TO=x)",
		"SUBJECT UTF-8 ALL":                           "! Invalid sort argument",
		"() UTF-8 ALL":                                "! Empty sort program",
		"(REVERSE) UTF-8 ALL":                         "! Sort list ends with REVERSE",
		"(COLOUR) UTF-8 ALL":                          "! Unknown sort argument: COLOUR",
		"(SUBJECT)":                                   "! Invalid charset argument",
		"(SUBJECT) (ALL)":                             "! Invalid charset argument",
		"(SUBJECT) X-KLINGON ALL":                     "! Unknown charset",
		"(" + strings.Repeat("CC ", 21) + ") UTF-8 x": "! Too many sort keys",
	} {
		by, key, err := New([]byte(in), nil).Sort()
		got := said("", err)
		if err == nil {
			got = fmt.Sprint(by, " ", draw(key))
		}
		if got != want {
			t.Errorf("SORT %s: got %s, want %s", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"REFERENCES UTF-8 ALL":           "REFERENCES and(and)",
		"orderedsubject US-ASCII SEEN":   "ORDEREDSUBJECT and(flag Seen)",
		"":                               "! Invalid arguments",
		"REFERENCES":                     "! Invalid arguments",
		"REFS UTF-8 ALL":                 "! Unknown thread algorithm",
		"REFERENCES X-KLINGON ALL":       "! Unknown charset",
		"REFERENCES UTF-8 LARGER tenbig": "! Invalid search size parameter",
	} {
		algorithm, key, err := New([]byte(in), nil).Thread()
		got := said("", err)
		if err == nil {
			got = algorithm + " " + draw(key)
		}
		if got != want {
			t.Errorf("THREAD %s: got %s, want %s", in, got, want)
		}
	}
}

// TestMessage: APPEND's flags and date come before a literal, which may be UTF8's, and may lie elsewhere.
func TestMessage(t *testing.T) {
	for in, want := range map[string]string{
		"{3}\r\nabc":            "abc",
		"(\\Seen x) {3}\r\nabc": "abc Seen [x]",
		"(\\Draft) \" 2-Mar-2026 01:02:03 +0100\" {1}\r\na": "a Draft [] 2026-03-02T00:02:03Z",
		"~{2}\r\na\x00":          "a\x00 eight",
		"UTF8 (~{3}\r\nabc)":     "abc eight",
		"":                       "! Missing message size",
		"abc":                    "! Invalid arguments",
		"UTF8 ()":                "! Invalid arguments",
		"UTF8 (x)":               "! Invalid literal size",
		"{4}\r\nabc":             "! Invalid literal size",
		"\"yesterday\" {1}\r\na": "! Invalid internal date",
		"(\\Foo) {1}\r\na":       `! Invalid system flag \FOO`,
	} {
		m, eight, err := New([]byte(in), nil).Message()
		got := said(string(m.Body), err)
		if err == nil && (m.Flags != 0 || m.Keywords != nil) {
			got += fmt.Sprint(" ", m.Flags, " [", strings.Join(m.Keywords, " "), "]")
		}
		if err == nil && !m.At.IsZero() {
			got += m.At.UTC().Format(" " + time.RFC3339)
		}
		if err == nil && eight {
			got += " eight"
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	elsewhere := &Outside{At: 9, Body: func() (*io.SectionReader, error) {
		return io.NewSectionReader(bytes.NewReader([]byte("large")), 0, 5), nil
	}}
	m, _, err := New([]byte("{900000}\r\n")[:10], elsewhere).Message()
	if err == nil { // the literal would begin at 10, not at 9: it is neither here nor there
		t.Errorf("%+v", m)
	}
	elsewhere.At = 10
	if m, _, err = New([]byte("{900000}\r\n"), elsewhere).Message(); err != nil || m.Large == nil || m.Size() != 5 {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestCommand(t *testing.T) {
	for line, want := range map[string]string{
		"a1 noop": "a1 NOOP rest ", "  a1   fetch 1 FLAGS": "a1 FETCH rest  1 FLAGS", "NOOP": "NOOP  rest ", "": "  rest ", "a\tb c": "a B rest  c",
	} {
		p := New([]byte(line), nil)
		tag, name := p.Command()
		if got := fmt.Sprintf("%s %s rest %s", tag, name, p.Rest()); got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
	for tag, want := range map[string]bool{"a1": true, "+": true, "A.b]": true, "": false, "a(": false, "a*": false, "é": false, "a\"": false, "a b\x7f": false} {
		if ValidTag(tag) != want {
			t.Errorf("tag %q: %v", tag, !want)
		}
	}
}

// TestCost: only what needs the header or the body looks at it.
func TestCost(t *testing.T) {
	for in, want := range map[string]int{"ALL": 0, "LARGER 5 SINCE 1-Feb-2026": 0, "SENTSINCE 1-Feb-2026": 1, "OR SEEN NOT FROM x": 1, "FROM x (BODY y)": 2, "TEXT x": 2} {
		r, err := New([]byte(in), nil).Search(false)
		if err != nil || r.Key.Cost() != want {
			t.Errorf("%s: %v, want %d (%v)", in, r, want, err)
		}
	}
	r, err := New([]byte("OR SEEN NOT MODSEQ 5"), nil).Search(false)
	if err != nil || !r.Key.Uses(SearchModSeq) || r.Key.Uses(SearchBodyText) {
		t.Error(draw(r.Key), err)
	}
}

// TestSearchReturn: RETURN (…) says what is told; without any of it, all is.
func TestSearchReturn(t *testing.T) {
	for in, want := range map[string]string{
		"ALL":                    "false all",
		"RETURN () ALL":          "true all",
		"RETURN (MIN max) ALL":   "true min max",
		"RETURN (COUNT ALL) ALL": "true all count",
		"RETURN (COUNT) ALL":     "true count",
	} {
		r, err := New([]byte(in), nil).Search(false)
		if err != nil {
			t.Fatal(in, err)
		}
		got := fmt.Sprint(r.Extended)
		for i, on := range []bool{r.Min, r.Max, r.All, r.Count} {
			if on {
				got += " " + [...]string{"min", "max", "all", "count"}[i]
			}
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
	if _, err := New([]byte("CHARSET UTF-8 ALL"), nil).Search(true); err == nil { // RFC 6855, section 3
		t.Error("CHARSET is taken after ENABLE UTF8=ACCEPT")
	}
}

func TestSpans(t *testing.T) {
	for want, ns := range map[string][]uint32{"": nil, "4": {4}, "1:3,7,5:6": {1, 2, 3, 7, 5, 6}, "3,2,1": {3, 2, 1}, "4294967295,1": {4294967295, 1}} {
		if got := Spans(ns).String(); got != want {
			t.Errorf("%v: got %s, want %s", ns, got, want)
		}
	}
	merged := Set{{7, 9}, {1, 2}, {3, 4}}.Merged()
	for n, want := range map[uint32]bool{0: false, 1: true, 4: true, 5: false, 6: false, 7: true, 9: true, 10: false} {
		if merged.Has(n) != want {
			t.Errorf("%s has %d: %v", merged, n, !want)
		}
	}
}

// TestMaskedLogin: what follows a user's name is hidden, over literals too; a command without one stays as it is.
func TestMaskedLogin(t *testing.T) {
	for _, lines := range [][]string{
		{"a login util1 secret", "a login util1 ********"},
		{`a LOGIN "my name" "x y"`, `a LOGIN "my name" ********`},
		{"login util1 secret", "login util1 ********"}, // the tag was forgotten
		{"a LOGIN util1", "a LOGIN util1"},
		{"a LOGIN {5}", "a LOGIN {5}", "util1 {6}", "********", "secret", "********"},
		{"a LOGIN util1 {6}", "a LOGIN util1 {6}", "secret", "********", "", ""},
		{"a LOGIN {5}", "a LOGIN {5}", "{6}", "{6}"},
		{"a SELECT login", "a SELECT login"},
		{"a APPEND x {3}", "a APPEND x {3}", "abc", "abc"},
	} {
		var m Masker
		for i := 0; i < len(lines); i += 2 {
			got := m.Next([]byte(lines[i]))
			if i == 0 {
				got = m.First([]byte(lines[i]))
			}
			if got != lines[i+1] {
				t.Errorf("%q: %q is recorded as %q, want %q", lines[0], lines[i], got, lines[i+1])
			}
		}
	}
}

func TestValidComponent(t *testing.T) {
	for name, want := range map[string]bool{"a": true, "Été 2026": true, "a.b": true, "": false, ".a": false, "..": false, "a/b": false, "a\nb": false, "a\xff": false,
		strings.Repeat("a", 255): true, strings.Repeat("a", 256): false} {
		if ValidComponent(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}
