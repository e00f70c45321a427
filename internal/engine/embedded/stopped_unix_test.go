//go:build unix

package embedded_test

import (
	"syscall"
	"testing"

	"maillab/internal/engine"
	"maillab/internal/engine/enginetest"
)

// A process that is stopped answers nobody, though the kernel goes on accepting for it: it is shown as a gateway that is
// stopped, and can be taken away.
func TestStoppedProcess(t *testing.T) {
	s := open(t)
	all := class(t, "t-killed", 1)
	for _, r := range all {
		if err := s.Engine.Put(t.Context(), r, nil); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { enginetest.RemoveAll(t, s.Engine, "t-killed") })
	if err := processOf(t, observe(t, s.Engine)[0]).Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	seen := observe(t, s.Engine)
	for len(seen) != 2 { // all its threads stop soon, not at once
		seen = observe(t, s.Engine)
	}
	if seen[0].Kind != engine.Gateway || seen[0].State != engine.Stopped {
		t.Errorf("a process that does not answer: %+v", seen)
	}
	if err := s.Engine.Remove(t.Context(), all[0]); err != nil {
		t.Error(err)
	}
	if left := observe(t, s.Engine); len(left) != 1 || left[0].Kind != engine.Volume {
		t.Errorf("after its removal: %+v", left)
	}
}
