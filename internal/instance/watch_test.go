package instance

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"maillab/internal/control"
	"maillab/internal/engine"
)

// loops is an engine whose sandbox ends as often as it is started.
type loops struct{ engine.Engine }

func (loops) Observe(context.Context, string) ([]engine.Resource, error) {
	return []engine.Resource{
		{Kind: engine.Sandbox, Seat: 1, State: engine.Running}, {Kind: engine.Sandbox, Seat: 2, State: engine.Stopped},
	}, nil
}

func (loops) LastWords(context.Context, string, int, int) (string, error) {
	return "labinit: no such address", nil
}

func TestSandboxThatDoesNotStayUpIsNotWaitedFor(t *testing.T) {
	client := control.NewClient(func(context.Context) (net.Conn, error) { return nil, errors.New("refused") })
	defer client.Close()
	s := NewSteering(client, Desired{}, nil)
	s.Watch(loops{}, "monday")
	passed := make(chan time.Time)
	close(passed)
	s.after = func(time.Duration) <-chan time.Time { return passed }
	err := s.waitReady(t.Context(), 2, "")
	if err == nil || !strings.Contains(err.Error(), "sandbox 2 does not stay up; the last that it said:\nlabinit: no such address") {
		t.Errorf("got %v", err)
	}
	if err := runs(t.Context(), loops{}, "monday", 1); err != nil {
		t.Errorf("one that runs: %v", err)
	}
}
