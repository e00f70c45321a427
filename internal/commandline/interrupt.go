package commandline

import (
	"context"
	"errors"
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

// News is what an error tells of a program that was interrupted: all of it that was not cut short, nil when there is nothing.
func News(err error) error {
	if !errors.Is(err, context.Canceled) {
		return err
	}
	several, ok := err.(interface{ Unwrap() []error }) //nolint:errorlint // what is wrapped in something else is one error
	if !ok || errors.Join(several.Unwrap()...).Error() != err.Error() {
		return nil
	}
	var news []error
	for _, err := range several.Unwrap() {
		news = append(news, News(err))
	}
	return errors.Join(news...)
}
