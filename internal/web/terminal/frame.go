package terminal

import (
	"fmt"
	"image/color"
	"slices"
	"strings"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"
)

// Run is text in one style. A style is words: b (bold), d (dim), i, u, r (reverse), s (struck out), and f and g with a number of
// the palette, or # and six digits: the colour of the text and of its ground.
type Run [2]string

// Row is one line.
type Row []Run

// Frame is what a viewer has to change. Absent is as it was.
type Frame struct {
	Size    []int       `json:"size,omitempty"`    // columns, rows: all rows follow
	History []Row       `json:"history,omitempty"` // lines that scrolled off since
	Rows    map[int]Row `json:"rows,omitempty"`    // by number from the top
	Cursor  []int       `json:"cursor,omitempty"`  // column, row; -1: it is hidden
	Title   *string     `json:"title,omitempty"`
	Keys    *bool       `json:"keys,omitempty"`   // application cursor keys
	Looked  *bool       `json:"looked,omitempty"` // somebody else looks on
	Over    bool        `json:"over,omitempty"`
}

func (f Frame) any() bool {
	return f.Size != nil || f.History != nil || f.Rows != nil || f.Cursor != nil || f.Title != nil || f.Keys != nil || f.Looked != nil || f.Over
}

// viewer is what somebody has been shown.
type viewer struct {
	begun    bool
	size     [2]int
	rows     []Row
	cursor   [2]int
	title    string
	keys     bool
	looked   bool
	scrolled int
}

// frame is what is different now. The terminal's lock is held.
func (v *viewer) frame(t *Terminal) (f Frame) {
	size := [2]int{t.cols, t.rows}
	if !v.begun || size != v.size {
		f.Size, v.size, v.rows = size[:], size, make([]Row, size[1])
	}
	if lines := t.scrolled - v.scrolled; lines > 0 {
		f.History = slices.Clone(t.history[max(0, len(t.history)-lines):])
		v.scrolled = t.scrolled
	}
	for y := range size[1] {
		row := rowOf(size[0], func(x int) cell { return cellOf(t.emulator.CellAt(x, y)) })
		if f.Size != nil || !slices.Equal(row, v.rows[y]) {
			if f.Rows == nil {
				f.Rows = map[int]Row{}
			}
			f.Rows[y], v.rows[y] = row, row
		}
	}
	v.rest(t, &f)
	v.begun, f.Over = true, t.over
	return f
}

// rest is what is different beside the text.
func (v *viewer) rest(t *Terminal, f *Frame) {
	at := t.emulator.CursorPosition()
	cursor := [2]int{at.X, at.Y}
	if t.emulator.CursorHidden() || t.over {
		cursor = [2]int{-1, -1}
	}
	if !v.begun || cursor != v.cursor {
		f.Cursor, v.cursor = cursor[:], cursor
	}
	if title := clean(t.title); title != v.title {
		f.Title, v.title = &title, title
	}
	if keys := t.cursorKeys; !v.begun || keys != v.keys {
		f.Keys, v.keys = &keys, keys
	}
	if looked := t.lookers > 0; looked != v.looked {
		f.Looked, v.looked = &looked, looked
	}
}

// clean is a title as one short line.
func clean(title string) string {
	title = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, title)
	return string([]rune(title)[:min(80, len([]rune(title)))])
}

// cell is one character with its style; without text it is the rest of a wide one.
type cell struct{ text, style string }

func cellOf(c *uv.Cell) cell {
	switch {
	case c == nil:
		return cell{text: " "}
	case c.Width == 0 && c.Content == "":
		return cell{style: styleOf(c.Style)}
	case c.Content == "":
		return cell{" ", styleOf(c.Style)}
	}
	return cell{c.Content, styleOf(c.Style)}
}

// rowOf puts cells of one style together, and leaves blanks at the end out.
func rowOf(width int, at func(x int) cell) Row {
	row := Row{}
	var text strings.Builder
	style := ""
	flush := func() {
		if text.Len() > 0 {
			row = append(row, Run{text.String(), style})
			text.Reset()
		}
	}
	for x := range width {
		c := at(x)
		if c.style != style {
			flush()
			style = c.style
		}
		text.WriteString(c.text)
	}
	flush()
	if last := len(row) - 1; last >= 0 && row[last][1] == "" {
		if row[last][0] = strings.TrimRight(row[last][0], " "); row[last][0] == "" {
			row = row[:last]
		}
	}
	return row
}

// styleOf is a style in words.
func styleOf(s uv.Style) string {
	var words []string
	for _, a := range []struct {
		bit  uint8
		word string
	}{{uv.AttrBold, "b"}, {uv.AttrFaint, "d"}, {uv.AttrItalic, "i"}, {uv.AttrReverse, "r"}, {uv.AttrStrikethrough, "s"}, {uv.AttrConceal, "h"}} {
		if s.Attrs&a.bit != 0 {
			words = append(words, a.word)
		}
	}
	if s.Underline != uv.UnderlineNone {
		words = append(words, "u")
	}
	if c := colorOf(s.Fg); c != "" {
		words = append(words, "f"+c)
	}
	if c := colorOf(s.Bg); c != "" {
		words = append(words, "g"+c)
	}
	return strings.Join(words, " ")
}

// colorOf is a colour of the palette by its number, another by its parts.
func colorOf(c color.Color) string {
	switch c := c.(type) {
	case nil:
		return ""
	case ansi.BasicColor:
		return fmt.Sprint(uint8(c))
	case ansi.IndexedColor:
		return fmt.Sprint(uint8(c))
	}
	r, g, b, _ := c.RGBA()
	return fmt.Sprintf("#%02x%02x%02x", r>>8, g>>8, b>>8)
}
