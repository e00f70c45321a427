package say

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
)

// A sentence is a format taken apart: what is said, and the verbs between. One more piece than verbs.
type sentence struct {
	pieces  []string
	verbs   []verb
	pattern func() *regexp.Regexp // expression, made once it is needed
}

// verb is one of a format's, such as %d or %[2]s.
type verb struct {
	text string // as written, without an index
	kind byte   // its letter
	arg  int    // from 0
}

var verbs = regexp.MustCompile(`%(\[\d+\])?[-+# 0]*\d*(\.\d+)?[a-zA-Z%]`)

// takeApart reads a format as fmt does.
func takeApart(format string) sentence {
	s, piece, next := sentence{}, "", 0
	for at := 0; ; {
		place := verbs.FindStringSubmatchIndex(format[at:])
		if place == nil {
			s.pieces = append(s.pieces, piece+format[at:])
			s.pattern = sync.OnceValue(s.expression)
			return s
		}
		piece += format[at : at+place[0]]
		text := format[at+place[0] : at+place[1]]
		at += place[1]
		if text == "%%" {
			piece += "%"
			continue
		}
		if place[2] >= 0 {
			index, _ := strconv.Atoi(format[at-place[1]+place[2]+1 : at-place[1]+place[3]-1]) // the expression has digits only
			text, next = "%"+format[at-place[1]+place[3]:at], index-1
		}
		s.pieces, s.verbs = append(s.pieces, piece), append(s.verbs, verb{text, text[len(text)-1], next})
		piece, next = "", next+1
	}
}

// letters counts those that are said, whatever comes between: of several sentences that a text may be, the one that says
// most is it.
func (s sentence) letters() (sum int) {
	for _, piece := range s.pieces {
		for _, r := range piece {
			if unicode.IsLetter(r) {
				sum++
			}
		}
	}
	return sum
}

// match takes a text apart that was made from the format: what stands for each argument. What stands for a name may have
// none of these in it, so that a sentence is not found in what was put together with something else.
func (s sentence) match(text string, unlike []string) (args []string, found bool) {
	first, last := s.pieces[0], s.pieces[len(s.verbs)]
	if !strings.HasPrefix(text, first) || !strings.HasSuffix(text, last) || strings.Contains(text, "\n") && !s.lines() {
		return nil, false
	}
	groups := s.pattern().FindStringSubmatch(text)
	if groups == nil {
		return nil, false
	}
	args = make([]string, s.arguments())
	for n, v := range s.verbs {
		args[v.arg] = groups[n+1]
		if v.kind == 's' && slices.ContainsFunc(unlike, func(joint string) bool { return strings.Contains(groups[n+1], joint) }) {
			return nil, false
		}
	}
	return args, s.filled(args, verbatim) == text
}

// expression matches what is made from the format, in time that grows with the text alone.
func (s sentence) expression() *regexp.Regexp {
	var all strings.Builder
	for n, v := range s.verbs {
		all.WriteString(regexp.QuoteMeta(s.pieces[n]) + v.expression())
	}
	return regexp.MustCompile(`(?s)^` + all.String() + regexp.QuoteMeta(s.pieces[len(s.verbs)]) + `$`)
}

// expression matches what the verb makes, as short as may be.
func (v verb) expression() string {
	switch v.kind {
	case 'd':
		return `( *-?\d+ *)`
	case 'q':
		return `("(?:[^"\\]|\\.)*")`
	}
	return `(.*?)`
}

// says is the sentence where its translation says what is put in: there it is no name, but a text, as an error is.
func (s sentence) says(translation sentence) sentence {
	s.verbs = slices.Clone(s.verbs)
	for n, v := range s.verbs {
		if slices.ContainsFunc(translation.verbs, func(other verb) bool { return other.arg == v.arg && other.kind == 'w' }) {
			s.verbs[n].kind = 'w'
		}
	}
	return s
}

// formattedAs is a translation that puts in what the English does, as that does it: "x" for %q, whatever stands in the file.
// What is an error there, or may be one (%w, %v), is said.
func (s sentence) formattedAs(english sentence) sentence {
	for n, v := range s.verbs {
		for _, other := range english.verbs {
			switch {
			case other.arg != v.arg || v.kind == 'w':
			case other.kind == 'w' || other.kind == 'v':
				s.verbs[n].kind = 'w'
			default:
				s.verbs[n].text = other.text
			}
		}
	}
	return s
}

// lines tells whether the format has several; of what has one, no text of several is made.
func (s sentence) lines() bool { return strings.Contains(strings.Join(s.pieces, ""), "\n") }

// recognisable tells whether a text can be taken for what was made from the format: it says something between its names.
// "%s of %s" may be anything.
func (s sentence) recognisable() bool {
	if len(s.verbs) == 0 {
		return false
	}
	least := 4 // letters
	if s.pieces[0] == "" && s.pieces[len(s.verbs)] == "" && s.verbs[0].kind == 's' {
		least = 6
	}
	return s.letters() >= least
}

// arguments is how many a format takes.
func (s sentence) arguments() (most int) {
	for _, v := range s.verbs {
		most = max(most, v.arg+1)
	}
	return most
}

func verbatim(text string) string { return text }

// say fills the sentence. What stands for %w is itself said.
func (s sentence) say(args []any, text func(string) string) string {
	out := ""
	for n, v := range s.verbs {
		out += s.pieces[n]
		switch {
		case v.arg >= len(args):
			out += v.text
		case v.kind == 'w':
			out = elided(out, text(fmt.Sprint(args[v.arg])))
		default:
			out += fmt.Sprintf(v.text, args[v.arg])
		}
	}
	return out + s.pieces[len(s.pieces)-1]
}

// filled is the sentence with texts in the places of its verbs.
func (s sentence) filled(args []string, text func(string) string) string {
	out := ""
	for n, v := range s.verbs {
		if out += s.pieces[n]; v.kind == 'w' {
			out = elided(out, text(args[v.arg]))
		} else {
			out += args[v.arg]
		}
	}
	return out + s.pieces[len(s.pieces)-1]
}

// elided puts a text behind another: of "de" and "un étudiant" French makes "d'un étudiant". No English sentence ends so.
func elided(before, text string) string {
	if of, found := strings.CutSuffix(before, " de "); found && (strings.HasPrefix(text, "un ") || strings.HasPrefix(text, "une ")) {
		return of + " d'" + text
	}
	return before + text
}
