package drawing

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// canvas is an SVG that is being written. Its methods escape what is text.
type canvas struct{ out strings.Builder }

// finish puts the element around what was drawn. title is what a screen reader says of it.
func (c *canvas) finish(width, height int, class, title string) []byte {
	return fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" class="%s" viewBox="0 0 %d %d" role="img" aria-label="%s">%s</svg>`,
		class, width, height, escaped(title), c.out.String())
}

func (c *canvas) rect(x, y, width, height int, class string) {
	fmt.Fprintf(&c.out, `<rect class="%s" x="%d" y="%d" width="%d" height="%d" rx="3"/>`, class, x, y, width, height)
}

func (c *canvas) line(x1, y1, x2, y2 int, class string) {
	fmt.Fprintf(&c.out, `<line class="%s" x1="%d" y1="%d" x2="%d" y2="%d"/>`, class, x1, y1, x2, y2)
}

func (c *canvas) path(class, format string, args ...any) {
	fmt.Fprintf(&c.out, `<path class="%s" d="%s"/>`, class, fmt.Sprintf(format, args...))
}

// text writes one line, cut after so many characters: what was cut can be read by pointing at it.
func (c *canvas) text(x, y, most int, class, text string) {
	short := clip(text, most)
	fmt.Fprintf(&c.out, `<text class="%s" x="%d" y="%d">`, class, x, y)
	if short != text {
		fmt.Fprintf(&c.out, `<title>%s</title>`, escaped(text))
	}
	fmt.Fprintf(&c.out, `%s</text>`, escaped(short))
}

func clip(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}

// escaped is text as XML has it; what XML cannot have, such as control characters, becomes U+FFFD.
func escaped(text string) string {
	var out strings.Builder
	_ = xml.EscapeText(&out, []byte(text)) // a Builder takes everything
	return out.String()
}
