package task

import (
	"fmt"
	"time"

	"maillab/internal/period"
)

// Moment is a time in the lab's time zone: 2026-03-26 14:00, or a day, 2026-03-26; "" is none.
type Moment string

// moments are the forms of a moment; the last is how one is kept that a zone was found for.
func moments() []string { return []string{"2006-01-02 15:04", time.DateOnly, time.RFC3339} }

// In is the moment in a zone; of a day its beginning. The zero time is none.
func (m Moment) In(zone *time.Location) (t time.Time, err error) {
	if m == "" {
		return t, nil
	}
	for _, form := range moments() {
		if t, err = time.ParseInLocation(form, string(m), zone); err == nil {
			return t, nil
		}
	}
	return t, fmt.Errorf("%q is no time such as 2026-03-26 14:00", m)
}

// End is In, and of a day its end.
func (m Moment) End(zone *time.Location) (time.Time, error) {
	t, err := m.In(zone)
	if _, day := time.Parse(time.DateOnly, string(m)); day == nil && err == nil {
		t = t.AddDate(0, 0, 1)
	}
	return t, err
}

// Late is the rule for what passes after it was due.
type Late struct {
	// Accept is how long after it was due a task still counts, such as 2d; without it, for ever.
	Accept string `yaml:"accept" json:"accept,omitempty"`
	// Worth is what it counts then, as a share of its points.
	Worth float64 `yaml:"worth" json:"worth" jsonschema:"minimum=0,maximum=1,default=1"`
}

// Share is what is left of the points of what passes so long after it was due.
func (l *Late) Share(by time.Duration) float64 {
	switch {
	case by <= 0 || l == nil:
		return 1
	case l.Accept == "":
		return l.Worth
	}
	if most, err := period.Parse(l.Accept); err != nil || by > most {
		return 0
	}
	return l.Worth
}
