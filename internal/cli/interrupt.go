package cli

import (
	"context"
	"os"
	"os/signal"
)

// Interruptible makes the program's context: it ends with the first of these signals, and a second one ends the process
// at once, as if nobody had been listening.
func Interruptible(signals ...os.Signal) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	received := make(chan os.Signal, 1)
	signal.Notify(received, signals...)
	go func() {
		select {
		case <-received:
			signal.Stop(received)
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(received)
		cancel()
	}
}

// tellLeave says, when ctx ends, what is going on and how not to wait for it. Verbs that do not end at once say it.
func (a *app) tellLeave(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() {
		a.Fprintln(a.Err, "interrupted: ending in good order; interrupt again to end at once and leave things as they are")
	})
}
