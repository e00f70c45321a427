package classroom

import (
	"fmt"
	"strconv"
	"time"

	"maillab/internal/period"
	"maillab/internal/register"
)

// SinceTime reads --since: a time of day is one of today's in the lab's zone, which is that of now. Nothing was done since a time to come: it is
// a slip, or somebody else's zone.
func SinceTime(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := period.Parse(text); err == nil && d > 0 {
		return now.Add(-d), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		if t, err = time.Parse("15:04", text); err != nil {
			return t, fmt.Errorf("--since %q is no length of time (30m, 2d) and no time (14:00, 2026-03-26T14:00:00Z)", text)
		}
		t = time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), 0, 0, now.Location())
	}
	if t.After(now) {
		return t, fmt.Errorf("--since %s is yet to come: it is %s in the lab (%s)", text, now.Format("15:04"), now.Location())
	}
	return t, nil
}

// ParseEpoch reads --epoch: a number, a time, or a day, at the end of which the epoch was under way.
func ParseEpoch(typed string, zone *time.Location) (w register.When, err error) {
	if n, err := strconv.Atoi(typed); err == nil {
		if n < 1 {
			return w, fmt.Errorf("--epoch %s: epochs count from 1", typed)
		}
		return register.When{Epoch: n}, nil
	}
	for _, form := range []string{time.RFC3339, "2006-01-02 15:04", time.DateOnly} {
		if w.Time, err = time.ParseInLocation(form, typed, zone); err == nil {
			if form == time.DateOnly {
				w.Time = w.Time.Add(24*time.Hour - time.Second)
			}
			return w, nil
		}
	}
	return w, fmt.Errorf("--epoch %q is no number and no time (2026-03-26, 2026-03-26 14:00)", typed)
}
