//go:build linux

package e2e

import (
	"context"
	"encoding/json"
	"testing"

	"maillab/internal/engine"
)

// isolation tries to break out of the first sandbox, with the table that doctor --probe has.
func isolation(c *class, args ...string) {
	c.t.Helper()
	code, out, errs := c.try(c.t.Context(), append([]string{"doctor", "--probe", "-q", "-y", "-o", "json"}, args...)...)
	var told struct{ Findings []engine.Finding }
	if err := json.Unmarshal([]byte(out), &told); err != nil {
		c.t.Fatalf("doctor --probe: exit code %d: %v\n%s", code, err, errs)
	}
	for _, f := range told.Findings {
		if f.Level != engine.Good {
			c.t.Errorf("%s: %s", f.What, f.Detail)
		}
	}
	if len(told.Findings) < 70 || code != 0 {
		c.t.Errorf("%d attempts, exit code %d: %s", len(told.Findings), code, errs)
	}
}

// TestIsolationWhereTheEngineForwards: a gateway that is not on the host's network changes nothing for sandboxes. The class
// is brought up for the probe and leaves nothing.
func TestIsolationWhereTheEngineForwards(t *testing.T) {
	t.Parallel()
	c := newClass(t, "forwards")
	isolation(c, "--gateway", "ports")
	e, err := openDocker(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	left, err := e.Observe(context.Background(), c.name)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range left {
		if r.Kind != engine.Image {
			t.Errorf("%s is left", r.ID())
		}
	}
}
