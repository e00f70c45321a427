//go:build unix

package login

import (
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// onResize calls changed whenever the terminal's size changes, until stop is called.
func onResize(changed func()) (stop func()) {
	signals := make(chan os.Signal, 1)
	done := make(chan struct{})
	signal.Notify(signals, unix.SIGWINCH)
	go func() {
		for {
			select {
			case <-signals:
				changed()
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(done)
	}
}
