package deploy

import (
	"context"
	"sync"

	"maillab/internal/engine"
)

// Hosted is an engine that is this process: what it runs ends with the process, whatever ends that.
type Hosted struct {
	Maker Maker
	End   func()        // ends what is served
	Ended chan struct{} // closed when nothing is served any more, because of End, or of a down from elsewhere
}

// Host makes one. The engine that here makes calls its argument with what is to be served; serve does that until its context
// ends. ctx may end before: what is served takes leave in good order.
func Host(ctx context.Context, here func(serve func(runtime, data string)) engine.Engine, serve func(ctx context.Context, runtime, data string)) *Hosted {
	ctx, end := context.WithCancel(context.WithoutCancel(ctx))
	h := &Hosted{End: end, Ended: make(chan struct{})}
	var once sync.Once
	e := here(func(runtime, data string) {
		go once.Do(func() {
			defer close(h.Ended)
			serve(ctx, runtime, data)
		})
	})
	h.Maker = Maker{Name: e.Capabilities().Name, Make: func(context.Context) (engine.Engine, error) { return e, nil }}
	return h
}

// Instead is makers with one in the place of the one of its name.
func Instead(makers []Maker, other Maker) []Maker {
	instead := make([]Maker, len(makers))
	for i, m := range makers {
		if m.Name == other.Name {
			m = other
		}
		instead[i] = m
	}
	return instead
}
