package recording

import (
	"context"
	"io"
	"time"
)

// Player shows a recording on a terminal.
type Player struct {
	Speed float64       // 2 is twice as fast; 0 is 1
	Idle  time.Duration // no pause is longer; 0 is no bound
	Wait  func(ctx context.Context, d time.Duration) error
}

// Play writes what the terminal showed, at its pace, until the end or until ctx ends, and leaves the terminal as it was. Of what
// a terminal can be told to do it writes what moves, colours and erases, and nothing else.
func (p Player) Play(ctx context.Context, in io.Reader, out io.Writer) error {
	var tamed tame
	defer func() { _, _ = io.WriteString(out, reset) }()
	return Read(in, func(Header) error { return nil }, func(e Event) error {
		if err := p.Wait(ctx, p.pause(e.After)); err != nil {
			return err
		}
		if e.Code != Output {
			return nil
		}
		_, err := io.WriteString(out, tamed.apply(e.Data))
		return err
	})
}

func (p Player) pause(d time.Duration) time.Duration {
	if p.Speed > 0 {
		d = time.Duration(float64(d) / p.Speed)
	}
	if p.Idle > 0 {
		d = min(d, p.Idle)
	}
	return d
}
