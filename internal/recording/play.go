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

// Play writes what the terminal showed, at its pace, until the end or until ctx ends.
func (p Player) Play(ctx context.Context, in io.Reader, out io.Writer) error {
	return Read(in, func(Header) error { return nil }, func(e Event) error {
		if err := p.Wait(ctx, p.pause(e.After)); err != nil {
			return err
		}
		if e.Code != Output {
			return nil
		}
		_, err := io.WriteString(out, e.Data)
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

// Sleep is a Player's Wait in earnest.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
