// Package screen is the teacher's terminal: what many sandboxes say side by side comes line by line and in their order, tables
// have columns, and nothing that a student wrote is a command to the terminal. Students' words are everywhere: in logs, answers,
// names, subjects, in what a program of theirs prints. So one filter stands where text reaches a terminal (Filter), and what
// goes into a file or a pipe stays as it is.
package screen

import (
	"io"
	"os"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/term"
)

// shown is what a terminal may be given for a character: itself, or, where it would act upon it or turn text around, U+FFFD.
// That is C0 and C1 controls (ECMA-48), the bidirectional controls of UAX 9, and separators of lines and paragraphs.
func shown(r rune) rune {
	switch {
	case r < ' ', 0x7f <= r && r < 0xa0, r == 0x061c, r == 0x200e, r == 0x200f, 0x2028 <= r && r <= 0x202e, 0x2066 <= r && r <= 0x2069, r == 0xfeff:
		return utf8.RuneError
	}
	return r
}

// Line is text in one line, with nothing in it that a terminal would act upon.
func Line(text string) string { return strings.Map(shown, text) }

// Filter is a terminal that is shown lines of text: but for their ends and tabs, nothing in them is a command to it.
type Filter struct {
	mu   sync.Mutex
	out  *os.File
	rest []byte // of a character that is not whole yet
}

// Filtered is out behind a Filter where out is a terminal, else out itself.
func Filtered(out io.Writer) io.Writer {
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return &Filter{out: f}
	}
	return out
}

// Raw is what is behind a Filter: for whoever commands the terminal, or hands it on whole.
func Raw(out io.Writer) io.Writer {
	if f, ok := out.(*Filter); ok {
		return f.out
	}
	return out
}

// IsTerminal tells whether a person looks at (or types at) it, through a Filter or not.
func IsTerminal(stream any) bool {
	if f, ok := stream.(*Filter); ok {
		stream = f.out
	}
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Write filters.
func (f *Filter) Write(text []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var clean strings.Builder
	clean.Grow(len(text))
	f.rest = filter(&clean, append(f.rest, text...))
	if _, err := io.WriteString(f.out, clean.String()); err != nil {
		return 0, err
	}
	return len(text), nil
}

// filter writes what may be shown, and returns the beginning of a character that is not whole.
func filter(to *strings.Builder, text []byte) (rest []byte) {
	for len(text) > 0 {
		if !utf8.FullRune(text) {
			return text
		}
		r, size := utf8.DecodeRune(text)
		switch {
		case r == '\r' && len(text) > 1 && text[1] == '\n':
		case r == '\n', r == '\t':
			to.WriteRune(r)
		default:
			to.WriteRune(shown(r))
		}
		text = text[size:]
	}
	return nil
}
