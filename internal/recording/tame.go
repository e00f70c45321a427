package recording

import (
	"slices"
	"strings"
)

// tame lets through what moves a cursor, colours and erases, and nothing else that a terminal does when it is told to: what a
// student had his terminal show is not to write a teacher's clipboard, rename a window, turn the mouse on or have the terminal
// answer (ECMA-48; xterm's control sequences). A sequence may come in pieces.
type tame struct {
	held strings.Builder // a sequence that has begun
	kind rune            // '[' in a CSI, ']' in a string that is not let through, '(' before a character set, 0x1b behind an ESC; 0: none
	esc  bool            // within a string: an ESC that may end it
}

// reset leaves a terminal as one finds it.
const reset = "\x1b[?1049l\x1b[?25h\x1b[?7h\x1b[0m\x1b[r\x1b(B"

// longestSequence is the longest that is let through.
const longestSequence = 64

func (t *tame) apply(text string) string {
	var out strings.Builder
	for _, r := range text {
		out.WriteString(t.rune(r))
	}
	return out.String()
}

// rune returns what is let through now.
func (t *tame) rune(r rune) string {
	switch t.kind {
	case 0:
		return t.plain(r)
	case ']':
		t.within(r)
		return ""
	}
	t.held.WriteRune(r)
	switch {
	case t.held.Len() > longestSequence:
		return t.end(false)
	case t.kind == 0x1b:
		return t.escape(r)
	case t.kind == '(':
		return t.end(r == 'B' || r == '0')
	case r >= '@' && r <= '~': // the end of a CSI
		return t.end(movesOrColours(t.held.String()))
	case r < ' ': // it was broken off
		return t.end(false)
	}
	return ""
}

func (t *tame) plain(r rune) string {
	switch {
	case r == 0x1b:
		t.kind = r
		t.held.WriteRune(r)
		return ""
	case r < ' ' && !strings.ContainsRune("\r\n\t\b", r), r >= 0x7f && r < 0xa0:
		return ""
	}
	return string(r)
}

// escape is behind an ESC.
func (t *tame) escape(r rune) string {
	switch r {
	case '[', '(':
		t.kind = r
		return ""
	case ']', 'P', 'X', '^', '_': // OSC, DCS, SOS, PM, APC: strings
		t.held.Reset()
		t.kind = ']'
		return ""
	}
	return t.end(strings.ContainsRune("78DEM=>", r)) // save, restore, index, next line, reverse index, keypad
}

// within waits for the end of a string: BEL, or ESC \.
func (t *tame) within(r rune) {
	if r == 0x07 || r == 0x18 || r == 0x1a || t.esc && r == '\\' {
		t.end(false)
		return
	}
	t.esc = r == 0x1b
}

func (t *tame) end(through bool) string {
	text := t.held.String()
	t.held.Reset()
	t.kind, t.esc = 0, false
	if through {
		return text
	}
	return ""
}

// movesOrColours tells whether a CSI sequence is one of those that are let through.
func movesOrColours(sequence string) bool {
	body, final := sequence[2:len(sequence)-1], sequence[len(sequence)-1]
	if private, is := strings.CutPrefix(body, "?"); is {
		ours := func(mode string) bool { // cursor keys, wrapping, blinking and shown cursor, the other screen
			return slices.Contains([]string{"1", "7", "12", "25", "47", "1047", "1048", "1049"}, mode)
		}
		return (final == 'h' || final == 'l') && !slices.ContainsFunc(strings.Split(private, ";"), func(mode string) bool { return !ours(mode) })
	}
	return strings.Trim(body, "0123456789;:") == "" && strings.ContainsRune("ABCDEFGHJKLMPSTXZ@`adefmrsu", rune(final))
}
