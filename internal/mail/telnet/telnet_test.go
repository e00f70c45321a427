package telnet

import (
	"strings"
	"testing"
)

// filtered is the text in what was typed, and how many answers are due.
func filtered(typed string) (string, int) {
	var f Filter
	var b strings.Builder
	due := 0
	for _, c := range []byte(typed) {
		is, mark := f.Take(c)
		if is {
			b.WriteByte(c)
		}
		if mark {
			due++
		}
	}
	return b.String(), due
}

func TestFilter(t *testing.T) {
	for _, tc := range []struct {
		typed, text string
		due         int
	}{
		{"helo pv\r\n", "helo pv\r\n", 0},
		{"\xff\xfd\x18he\xff\xf4\xff\xfd\x06lo", "helo", 1},
		{"a\xff\xffb", "a\xffb", 0},
		{"\xff\xfb\x06\xff\xfc\x06\xff\xfe\x06x", "x", 0}, // only DO asks for an answer
		{"\xff\xfa\x18\x00x\xff\xff\xf0\xff\xf0pv", "pv", 0},
		{"\xff\xfa\x18\x00\xff\xfd\x06never ended", "", 0},
		{"\xff\xfd\xffx", "x", 0}, // an option may be 255
		{"x\xff", "x", 0},
	} {
		if text, due := filtered(tc.typed); text != tc.text || due != tc.due {
			t.Errorf("%q: got %q and %d answers, want %q and %d", tc.typed, text, due, tc.text, tc.due)
		}
	}
}

func TestInterruption(t *testing.T) {
	const mail = "ligne 1\r\n\xff\xf4\xff\xfd\x06ligne 2\xff\xfd\x06 \xff\xff\xf4\xff\xfd\x06\r\n" // two: the second behind a lone IAC
	for cut := range len(mail) + 1 {
		var i Interruption
		if due := i.Look([]byte(mail[:cut])) + i.Look([]byte(mail[cut:])); due != 2 {
			t.Errorf("cut at %d: %d answers, want 2", cut, due)
		}
	}
}

// FuzzFilter: text without IAC passes whole, a doubled IAC is one, and no more comes out than went in.
func FuzzFilter(f *testing.F) {
	f.Add("helo pv\r\n")
	f.Add("\xff\xfa\xff\xff\xf0\xff\xf0")
	f.Fuzz(func(t *testing.T, typed string) {
		text, due := filtered(typed)
		if len(text)+3*due > len(typed) {
			t.Errorf("%q gives %q and %d answers", typed, text, due)
		}
		doubled, due := filtered(strings.ReplaceAll(typed, "\xff", "\xff\xff"))
		if doubled != typed || due != 0 {
			t.Errorf("%q, doubled, gives %q and %d answers", typed, doubled, due)
		}
	})
}
