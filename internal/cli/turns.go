package cli

import (
	"bytes"
	"io"
	"sync"
)

// turns lets several writers that work side by side write one after the other, in their order: the first whose turn has
// not ended writes straight on, the others are kept until it is their turn. Whoever has kept turnMost waits for it; so
// writers must be started in their order.
type turns struct {
	out     io.Writer
	mu      sync.Mutex
	changed *sync.Cond // now
	now     int
	kept    []bytes.Buffer
	ended   []bool
}

// turnMost bounds, in octets, what is kept of a writer before its turn.
const turnMost = 1 << 20

func newTurns(out io.Writer, writers int) *turns {
	t := &turns{out: out, kept: make([]bytes.Buffer, writers), ended: make([]bool, writers)}
	t.changed = sync.NewCond(&t.mu)
	return t
}

// writer is one of them; its Close ends its turn.
func (t *turns) writer(n int) io.WriteCloser { return &turn{t, n} }

type turn struct {
	turns *turns
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

// shared is one writer for several, each of whose Writes stays whole.
type shared struct {
	mu  sync.Mutex
	out io.Writer
}

func (s *shared) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Write(text)
}
