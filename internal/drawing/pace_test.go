package drawing

import (
	"encoding/xml"
	"strings"
	"testing"
	"time"

	"maillab/internal/progress"
)

// TestPace: the plots say in their text what they draw, also of nothing, and titles are no markup.
func TestPace(t *testing.T) {
	noon := time.Date(2026, 3, 26, 12, 0, 0, 0, time.UTC)
	pass := func(minutes int) progress.Pass {
		return progress.Pass{At: noon.Add(time.Duration(minutes) * time.Minute)}
	}
	p := progress.PaceOf([]progress.Work{
		{Came: noon, Passed: map[string]progress.Pass{"a": pass(4), "b": pass(90)}},
		{Came: noon, Passed: map[string]progress.Pass{"a": pass(8)}},
	}, []string{"a", "b", "c"}, noon.Add(95*time.Minute))
	paris := time.FixedZone("CET", 3600)
	title := func(id string) string { return "<" + id + ">" }
	for name, c := range map[string]struct {
		svg   []byte
		wants []string
	}{
		"course": {Course(p, paris, "en"), []string{"13:00", "14:35", "middle: 1", "quick quarter: 2", `class="band"`, `aria-label="Tasks passed over the time"`}},
		"times":  {Times(p, title, "fr"), []string{"&lt;a&gt;", "4 min · 2 étud.", "1 h 26 · 1 étud.", "personne encore"}},
		"none":   {Course(progress.PaceOf(nil, nil, noon), paris, "en"), []string{"<svg"}},
		"short":  {Times(progress.Pace{}, title, "en"), []string{"<svg"}},
	} {
		for _, want := range c.wants {
			if !strings.Contains(string(c.svg), want) {
				t.Errorf("%s lacks %q: %s", name, want, c.svg)
			}
		}
		if err := xml.Unmarshal(c.svg, new(struct{})); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if told := CourseTold(p, paris, "fr"); len(told) != 9 || told[0] != "13:00 – quart rapide : 0, milieu : 0, quart lent : 0" {
		t.Errorf("%q", told)
	}
	for d, want := range map[time.Duration]string{45 * time.Second: "45 s", 4 * time.Minute: "4 min", 80 * time.Minute: "1 h 20", 59*time.Minute + 50*time.Second: "60 min"} {
		if got := Period(d); got != want {
			t.Errorf("%v: %s", d, got)
		}
	}
}
