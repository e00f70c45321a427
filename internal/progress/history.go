package progress

import (
	"slices"
	"time"
)

// History is a student's work of all epochs, oldest first; the last is under way.
type History []Work

// maxEpochs is how many are kept of those in which something was done.
const maxEpochs = 20

// Current is the epoch that is under way; an empty first one where there is none.
func (h History) Current() Work {
	if len(h) == 0 {
		return Begin(1, time.Time{})
	}
	return h[len(h)-1]
}

// Of is the work of an epoch. In one that was and is not kept nothing was done.
func (h History) Of(epoch int) (w Work, was bool) {
	for _, w := range h {
		if w.Epoch == epoch {
			return w, true
		}
	}
	return Begin(epoch, time.Time{}), epoch > 0 && epoch < h.Current().Epoch
}

// At is the work of the epoch that was under way at a time.
func (h History) At(t time.Time) (w Work, was bool) {
	for _, w := range slices.Backward(h) {
		if !t.Before(w.Start) {
			return w, w.End.IsZero() || t.Before(w.End)
		}
	}
	return Work{}, false
}

// Begin ends what is under way and begins the next epoch. One in which nothing was done leaves nothing but its number.
func (h History) Begin(now time.Time) History {
	if len(h) == 0 {
		return History{Begin(1, now)}
	}
	all, last := slices.Clone(h[:len(h)-1]), h.Current()
	if !last.Empty() {
		last.End = now
		all = append(all, last)
	}
	all = append(all, Begin(last.Epoch+1, now))
	return all[max(0, len(all)-maxEpochs):]
}
