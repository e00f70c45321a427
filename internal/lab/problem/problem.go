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
