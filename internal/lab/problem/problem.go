// Package problem is how the parsers of what people write (lab files, rosters) report: everything that is wrong, at
// once, each with its place and, where one is known, its mend.
package problem

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong in a file.
type Problem struct {
	File    string `json:"file"`
	Line    int    `json:"line"` // from 1; 0 is the file as a whole
	Message string `json:"message"`
	Mend    string `json:"mend,omitempty"` // what to do about it
}

// What a message quotes comes from files that anybody writes: a text of theirs is told up to so many letters, a list up
// to so many entries.
const (
	mostLetters = 200
	mostWord    = 60 // an entry's
	mostWords   = 30
)

// New words a problem as fmt.Sprintf does, with what it quotes cut to a length that a terminal can show. A []string is
// told as a list.
func New(file string, line int, mend, format string, args ...any) Problem {
	told := make([]any, len(args))
	for i, arg := range args {
		told[i] = bounded(arg)
	}
	return Problem{File: file, Line: line, Message: fmt.Sprintf(format, told...), Mend: short(mend, mostLetters)}
}

func bounded(arg any) any {
	switch arg := arg.(type) {
	case string:
		return short(arg, mostLetters)
	case error:
		return short(arg.Error(), mostLetters)
	case fmt.Stringer:
		return short(arg.String(), mostLetters)
	case []string:
		return list(arg)
	}
	return arg
}

func list(words []string) string {
	var told []string
	for _, word := range words[:min(len(words), mostWords)] {
		told = append(told, Short(word))
	}
	if len(words) > mostWords {
		told = append(told, "…")
	}
	return strings.Join(told, ", ")
}

// Short is a cell or a name as it is quoted in passing.
func Short(text string) string { return short(text, mostWord) }

// short leaves the middle out: how a text begins and ends tells it from others.
func short(text string, most int) string {
	if len(text) <= most { // as many letters, or fewer
		return text
	}
	letters := []rune(text)
	if len(letters) <= most {
		return text
	}
	end := most / 4
	return string(letters[:most-1-end]) + "…" + string(letters[len(letters)-end:])
}

// String is "file:line: message (mend)".
func (p Problem) String() string {
	place := p.File
	if p.Line > 0 {
		place = fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	if p.Mend == "" {
		return place + ": " + p.Message
	}
	return fmt.Sprintf("%s: %s (%s)", place, p.Message, p.Mend)
}

// List is all that is wrong, by file and line. It is an error; callers that want the parts use errors.As.
type List []Problem

// Error is one problem a line.
func (l List) Error() string {
	lines := make([]string, len(l))
	for i, p := range l {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Err is the list by file, line and message, without repetitions, or nil when it is empty.
func (l List) Err() error {
	if len(l) == 0 {
		return nil
	}
	slices.SortStableFunc(l, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(l)
}
