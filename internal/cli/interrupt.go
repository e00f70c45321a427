package cli

import (
	"context"
	"errors"
	"fmt"

	"maillab/internal/commandline"
)

// tellLeave says, when ctx ends, what is going on and how not to wait for it. Verbs that do not end at once say it. What is being
// said when stop is called has been said when that returns.
func (a *app) tellLeave(ctx context.Context) (stop func()) {
	said := make(chan struct{})
	unsaid := context.AfterFunc(ctx, func() {
		defer close(said)
		a.Fprintln(a.Err, "interrupted: ending in good order; interrupt again to end at once and leave things as they are")
	})
	return func() {
		if !unsaid() {
			<-said
		}
	}
}

// brokenOff is how a program ends that was interrupted: with what else it has to tell, if anything.
func brokenOff(err error) error {
	switch news := commandline.News(err); {
	case news == nil:
		return &commandline.Error{Err: errors.New("interrupted"), Code: exitInterrupted}
	case exitCode(news) == exitInterrupted:
		return news
	default:
		return &commandline.Error{Err: fmt.Errorf("interrupted: %w", news), Code: exitInterrupted}
	}
}
