package screen

import (
	"context"
	"io"
	"time"
)

// againPause is how often Again shows anew.
const againPause = 2 * time.Second

// Again shows once, or again and again on a cleared screen until ctx ends.
func Again(ctx context.Context, out io.Writer, again bool, show func(context.Context) error) error {
	if !again {
		return show(ctx)
	}
	for {
		if IsTerminal(out) {
			_, _ = io.WriteString(Raw(out), "\x1b[H\x1b[2J")
		}
		if err := show(ctx); err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(againPause):
		}
	}
}
