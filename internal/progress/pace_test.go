package progress

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestPace: how long tasks took is counted from the pass before; what passed together shares it, and a night between is no work.
func TestPace(t *testing.T) {
	noon := time.Date(2026, 3, 26, 12, 0, 0, 0, time.UTC)
	at := func(minutes int) Pass { return Pass{At: noon.Add(time.Duration(minutes) * time.Minute)} }
	class := []Work{
		{Came: noon, Passed: map[string]Pass{"a": at(4), "b": at(10), "c": at(10)}},
		{Came: noon.Add(2 * time.Minute), Passed: map[string]Pass{"a": at(10)}},
		{Passed: map[string]Pass{"a": at(20), "gone": at(21)}}, // when this one came is not known
		{Came: noon.Add(time.Minute), Passed: map[string]Pass{"a": at(2), "b": at(600)}},
		{},
	}
	p := PaceOf(class, []string{"a", "b", "c", "d"}, noon.Add(610*time.Minute))
	minutes := func(m int) time.Duration { return time.Duration(m) * time.Minute }
	want := []TaskPace{
		{ID: "a", Passed: 4, Known: 3, Quick: minutes(1), Middle: minutes(4), Slow: minutes(8)},
		{ID: "b", Passed: 2, Known: 1, Quick: minutes(3), Middle: minutes(3), Slow: minutes(3)},
		{ID: "c", Passed: 1, Known: 1, Quick: minutes(3), Middle: minutes(3), Slow: minutes(3)},
		{ID: "d"},
	}
	if diff := cmp.Diff(want, p.Tasks); diff != "" {
		t.Error(diff)
	}
	if !p.Begin.Equal(noon) || !p.End.Equal(noon.Add(610*time.Minute)) || p.Students != 5 || p.Total != 4 {
		t.Errorf("%v to %v, %d students, %d tasks", p.Begin, p.End, p.Students, p.Total)
	}
	first, last := p.Moments[0], p.Moments[len(p.Moments)-1]
	if first.Quick != 0 || last.Slow != 1 || last.Middle != 1 || last.Quick != 2 || !last.At.Equal(p.End) {
		t.Errorf("%+v … %+v", first, last)
	}
	for i := range p.Moments[1:] {
		if p.Moments[i].Middle > p.Moments[i+1].Middle || p.Moments[i].At.After(p.Moments[i+1].At) {
			t.Errorf("it goes back at %v", p.Moments[i].At)
		}
	}
	later := PaceOf(class, []string{"a"}, noon.Add(48*time.Hour))
	if !later.End.Equal(noon.Add(20 * time.Minute)) {
		t.Errorf("it goes on until %v", later.End)
	}
	if p := PaceOf([]Work{{}}, []string{"a"}, noon); len(p.Moments) != 0 || !p.Begin.IsZero() {
		t.Errorf("of nothing: %+v", p)
	}
}
