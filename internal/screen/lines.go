package screen

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"text/tabwriter"
)

// Turns lets several writers that work side by side write one after the other, in their order: the first whose turn has
// not ended writes straight on, the others are kept until it is their turn. Whoever has kept turnMost waits for it; so
// Writers must be started in their order.
type Turns struct {
	out     io.Writer
	mu      sync.Mutex
	changed *sync.Cond // now
	now     int
	kept    []bytes.Buffer
	ended   []bool
}

// turnMost bounds, in octets, what is kept of a writer before its turn.
const turnMost = 1 << 20

func NewTurns(out io.Writer, writers int) *Turns {
	t := &Turns{out: out, kept: make([]bytes.Buffer, writers), ended: make([]bool, writers)}
	t.changed = sync.NewCond(&t.mu)
	return t
}

// Writer is one of them; its Close ends its turn.
func (t *Turns) Writer(n int) io.WriteCloser { return &turn{t, n} }

type turn struct {
	turns *Turns
	n     int
}

func (w *turn) Write(text []byte) (int, error) {
	t := w.turns
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.now < w.n && t.kept[w.n].Len() >= turnMost {
		t.changed.Wait()
	}
	if t.now < w.n {
		return t.kept[w.n].Write(text)
	}
	return t.out.Write(text)
}

// Close gives the turn to the next whose end has not come.
func (w *turn) Close() error {
	t := w.turns
	t.mu.Lock()
	defer t.mu.Unlock()
	defer t.changed.Broadcast()
	t.ended[w.n] = true
	for t.now < len(t.ended) && t.ended[t.now] {
		if t.now++; t.now == len(t.ended) {
			break
		}
		if _, err := t.kept[t.now].WriteTo(t.out); err != nil {
			return err
		}
	}
	return nil
}

// Shared is one writer for several, each of whose Writes stays whole.
type Shared struct {
	mu  sync.Mutex
	Out io.Writer
}

func (s *Shared) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Out.Write(text)
}

// Prefixer writes whole lines, each with whose it is in front.
type Prefixer struct {
	out    io.Writer
	prefix string
	rest   []byte
}

func NewPrefixer(out io.Writer, name string) *Prefixer {
	return &Prefixer{out: out, prefix: name + ": "}
}

func (p *Prefixer) Write(text []byte) (int, error) {
	p.rest = append(p.rest, text...)
	for {
		line, rest, found := bytes.Cut(p.rest, []byte("\n"))
		if !found {
			return len(text), nil
		}
		p.line(line)
		p.rest = rest
	}
}

func (p *Prefixer) line(line []byte) {
	fmt.Fprintf(p.out, "%s%s\n", p.prefix, line)
}

// Flush writes what came without an end of line.
func (p *Prefixer) Flush() {
	if len(p.rest) > 0 {
		p.line(p.rest)
	}
}

// CopyLines prints a stream line by line, however long they are, each in one Write, so that several may share a screen.
func CopyLines(out io.Writer, prefix string, from io.Reader) error {
	for in := bufio.NewReader(from); ; {
		line, err := in.ReadString('\n')
		if line != "" {
			if _, err := fmt.Fprintf(out, "%s%s\n", prefix, strings.TrimSuffix(line, "\n")); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Table writes aligned columns.
func Table(out io.Writer, header []string, rows [][]string) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	titles := make([]string, len(header))
	for i, h := range header {
		titles[i] = strings.ToUpper(h)
	}
	for _, row := range append([][]string{titles}, rows...) {
		line := make([]string, len(row))
		for i, cell := range row {
			line[i] = Line(cell)
		}
		fmt.Fprintln(w, strings.Join(line, "\t"))
	}
	return w.Flush()
}

// Shortened is text in one line, cut at so many characters.
func Shortened(text string, most int) string {
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}
