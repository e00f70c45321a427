package classroom

import (
	"context"
	"errors"
	"testing"

	"maillab/internal/engine"
	"maillab/internal/instance"
)

// TestAwake: what does not run is not asked, and what mends it is said.
func TestAwake(t *testing.T) {
	asked := errors.New("asked")
	do := Awake(func(context.Context, instance.Sandbox) error { return asked })
	for state, want := range map[engine.State]string{
		engine.Running: "asked",
		engine.Stopped: "its container is stopped: maillab up repairs it",
		engine.Paused:  "its container is paused: maillab up repairs it",
		engine.Missing: "its container was removed: maillab up makes it anew, with its mail",
	} {
		s := instance.Sandbox{Seat: 1, Students: []string{"alice"}, State: state}
		if err := do(t.Context(), s); err == nil || err.Error() != want {
			t.Errorf("%s: %v", state, err)
		}
		if row := rowOf(s, ""); state != engine.Running && row.Problem != want {
			t.Errorf("%s: status says %q", state, row.Problem)
		}
	}
}
