package enginetest

import (
	"context"
	"fmt"
	"sync"

	"maillab/internal/engine"
)

// Fault is the way in which a call goes wrong.
type Fault string

// The faults.
const (
	Before Fault = "fails before it did anything"
	After  Fault = "fails though it was done" // an answer lost on its way
	Half   Fault = "fails half-done"          // a container that was created and not started
	Hang   Fault = "hangs until it is cancelled"
)

// Faults are all of them.
func Faults() []Fault { return []Fault{Before, After, Half, Hang} }

// Faulty is a Memory of which one call of Put or Remove goes wrong.
type Faulty struct {
	*Memory
	At    int   // which call, counted from 1; 0 is none
	Fault Fault // how
	// Calls is called at the start of each, when it is set, with its number.
	Calls func(n int)

	mu    sync.Mutex
	calls int
}

// Count is how many calls of Put and Remove there were.
func (f *Faulty) Count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

// next counts a call and tells whether it is the one that goes wrong.
func (f *Faulty) next() bool {
	f.mu.Lock()
	f.calls++
	n := f.calls
	f.mu.Unlock()
	if f.Calls != nil {
		f.Calls(n)
	}
	return n == f.At
}

// Put is Memory's, or goes wrong.
func (f *Faulty) Put(ctx context.Context, r engine.Resource, progress engine.Progress) error {
	return f.call(ctx, r, func() error { return f.Memory.Put(ctx, r, progress) }, func() { f.Memory.Stop(r) })
}

// Remove is Memory's, or goes wrong.
func (f *Faulty) Remove(ctx context.Context, r engine.Resource) error {
	return f.call(ctx, r, func() error { return f.Memory.Remove(ctx, r) }, func() {})
}

func (f *Faulty) call(ctx context.Context, r engine.Resource, do func() error, halve func()) error {
	if !f.next() {
		return do()
	}
	switch f.Fault {
	case After:
		do() //nolint:errcheck // whether it was done or refused: the caller is told of the fault
	case Half:
		do() //nolint:errcheck // as above
		halve()
	case Hang:
		<-ctx.Done()
		return fmt.Errorf("%s: %w", r.ID(), ctx.Err())
	}
	return fmt.Errorf("%s: %w", r.ID(), ErrFault)
}
