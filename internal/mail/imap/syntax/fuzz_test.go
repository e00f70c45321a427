package syntax

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzMatch: LIST's patterns match as the regular expressions that they stand for.
func FuzzMatch(f *testing.F) {
	f.Add("*a%.b", "xa.b")
	f.Add("INBOX.%", "INBOX.a.b")
	f.Add("%%*", "")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if len(pattern) > 40 || len(name) > 200 || !utf8.ValidString(pattern) || !utf8.ValidString(name) {
			return
		}
		like := strings.NewReplacer(`\*`, `(?s:.*)`, "%", `[^.]*`, "*", "").Replace(regexp.QuoteMeta(pattern))
		if want, got := regexp.MustCompile("^"+like+"$").MatchString(name), matchList(pattern, name, '.'); got != want {
			t.Fatalf("%q matches %q: %v", pattern, name, got)
		}
	})
}

// FuzzParser: the parser's pieces end and stay within their input.
func FuzzParser(f *testing.F) {
	for _, s := range []string{"a1 LOGIN \"x\\\"\" {3}\r\nabc (\\Seen x) 1:*,3 ~{1+}\r\n\x00", "{", "((((", "\"\\", "(QRESYNC (1 2 3:4 (1 2)))"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		for _, take := range []func(*Parser) error{
			func(p *Parser) error { _, err := p.AString(); return err },
			func(p *Parser) error { _, err := p.Typed(); return err },
			func(p *Parser) error { _, err := p.Set(); return err },
			func(p *Parser) error { _, _, err := p.FlagList(); return err },
			func(p *Parser) error { _, err := p.DateTime(); return err },
			func(p *Parser) error { _, err := p.StatusItems(); return err },
			func(p *Parser) error { _, err := p.ListArguments(); return err },
			func(p *Parser) error { _, _, err := p.Message(); return err },
			func(p *Parser) error { _, err := p.Store(); return err },
			func(p *Parser) error { _, _, err := p.Sort(); return err },
			func(p *Parser) error { _, err := p.SelectParameters(true); return err },
			func(p *Parser) error { return p.ID() },
		} {
			p := New(in, nil)
			for p.pos < len(in) {
				before := p.pos
				err := take(p)
				if p.pos > len(in) {
					t.Fatalf("beyond the end: %d of %d", p.pos, len(in))
				}
				if p.pos == before || err != nil {
					break
				}
			}
		}
		if n, _, ok := LiteralMark(in); ok && n < 0 {
			t.Fatal(n)
		}
	})
}
