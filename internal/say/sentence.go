package say

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// A sentence is a format taken apart: what is said, and the verbs between. One more piece than verbs.
type sentence struct {
	pieces []string
	verbs  []verb
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

// match takes a text apart that was made from the format: what stands for each argument.
//
// A name has no colon with a blank behind it; where an error is told, one may be, for errors begin with what they are about.
// So a sentence that begins with a name is not found behind something else that was put before it: "a.csv:3: NAME is missing".
func (s sentence) match(text string) (args []string, found bool) {
	rest, found := strings.CutPrefix(text, s.pieces[0])
	if !found || strings.Contains(text, "\n") && !s.lines() {
		return nil, false
	}
	args = make([]string, s.arguments())
	if !s.fill(args, 0, rest) || s.filled(args, verbatim) != text {
		return nil, false
	}
	if s.pieces[0] == "" && s.verbs[0].kind != 'w' && strings.Contains(args[s.verbs[0].arg], ": ") {
		return nil, false
	}
	return args, true
}

// fill finds what stands for the n-th verb and those behind it.
func (s sentence) fill(args []string, n int, text string) bool {
	v, piece := s.verbs[n], s.pieces[n+1]
	if n == len(s.verbs)-1 {
		arg, found := strings.CutSuffix(text, piece)
		args[v.arg] = arg
		return found && v.takes(arg)
	}
	for end := range len(text) + 1 {
		rest, found := strings.CutPrefix(text[end:], piece)
		if found && v.takes(text[:end]) && s.fill(args, n+1, rest) {
			args[v.arg] = text[:end]
			return true
		}
	}
	return false
}

// lines tells whether the format has several; of what has one, no text of several is made.
func (s sentence) lines() bool { return strings.Contains(strings.Join(s.pieces, ""), "\n") }

// arguments is how many a format takes.
func (s sentence) arguments() (most int) {
	for _, v := range s.verbs {
		most = max(most, v.arg+1)
	}
	return most
}

func verbatim(text string) string { return text }

// takes tells whether a text may stand for the verb.
func (v verb) takes(text string) bool {
	switch v.kind {
	case 'd':
		_, err := strconv.Atoi(strings.TrimSpace(text))
		return err == nil
	case 'q':
		_, err := strconv.Unquote(text)
		return err == nil
	}
	return true
}

// say fills the sentence. What stands for %w is itself said.
func (s sentence) say(args []any, text func(string) string) string {
	var out strings.Builder
	for n, v := range s.verbs {
		out.WriteString(s.pieces[n])
		switch {
		case v.arg >= len(args):
			out.WriteString(v.text)
		case v.kind == 'w':
			out.WriteString(text(fmt.Sprint(args[v.arg])))
		default:
			fmt.Fprintf(&out, v.text, args[v.arg])
		}
	}
	return out.String() + s.pieces[len(s.pieces)-1]
}

// filled is the sentence with texts in the places of its verbs.
func (s sentence) filled(args []string, text func(string) string) string {
	var out strings.Builder
	for n, v := range s.verbs {
		out.WriteString(s.pieces[n])
		if v.kind == 'w' {
			out.WriteString(text(args[v.arg]))
		} else {
			out.WriteString(args[v.arg])
		}
	}
	return out.String() + s.pieces[len(s.pieces)-1]
}
