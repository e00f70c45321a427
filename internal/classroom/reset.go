package classroom

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"maillab/internal/control"
	"maillab/internal/deploy"
	"maillab/internal/engine"
	"maillab/internal/instance"
)

// A sandbox that a student has used up may not answer control any more. Whoever wants to put it back restarts it first.
const (
	answerPatience  = 3 * time.Second  // for a sign of life
	restartPatience = 30 * time.Second // until it is ready again
)

// answering makes sure that a sandbox answers, and tells whether it had to be restarted for that.
func answering(ctx context.Context, i deploy.Running, client *control.Client, s instance.Sandbox) (restarted bool, err error) {
	patience, cancel := context.WithTimeout(ctx, answerPatience)
	defer cancel()
	_, err = client.Seat(s.Seat).Ready(patience)
	restarter, ok := i.Engine.(engine.Restarter)
	if err == nil || !ok || !i.Gateway || ctx.Err() != nil {
		return false, err
	}
	if err := restarter.Restart(ctx, i.Name, s.Seat); err != nil {
		return false, fmt.Errorf("it does not answer, and: %w", err)
	}
	again, stop := context.WithTimeout(ctx, restartPatience)
	defer stop()
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, 200*time.Millisecond) {
		ready, err := client.Seat(s.Seat).Ready(again)
		switch {
		case err == nil && ready.State == control.StateReady:
			return true, nil
		case again.Err() != nil:
			return true, fmt.Errorf("it was restarted, and does not get ready: %w", errors.Join(err, again.Err()))
		}
		select {
		case <-again.Done():
		case <-time.After(pause):
		}
	}
}

// resetPatience bounds one sandbox's reset.
const resetPatience = 90 * time.Second

// PutBack does it in every sandbox side by side, restarting those that do not answer, and returns by seat what was dropped, which
// were restarted, and what failed.
func PutBack(ctx context.Context, i deploy.Running, client *control.Client, chosen []instance.Sandbox,
	do func(context.Context, instance.Sandbox) (control.ResetReport, error)) (reports map[int]control.ResetReport, anew map[int]bool, failed map[int]error) {
	var mu sync.Mutex
	reports, anew = map[int]control.ResetReport{}, map[int]bool{}
	failed = instance.Each(ctx, chosen, func(ctx context.Context, s instance.Sandbox) error {
		ctx, cancel := context.WithTimeout(ctx, resetPatience)
		defer cancel()
		restarted, err := answering(ctx, i, client, s)
		if err != nil {
			return err
		}
		report, err := do(ctx, s)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		reports[s.Seat], anew[s.Seat] = report, restarted
		return nil
	})
	return reports, anew, failed
}
