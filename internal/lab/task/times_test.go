package task

import (
	"testing"
	"time"
)

// TestMoment: a time is one in the lab's zone, a day begins and ends there, also when clocks change in it.
func TestMoment(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Skip(err)
	}
	for m, want := range map[Moment][2]string{
		"2026-03-26 14:00":     {"2026-03-26T13:00:00Z", "2026-03-26T13:00:00Z"},
		"2026-03-29":           {"2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"},
		"2026-03-26T14:00:00Z": {"2026-03-26T14:00:00Z", "2026-03-26T14:00:00Z"},
	} {
		from, err1 := m.In(paris)
		to, err2 := m.End(paris)
		if got := [2]string{from.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339)}; got != want || err1 != nil || err2 != nil {
			t.Errorf("%s: %v, want %v (%v, %v)", m, got, want, err1, err2)
		}
	}
	for _, m := range []Moment{"tomorrow", "26.03.2026", "2026-13-01", "2026-03-26 25:00"} {
		if _, err := m.In(paris); err == nil {
			t.Errorf("%s is a time", m)
		}
	}
	if at, err := Moment("").In(paris); !at.IsZero() || err != nil {
		t.Error(at, err)
	}
}

// TestLate: what is in time counts in full, whatever the rule; what is late as the rule has it.
func TestLate(t *testing.T) {
	for _, test := range []struct {
		rule *Late
		by   time.Duration
		want float64
	}{
		{nil, time.Hour, 1}, {&Late{Worth: 0.5}, 0, 1}, {&Late{Worth: 0.5}, -time.Hour, 1}, {&Late{Worth: 0.5}, 1000 * time.Hour, 0.5},
		{&Late{Worth: 0.5, Accept: "2d"}, 48 * time.Hour, 0.5}, {&Late{Worth: 0.5, Accept: "2d"}, 48*time.Hour + 1, 0}, {&Late{Worth: 1, Accept: "0h"}, 1, 0},
	} {
		if got := test.rule.Share(test.by); got != test.want {
			t.Errorf("%+v after %s: %v, want %v", test.rule, test.by, got, test.want)
		}
	}
}
