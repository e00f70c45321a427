package syntax

import (
	"fmt"
	"strings"
	"testing"
)

func TestLiteralMark(t *testing.T) {
	for line, want := range map[string]string{
		"a login {5}": "5 true true", "{0}": "0 true true", "a append x {12+}": "12 false true", "x ~{3}": "3 true true",
		"": "0 false false", "{}": "0 false false", "{+}": "0 false false", "{5} ": "0 false false", "{-5}": "0 false false",
		"5}": "0 false false", "{9999999999999999999}": "0 false false", "\"{5}\"": "0 false false",
		`a1 SEARCH SUBJECT "x {3}`: "0 false false", `a1 SEARCH SUBJECT "x\" {3}`: "0 false false", `a1 SEARCH SUBJECT "x" {3}`: "3 true true",
		`a1 LOGIN u"v {3}`: "3 true true", `a LIST ("x {3+}`: "0 false false",
	} {
		n, sync, ok := LiteralMark([]byte(line))
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
		p := New([]byte(in), nil)
		got, err := p.AString()
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
		p := New([]byte(in), nil)
		set, err := p.Set()
		got := "!"
		if err == nil {
			got = set.Resolve(9).Merged().String()
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// TestFetchItems: what is asked for, as the response names it; + is what makes a message \Seen.
func TestFetchItems(t *testing.T) {
	quote := func(name string, _ bool) string { return `"` + name + `"` }
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
		"1 BODY[0]":                                       "!", "1 BODY[1.0]": "!", "1 BINARY[0]": "!", "1 (ALL)": "!",
		"1 FLAGS (CHANGEDSINCE 12 VANISHED)": "FLAGS since 12", "1 FLAGS (VANISHED)": "!",
	} {
		p := New([]byte(in), nil)
		r, err := p.Fetch()
		got := "!"
		if err == nil {
			var labels []string
			for _, i := range r.Items {
				labels = append(labels, i.Label(quote)+map[bool]string{true: "+"}[i.Seen])
			}
			if got = strings.Join(labels, " "); r.HasSince {
				got += fmt.Sprint(" since ", r.Since)
			}
		}
		if got != want {
			t.Errorf("%q: got %q (%v), want %q", in, got, err, want)
		}
	}
}

// draw writes a search tree.
func draw(k *SearchKey) string {
	names := [...]string{"and", "or", "not", "set", "flag", "keyword", "recent", "before", "on", "since", "sentbefore", "senton",
		"sentsince", "larger", "smaller", "modseq", "header", "body", "text"}
	s := names[k.Op]
	for _, sub := range k.Sub {
		s += "(" + draw(sub) + ")"
	}
	switch {
	case k.Op == SearchSet:
		s += " " + k.Set.String()
	case k.Op == SearchFlag:
		s += " " + k.Flag.String()
	case k.N > 0:
		s += fmt.Sprint(" ", k.N)
	case !k.Date.IsZero():
		s += k.Date.Format(" 2006-01-02")
	case k.Op == SearchHeader:
		s += " " + k.Field + "=" + k.Text
	case k.Text != "":
		s += " " + k.Text
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
		p := New([]byte(in), nil)
		r, err := p.Search(false)
		got := "!"
		if err == nil {
			got = draw(r.Key)
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
		if got := MatchAny([]string{tt.pattern}, "", tt.name, "/"); got != tt.want {
			t.Errorf("%q, %q: got %v", tt.pattern, tt.name, got)
		}
	}
}

func TestUTF7(t *testing.T) {
	for name, want := range map[string]string{
		"Été": "&AMk-t&AOk-", "a&b": "a&-b", "~peter/mail": "~peter/mail", "日本語": "&ZeVnLIqe-", "😀": "&2D3eAA-", "": "",
	} {
		if got := EncodeUTF7(name, ""); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
		if got, ok := DecodeUTF7(want); got != name || !ok {
			t.Errorf("%q: got %q, want %q", want, got, name)
		}
	}
	if got := EncodeUTF7("a.b", "."); got != "a&AC4-b" {
		t.Error(got)
	}
	for _, bad := range []string{"&", "&x", "&A-", "&AM-", "&2D0-", "\xff", "a&*-"} {
		if got, ok := DecodeUTF7(bad); ok {
			t.Errorf("%q: got %q", bad, got)
		}
	}
}
