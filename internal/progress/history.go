package progress

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// History is a student's work of all epochs, oldest first; the last is under way.
type History []Work

// MaxFile is how long a file of a class's histories may be, in octets.
const MaxFile = 64 << 20

// maxEpochs is how many are kept of those in which something was done.
const maxEpochs = 20

// Current is the epoch that is under way; an empty first one where there is none.
func (h History) Current() Work {
	if len(h) == 0 {
		return Begin(1, time.Time{})
	}
	return h[len(h)-1]
}

// Whole is the history with the epochs of which only the number is left, since nothing was done in them: what is known of their
// time is that they lie between the others. Of a history that was cut to what is kept, the first epochs are gone.
func (h History) Whole() (all History) {
	next, since := 1, time.Time{}
	if len(h) >= maxEpochs {
		next = h[0].Epoch
	}
	for _, w := range h {
		for ; next < w.Epoch; next++ {
			empty := Begin(next, since)
			empty.End = w.Start
			all = append(all, empty)
		}
		all, next, since = append(all, w), w.Epoch+1, w.End
	}
	return all
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
	for _, w := range slices.Backward(h.Whole()) {
		if !t.Before(w.Start) {
			return w, w.End.IsZero() || t.Before(w.End) && !w.Start.IsZero()
		}
	}
	return Work{}, false
}

// Resume goes on, in the epoch that is under way, from a copy that was taken at a time. Where nothing was done before, the
// epochs before the copy come with it.
func (h History) Resume(saved History, taken time.Time) History {
	now, w := h.Current(), saved.Current().Clone()
	earlier := slices.Clone(h[:max(0, len(h)-1)])
	if len(earlier) == 0 && len(saved) > 0 {
		earlier = slices.Clone(saved[:len(saved)-1])
		now.Epoch = max(now.Epoch, w.Epoch)
	}
	w.Epoch, w.Start, w.End, w.Since, w.Restored = now.Epoch, now.Start, time.Time{}, now.Since, taken
	maps.Copy(w.Passed, now.Passed) // found since it began
	return append(earlier, w)
}

// Empty tells whether nothing was done in any epoch.
func (h History) Empty() bool {
	return !slices.ContainsFunc(h, func(w Work) bool { return !w.Empty() })
}

// Check says why something is no history that could have been kept here.
func (h History) Check() error {
	if len(h) > maxEpochs {
		return fmt.Errorf("%d epochs", len(h))
	}
	for _, w := range h {
		if err := w.Check(); err != nil {
			return fmt.Errorf("epoch %d: %w", w.Epoch, err)
		}
	}
	return nil
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
	next := Begin(last.Epoch+1, now)
	maps.Copy(next.Extra, last.Extra) // the calendar begins no epochs
	all = append(all, next)
	return all[max(0, len(all)-maxEpochs):]
}
