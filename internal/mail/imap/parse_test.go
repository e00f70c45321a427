package imap

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/mail"
)

func TestLiteralMark(t *testing.T) {
	for line, want := range map[string]string{
		"a login {5}": "5 true true", "{0}": "0 true true", "a append x {12+}": "12 false true", "x ~{3}": "3 true true",
		"": "0 false false", "{}": "0 false false", "{+}": "0 false false", "{5} ": "0 false false", "{-5}": "0 false false",
		"5}": "0 false false", "{9999999999999999999}": "0 false false", "\"{5}\"": "0 false false",
	} {
		n, sync, ok := literalMark([]byte(line))
		if got := fmt.Sprint(n, " ", sync, " ", ok); got != want {
			t.Errorf("%q: got %s, want %s", line, got, want)
		}
	}
}

func TestAstring(t *testing.T) {
	for in, want := range map[string]string{
		"abc def": "abc", "a]b[": "a]b[", `"a \"b\\ c" d`: `a "b\ c`, "{3}\r\na b c": "a b", "{3+}\r\na\r\n": "a\r\n", "été": "été",
		"": "!", "(": "!", `"open`: "!", "{4}\r\nabc": "!", "{x}": "!", "\"a\r\nb\"": "!", "a%": "a",
	} {
		p := &parser{buf: []byte(in)}
		got, err := p.astring()
		if err != nil {
			got = "!"
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestSet(t *testing.T) {
	for in, want := range map[string]string{
		"1": "1", "1:3": "1:3", "3:1": "1:3", "*": "9", "*:4": "4:9", "12:*": "9:12", "1,3,2": "1:3", "1:2,2:5,9": "1:5,9",
		"4294967295": "4294967295", "1:4294967295,4294967295": "1:4294967295",
		"0": "!", "": "!", "1,": "!", "1:": "!", "a": "!", "1a": "!", "4294967296": "!", "1:2:3": "!", "1;2": "!",
	} {
		p := &parser{buf: []byte(in)}
		set, err := p.set()
		got := "!"
		if err == nil {
			got = set.resolve(9).merged().String()
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// TestFetchItems: what is asked for, as the response names it; + is what makes a message \Seen.
func TestFetchItems(t *testing.T) {
	w := courierWords()
	for in, want := range map[string]string{
		"1 FLAGS":                   "FLAGS",
		"1 (flags uid Rfc822.size)": "FLAGS UID RFC822.SIZE",
		"1 ALL":                     "FLAGS INTERNALDATE RFC822.SIZE ENVELOPE",
		"1 FULL":                    "FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY",
		"1 (BODY BODYSTRUCTURE)":    "BODY BODYSTRUCTURE",
		"1 BODY[]":                  "BODY[]+",
		"1 body.peek[header]":       "BODY[HEADER]",
		"1 BODY[1.2.3.MIME]<5.10>":  "BODY[1.2.3.MIME]<5>+",
		"1 BODY[ 1 ]":               "!",
		"1 BODY[1.TEXT]":            "BODY[1.TEXT]+",
		"1 BODY.PEEK[2.HEADER.FIELDS.NOT (a \"b c\")]":    `BODY[2.HEADER.FIELDS.NOT ("a" "b c")]`,
		"1 (BODY.PEEK[HEADER.FIELDS (From)] RFC822)":      `BODY[HEADER.FIELDS ("From")] RFC822+`,
		"1 BODY[HEADER.FIELDS {4}\r\n]":                   "!",
		"1 BODY.PEEK[HEADER.FIELDS ({4}\r\nDate )]":       `BODY[HEADER.FIELDS ("Date")]`,
		"1 (RFC822.HEADER RFC822.TEXT)":                   "RFC822.HEADER RFC822.TEXT+",
		"1 (BINARY[1]<0.5> BINARY.PEEK[] BINARY.SIZE[2])": "BINARY[1]<0>+ BINARY[] BINARY.SIZE[2]",
		"1 FLAGS (CHANGEDSINCE 12)":                       "FLAGS since 12",
		"1":                                               "!",
		"1 ()":                                            "!",
		"1 FOO":                                           "!",
		"1 BODY[":                                         "!",
		"1 BODY[1.]":                                      "!",
		"1 BODY[MIME]":                                    "!",
		"1 BODY[FOO]":                                     "!",
		"1 BODY[]<5>":                                     "!",
		"1 BODY[]<1.0>":                                   "!",
		"1 BODY[]X":                                       "!",
		"1 FLAGS UID":                                     "!",
		"1 (FLAGS":                                        "!",
		"1 BINARY[TEXT]":                                  "!",
		"1 BODY[HEADER.FIELDS ()]":                        "!",
		"1 FLAGS (FOO 1)":                                 "!",
		"1 BODY[99999999999]":                             "!",
	} {
		p := &parser{buf: []byte(in)}
		r, err := p.fetch(&w)
		got := "!"
		if err == nil {
			var labels []string
			for _, i := range r.items {
				labels = append(labels, i.label+map[bool]string{true: "+"}[i.seen])
			}
			if got = strings.Join(labels, " "); r.hasSince {
				got += fmt.Sprint(" since ", r.since)
			}
		}
		if got != want {
			t.Errorf("%q: got %q (%v), want %q", in, got, err, want)
		}
	}
}

// draw writes a search tree.
func draw(k *searchKey) string {
	names := [...]string{"and", "or", "not", "set", "flag", "keyword", "recent", "before", "on", "since", "sentbefore", "senton",
		"sentsince", "larger", "smaller", "modseq", "header", "body", "text"}
	s := names[k.op]
	for _, sub := range k.sub {
		s += "(" + draw(sub) + ")"
	}
	switch {
	case k.op == searchSet:
		s += " " + k.set.String()
	case k.op == searchFlag:
		s += " " + k.flag.String()
	case k.n > 0:
		s += fmt.Sprint(" ", k.n)
	case !k.date.IsZero():
		s += k.date.Format(" 2006-01-02")
	case k.op == searchHeader:
		s += " " + k.field + "=" + k.text
	case k.text != "":
		s += " " + k.text
	}
	return s
}

func TestSearchKeys(t *testing.T) {
	for in, want := range map[string]string{
		"ALL":                          "and(and)",
		"unseen 1:3,5":                 "and(not(flag Seen))(set 1:3,5)",
		"NEW OLD":                      "and(and(recent)(not(flag Seen)))(not(recent))",
		"OR (FROM x TO y) NOT DELETED": "and(or(and(header FROM=x)(header TO=y))(not(flag Deleted)))",
		"NOT NOT UID 4":                "and(not(not(set 4)))",
		"KEYWORD work UNKEYWORD $x":    "and(keyword work)(not(keyword $x))",
		"SINCE 1-Feb-2026 SENTON \"02-Mar-2026\"": "and(since 2026-02-01)(senton 2026-03-02)",
		"LARGER 10 SMALLER 20":                    "and(larger 10)(smaller 20)",
		`HEADER "X-Foo" "" BODY {3}` + "\r\nÀ ":   "and(header X-Foo=)(body à )",
		"CHARSET ISO-8859-1 TEXT \xc9t\xe9":       "and(text été)",
		"TEXT \xc9t\xe9":                          "and(text été)",
		"MODSEQ 5":                                "and(modseq 5)",
		`MODSEQ "/flags/\\draft" all 6`:           "and(modseq 6)",
		"":                                        "!", "FOO": "!", "(": "!", "()": "!", "(ALL": "!", "NOT": "!", "OR SEEN": "!", "SINCE foo": "!",
		"SINCE 31-Feb-2026": "!", "LARGER x": "!", "BODY": "!", "ALL)": "!", "CHARSET FOO ALL": "!", "UN": "!", "SEENX": "!", "UID": "!",
		"HEADER x": "!", "RETURN (FOO) ALL": "!", strings.Repeat("(", 100) + "ALL" + strings.Repeat(")", 100): "!",
		strings.Repeat("NOT ", 100) + "ALL": "!",
	} {
		p := &parser{buf: []byte(in)}
		r, err := p.search(false)
		got := "!"
		if err == nil {
			got = draw(r.key)
		}
		if got != want {
			t.Errorf("%q: got %q (%v), want %q", in, got, err, want)
		}
	}
}

func TestMatchList(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "a/b", true}, {"%", "a/b", false}, {"%", "ab", true}, {"a/%", "a/b", true}, {"a/%", "a/b/c", false}, {"a*c", "a/b/c", true},
		{"inbox", "INBOX", true}, {"inbox/*", "INBOX/x", true}, {"INBOX", "inboxes", false}, {"", "", true}, {"", "a", false},
		{"%/%", "a/b", true}, {"*b", "ab", true}, {"a", "A", false}, {"%%%%%%%%x", strings.Repeat("a", 1000), false},
	} {
		if got := matchAny([]string{tt.pattern}, "", tt.name, "/"); got != tt.want {
			t.Errorf("%q, %q: got %v", tt.pattern, tt.name, got)
		}
	}
}

func TestUTF7(t *testing.T) {
	for name, want := range map[string]string{
		"Été": "&AMk-t&AOk-", "a&b": "a&-b", "~peter/mail": "~peter/mail", "日本語": "&ZeVnLIqe-", "😀": "&2D3eAA-", "": "",
	} {
		if got := encodeUTF7(name, ""); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
		if got, ok := decodeUTF7(want); got != name || !ok {
			t.Errorf("%q: got %q, want %q", want, got, name)
		}
	}
	if got := encodeUTF7("a.b", "."); got != "a&AC4-b" {
		t.Error(got)
	}
	for _, bad := range []string{"&", "&x", "&A-", "&AM-", "&2D0-", "\xff", "a&*-"} {
		if got, ok := decodeUTF7(bad); ok {
			t.Errorf("%q: got %q", bad, got)
		}
	}
}

// TestThreads: RFC 5256's algorithms over messages in a shorthand: "id<ref<ref subject".
func TestThreads(t *testing.T) {
	for _, tt := range []struct {
		name     string
		messages []string
		refs     string
		subjects string
	}{
		{"nothing", nil, "", ""},
		{"a chain", []string{"a s", "b<a s", "c<b<a s"}, "(1 2 3)", "(1 (2)(3))"},
		{"two answers", []string{"a s", "b<a s", "c<a s"}, "(1 (2)(3))", "(1 (2)(3))"},
		{"a missing parent of two", []string{"b<a s", "c<a t"}, "((1)(2))", "(1)(2)"},
		{"a missing parent of one", []string{"b<a s"}, "(1)", "(1)"},
		{"a missing one between", []string{"a s", "c<b<a s"}, "(1 2)", "(1 2)"},
		{"answers by subject", []string{"a s", "b Re:s", "c t"}, "(1 2)(3)", "(1 2)(3)"},
		{"same subject, no answer", []string{"a s", "b s"}, "((1)(2))", "(1 2)"},
		{"a loop", []string{"a<b s", "b<a t"}, "(2 1)", "(1)(2)"},
		{"itself", []string{"a<a s"}, "(1)", "(1)"},
		{"one id twice", []string{"a s", "a t"}, "(1)(2)", "(1)(2)"},
		{"no id", []string{" s", " t"}, "(1)(2)", "(1)(2)"},
	} {
		entries := func() (es []*entry) {
			for i, m := range tt.messages {
				head, subject, _ := strings.Cut(m, " ")
				ids := strings.Split(head, "<")
				e := &entry{index: i, id: ids[0]}
				for _, ref := range ids[1:] {
					e.refs = append([]string{ref}, e.refs...)
				}
				e.subject, e.reply = strings.CutPrefix(subject, "Re:")
				es = append(es, e)
			}
			return es
		}
		for want, build := range map[*string]func([]*entry) []*node{&tt.refs: byReferences, &tt.subjects: orderedSubject} {
			c := &conn{out: &writer{pool: &buffers{}}}
			for _, n := range build(entries()) {
				c.out.byte('(')
				c.writeThread(n, false)
				c.out.byte(')')
			}
			if got := string(c.out.buf); got != *want {
				t.Errorf("%s: got %s, want %s", tt.name, got, *want)
			}
		}
	}
}

func TestApply(t *testing.T) {
	for _, tt := range []struct {
		change   mail.FlagChange
		flags    mail.Flags
		keywords []string
	}{
		{mail.FlagChange{Op: mail.SetFlags, Flags: mail.Draft, Keywords: []string{"z"}}, mail.Draft, []string{"z"}},
		{mail.FlagChange{Op: mail.AddFlags, Flags: mail.Draft, Keywords: []string{"A", "c"}}, mail.Seen | mail.Draft, []string{"a", "b", "c"}},
		{mail.FlagChange{Op: mail.RemoveFlags, Flags: mail.Seen, Keywords: []string{"B", "z"}}, 0, []string{"a"}},
	} {
		given := []string{"a", "b"}
		f, k := tt.change.Apply(mail.Seen, given)
		if f != tt.flags || !slices.Equal(k, tt.keywords) || !slices.Equal(given, []string{"a", "b"}) {
			t.Errorf("%+v: got %v %v", tt.change, f, k)
		}
	}
}

func TestContains(t *testing.T) {
	long := strings.Repeat("x", 3*scanPiece)
	for _, tt := range []struct {
		text, needle string
		want         bool
	}{
		{"Hello", "hello", true}, {"ÉTÉ", "été", true}, {"ete", "été", false}, {long + "AbC", "abc", true},
		{long[:scanPiece-1] + "abc", "abc", true}, {long[:scanPiece-1] + "ÉTÉ", "été", true}, {long[:scanPiece-2] + "ÉTÉ" + long, "été", true},
		{"a\xe9", "aé", true}, {"", "a", false}, {"aab", "ab", true},
	} {
		for _, r := range []int{1, 7, 1 << 20} {
			if got, err := contains(&stutter{tt.text, r}, fold(tt.needle), make([]byte, scanPiece)); got != tt.want || err != nil {
				t.Errorf("%.10q %q by %d: got %v, %v", tt.text, tt.needle, r, got, err)
			}
		}
	}
	if diff := cmp.Diff("a b", fold("A B")); diff != "" {
		t.Error(diff)
	}
}
