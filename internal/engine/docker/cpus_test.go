package docker

import (
	"testing"

	"maillab/internal/engine"
)

// TestProcessors: a class of thirty may ask for more processors than a small machine has; one student gets what was asked.
func TestProcessors(t *testing.T) {
	e := &Engine{cpus: 2}
	for asked, want := range map[int64]int64{0: 0, 5e8: 5e8, 2e9: 2e9, 75e8: 2e9} {
		var s settings
		s.host.NanoCPUs = asked
		if got := e.onThisMachine(engine.Resource{}, s).host.NanoCPUs; got != want {
			t.Errorf("%d of %d: %d", asked, int64(2e9), got)
		}
	}
	r := engine.Resource{Kind: engine.Sandbox, Sandbox: &engine.SandboxSpec{NanoCPUs: 9e9}}
	if got := e.onThisMachine(r, sandboxSettings(r)).host.NanoCPUs; got != 2e9 {
		t.Errorf("a sandbox with %d", got)
	}
}
