package web

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"

	"maillab/internal/recording"
	"maillab/internal/web/terminal"
)

// recorded is a program of which the student's sandbox keeps what it shows. Recording costs the student nothing: what is to
// be kept waits aside, and when the sandbox does not take it, the recording ends, not the session.
type recorded struct {
	terminal.Program
	events chan func(*recording.Writer) error

	mu   sync.Mutex
	over bool
	lost bool // something was left out since the last event
}

// waiting is how many pieces of output may wait for the sandbox.
const waiting = 256

// record has what a program shows kept by the student's sandbox.
func (p *Page) record(s *session, program terminal.Program, cols, rows int) terminal.Program {
	if s.me.Student == "" {
		return program
	}
	r := &recorded{Program: program, events: make(chan func(*recording.Writer) error, waiting)}
	to := s.client.Seat(0).Record(context.Background(), s.me.Student) // it ends with the program
	go func() {
		defer to.Close()
		h := recording.Header{Term: recording.Term{Cols: cols, Rows: rows, Type: terminal.Kind}, Title: s.me.Account}
		if err := r.run(to, h, p); err != nil {
			p.cfg.Log.Info("a recording ends", "seat", s.seat, "err", err)
		}
	}()
	return r
}

// run writes what comes, until the program ends or nothing more is taken. Then what comes is thrown away.
func (r *recorded) run(to io.Writer, h recording.Header, p *Page) error {
	w, err := recording.NewWriter(to, h, p.cfg.Now)
	for event := range r.events {
		if err == nil {
			err = event(w)
		}
	}
	return err
}

// keep hands an event over. Where too much waits it is left out, and that is marked.
func (r *recorded) keep(event func(*recording.Writer) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return
	}
	if r.lost {
		after := event
		event = func(w *recording.Writer) error { return errors.Join(w.Mark("something is missing here"), after(w)) }
	}
	select {
	case r.events <- event:
		r.lost = false
	default:
		r.lost = true
	}
}

// end ends the recording.
func (r *recorded) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.over {
		r.over = true
		close(r.events)
	}
}

// Read implements terminal.Program. It is called until the program's end.
func (r *recorded) Read(to []byte) (int, error) {
	n, err := r.Program.Read(to)
	if n > 0 {
		text := bytes.Clone(to[:n])
		r.keep(func(w *recording.Writer) error { return w.Output(text) })
	}
	if err != nil {
		r.end()
	}
	return n, err
}

// Resize implements terminal.Program.
func (r *recorded) Resize(cols, rows int) error {
	r.keep(func(w *recording.Writer) error { return w.Resize(cols, rows) })
	return r.Program.Resize(cols, rows)
}
