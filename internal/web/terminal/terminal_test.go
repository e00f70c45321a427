package terminal

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

// fake is a program whose output the test writes, and which keeps what it is sent.
type fake struct {
	out  *io.PipeReader
	in   *io.PipeWriter
	got  chan string
	size chan [2]int
}

func newFake() *fake {
	out, in := io.Pipe()
	return &fake{out, in, make(chan string, 100), make(chan [2]int, 100)}
}

func (f *fake) Read(p []byte) (int, error)  { return f.out.Read(p) }
func (f *fake) Write(p []byte) (int, error) { f.got <- string(p); return len(p), nil }
func (f *fake) Close() error                { return f.in.Close() }
func (f *fake) Resize(cols, rows int) error { f.size <- [2]int{cols, rows}; return nil }

// watched is what somebody who looks at a terminal sees.
type watched struct {
	Frame
	rows    []string
	styles  []string
	history []string
	title   string
}

func (w *watched) take(f Frame) {
	if f.Size != nil {
		w.rows, w.styles = make([]string, f.Size[1]), make([]string, f.Size[1])
		w.Size = f.Size
	}
	for y, row := range f.Rows {
		w.rows[y], w.styles[y] = text(row), styles(row)
	}
	for _, row := range f.History {
		w.history = append(w.history, text(row))
	}
	if f.Cursor != nil {
		w.Cursor = f.Cursor
	}
	if f.Title != nil {
		w.title = *f.Title
	}
	if f.Keys != nil {
		w.Keys = f.Keys
	}
	w.Over = f.Over
}

func text(row Row) (s string) {
	for _, run := range row {
		s += run[0]
	}
	return s
}

func styles(row Row) (s string) {
	for _, run := range row {
		s += "[" + run[1] + "]"
	}
	return s
}

// until looks at a terminal until what is seen is right.
func until(t *testing.T, term *Terminal, right func(w *watched) bool) *watched {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	w := &watched{}
	done := errors.New("right")
	err := term.Watch(ctx, func(f Frame) error {
		w.take(f)
		if right(w) {
			return done
		}
		return nil
	})
	if !errors.Is(err, done) && !right(w) {
		t.Fatalf("never: %v, %q", err, w.rows)
	}
	return w
}

// TestScreen: text, colours, the cursor, a title, modes; whoever comes later sees the same; what a program asks is answered.
func TestScreen(t *testing.T) {
	p := newFake()
	term := Start(p, 30, 6)
	defer term.Close()
	go io.WriteString(p.in, "\x1b]0;<b>vi\x07plain \x1b[1;31mred\x1b[0m \x1b[38;2;1;2;3mrgb\x1b[0m é漢\r\n\x1b[?1hsecond\x1b[6n")
	for range 2 {
		w := until(t, term, func(w *watched) bool { return strings.HasPrefix(w.rows[1], "second") })
		if w.rows[0] != "plain red rgb é漢" || w.styles[0] != "[][b f1][][f#010203][]" || w.title != "<b>vi" || w.Keys == nil || !*w.Keys {
			t.Errorf("%q %q %q %v", w.rows[0], w.styles[0], w.title, w.Keys)
		}
		if w.Cursor[0] != 6 || w.Cursor[1] != 1 {
			t.Errorf("the cursor is at %v", w.Cursor)
		}
	}
	if got := <-p.got; got != "\x1b[2;7R" {
		t.Errorf("the cursor's place is told as %q", got)
	}
	go io.WriteString(p.in, "\x1b[?1049h\x1b[2J\x1b[Hother")
	until(t, term, func(w *watched) bool { return w.rows[0] == "other" })
	go io.WriteString(p.in, "\x1b[?1049l")
	until(t, term, func(w *watched) bool { return w.rows[1] == "second" })
}

// TestScrolled: what scrolls off is history, bounded, and whoever comes later gets it, too.
func TestScrolled(t *testing.T) {
	p := newFake()
	term := Start(p, 30, 6)
	defer term.Close()
	go io.WriteString(p.in, strings.Repeat("line\r\n", maxHistory+100)+"end")
	w := until(t, term, func(w *watched) bool { return w.rows[5] == "end" })
	if n := len(w.history); n < maxHistory-6 {
		t.Errorf("%d lines of history", n)
	}
	w = until(t, term, func(w *watched) bool { return w.rows[5] == "end" })
	if n := len(w.history); n != maxHistory || w.history[0] != "line" {
		t.Errorf("%d lines of history for who comes later", n)
	}
}

// TestTyped: keys, and pastes, which a program may want marked.
func TestTyped(t *testing.T) {
	p := newFake()
	term := Start(p, 30, 6)
	defer term.Close()
	for _, do := range []func() error{func() error { return term.Type("ls\r") }, func() error { return term.Paste("a\rb") }} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	if one, two := <-p.got, <-p.got; one != "ls\r" || two != "a\rb" {
		t.Errorf("%q %q", one, two)
	}
	go io.WriteString(p.in, "\x1b[?2004hready")
	until(t, term, func(w *watched) bool { return w.rows[0] == "ready" })
	if err := term.Paste("x"); err != nil {
		t.Fatal(err)
	}
	if got := <-p.got; got != "\x1b[200~x\x1b[201~" {
		t.Errorf("%q", got)
	}
}

// TestSize: it is told to the program, within bounds, and what is seen follows.
func TestSize(t *testing.T) {
	p := newFake()
	term := Start(p, 30, 6)
	defer term.Close()
	for _, s := range [][2]int{{40, 10}, {0, 0}, {9999, 9999}} {
		if err := term.Resize(s[0], s[1]); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range [][2]int{{40, 10}, {minCols, minRows}, {maxCols, maxRows}} {
		if got := <-p.size; got != want {
			t.Errorf("%v, want %v", got, want)
		}
	}
	until(t, term, func(w *watched) bool { return len(w.rows) == maxRows })
}

// TestOver: the end is seen with what was written last, by who looks and by who comes later.
func TestOver(t *testing.T) {
	p := newFake()
	term := Start(p, 30, 6)
	go func() {
		_, _ = io.WriteString(p.in, "logout")
		p.in.Close()
	}()
	for range 2 {
		if w := until(t, term, func(w *watched) bool { return w.Over }); w.rows[0] != "logout" || w.Cursor[0] != -1 {
			t.Errorf("%q %v", w.rows[0], w.Cursor)
		}
	}
	if !term.Over() {
		t.Error("it goes on")
	}
}

// FuzzScreen: nothing that a program writes stops its screen.
func FuzzScreen(f *testing.F) {
	f.Add([]byte("\x1b[999;999H\x1b[?69h\x1b[5;2s\x1b[2@\x1bP+q\x1b\\"))
	f.Add([]byte("\x1b[3;1r\x1b[200L\x1b[99999999999T\x1b]8;;x\x07\xff\xfe\x1b(0lqk"))
	f.Fuzz(func(t *testing.T, out []byte) {
		p := newFake()
		term := Start(p, 20, 5)
		defer term.Close()
		go func() {
			_, _ = p.in.Write(out)
			p.in.Close()
		}()
		until(t, term, func(w *watched) bool { return w.Over })
	})
}
