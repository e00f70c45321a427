package classroom

import (
	"testing"
	"time"

	"maillab/internal/register"
)

func TestSinceTime(t *testing.T) {
	noon := time.Date(2026, 3, 26, 12, 0, 0, 0, time.UTC)
	zone := time.FixedZone("one hour east", 3600)
	for text, want := range map[string]time.Time{
		"": {}, "30m": noon.Add(-30 * time.Minute), "11:15": noon.Add(-105 * time.Minute), "13:00": noon, "2026-03-26T10:00:00Z": noon.Add(-2 * time.Hour),
	} {
		if got, err := SinceTime(text, noon.In(zone)); err != nil || !got.Equal(want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"yesterday", "-5m", "25:00", "13:01", "2026-03-26T12:00:01Z"} {
		if got, err := SinceTime(text, noon.In(zone)); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

// TestParseEpoch: an epoch is typed as its number, as a time in it, or as the day at whose end it was under way.
func TestParseEpoch(t *testing.T) {
	zone := time.FixedZone("one hour east", 3600)
	for text, want := range map[string]register.When{
		"3": {Epoch: 3}, "2026-03-26T10:00:00Z": {Time: time.Date(2026, 3, 26, 10, 0, 0, 0, time.UTC)},
		"2026-03-26 14:00": {Time: time.Date(2026, 3, 26, 13, 0, 0, 0, time.UTC)}, "2026-03-26": {Time: time.Date(2026, 3, 26, 22, 59, 59, 0, time.UTC)},
	} {
		if got, err := ParseEpoch(text, zone); err != nil || got.Epoch != want.Epoch || !got.Time.Equal(want.Time) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"0", "-1", "soon", "26.03.2026", ""} {
		if got, err := ParseEpoch(text, zone); err == nil {
			t.Errorf("%q is %+v", text, got)
		}
	}
}
