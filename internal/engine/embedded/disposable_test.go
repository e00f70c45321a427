package embedded_test

import (
	"testing"

	"maillab/internal/engine"
	"maillab/internal/engine/enginetest"
)

// TestADisposableInstanceDiesWithItsProcess: nothing of it is seen any more but its mail, while one that is not disposable is there to
// be repaired.
func TestADisposableInstanceDiesWithItsProcess(t *testing.T) {
	for run, want := range map[string]engine.Kind{"": engine.Gateway, "x": engine.Volume} {
		s := open(t)
		all := class(t, "t-killed", 1)
		for _, r := range all {
			if r.Kind == engine.Gateway && run != "" {
				r.Labels[engine.LabelRun] = run
			}
			if err := s.Engine.Put(t.Context(), r, nil); err != nil {
				t.Fatal(err)
			}
		}
		process := processOf(t, observe(t, s.Engine)[0])
		if err := process.Kill(); err != nil {
			t.Fatal(err)
		}
		seen := observe(t, s.Engine)
		for len(seen) > 2 || len(seen) == 2 && run != "" { // its end comes soon, not at once
			seen = observe(t, s.Engine)
		}
		if seen[0].Kind != want {
			t.Errorf("run %q: %+v", run, seen)
		}
		enginetest.RemoveAll(t, s.Engine, "t-killed")
	}
}
