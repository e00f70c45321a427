package deploy

import (
	"context"
	"errors"
	"slices"
	"testing"

	"maillab/internal/engine"
	"maillab/internal/instance"
	"maillab/internal/plan"
	"maillab/internal/roster"
)

// TestLeaving: who loses mail is kept before anything goes, once that was agreed to; where it cannot be kept, nothing goes.
func TestLeaving(t *testing.T) {
	w := newWorld(t)
	data := t.TempDir()
	if _, err := w.bringing(t, data, "monday", 3).up(t); err != nil {
		t.Fatal(err)
	}
	fewer := w.bringing(t, data, "monday", 2)
	var asked, kept []string
	full := errors.New("disk full")
	fewer.carrier.Agree = func(_ context.Context, _ plan.Plan, harm string) error { asked = append(asked, harm); return nil }
	fewer.carrier.Rescue = func(_ context.Context, _ *instance.Held, i Running, leaving instance.Chosen) error {
		if len(i.Sandboxes) != 3 {
			t.Errorf("%d sandboxes are there", len(i.Sandboxes))
		}
		kept = append(kept, leaving.Keys()...)
		return full
	}
	if _, err := fewer.up(t); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
	gone := roster.Count(3).Students[2].Key
	if !slices.Equal(kept, []string{gone}) || !slices.Equal(asked, []string{"removes the mail and homes of " + gone + ", and ends the sessions of " + gone}) {
		t.Errorf("kept %v, asked %v", kept, asked)
	}
	if n := sandboxes(t, w); n != 3 {
		t.Errorf("%d sandboxes are left", n)
	}
	if sheet, err := instance.OpenFolder(data, "monday").Sheet(); err != nil || len(sheet.Sandboxes) != 3 {
		t.Errorf("what did not come is kept as if it had: %+v, %v", sheet, err)
	}
	full = nil
	if _, err := fewer.up(t); err != nil || len(kept) != 2 || sandboxes(t, w) != 2 {
		t.Errorf("%v, kept %v", err, kept)
	}
	if _, err := fewer.up(t); err != nil || len(kept) != 2 {
		t.Errorf("nobody leaves: %v, kept %v", err, kept)
	}
}

func sandboxes(t *testing.T, w *world) (n int) {
	t.Helper()
	all, err := w.Observe(t.Context(), "monday")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		if r.Kind == engine.Sandbox {
			n++
		}
	}
	return n
}
