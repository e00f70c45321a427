package deploy_test

import (
	"context"
	"errors"
	"testing"

	"maillab/internal/deploy"
	"maillab/internal/engine"
	"maillab/internal/engine/enginetest"
)

// named is an engine with a name.
type named struct {
	engine.Engine
	name string
}

func (n named) Capabilities() engine.Capabilities { return engine.Capabilities{Name: n.name} }

// TestHosted: what an engine of this process serves is served once, outlives the context of the command, and ends when it is
// told to, which is known.
func TestHosted(t *testing.T) {
	command, interrupt := context.WithCancel(t.Context())
	var begin func(runtime, data string)
	served := make(chan string, 2)
	h := deploy.Host(command, func(serve func(runtime, data string)) engine.Engine {
		begin = serve
		return named{name: "embedded"}
	}, func(ctx context.Context, runtime, data string) {
		served <- runtime + " " + data
		<-ctx.Done()
	})
	begin("run", "data")
	begin("again", "data")
	if got := <-served; got != "run data" && got != "again data" {
		t.Error(got)
	}
	interrupt()
	select {
	case <-h.Ended:
		t.Error("it ends with the command's context")
	default:
	}
	h.End()
	<-h.Ended
	if len(served) > 0 {
		t.Errorf("served twice: %s", <-served)
	}
	if h.Maker.Name != "embedded" {
		t.Error(h.Maker.Name)
	}
	if e, err := h.Maker.Make(t.Context()); err != nil || e.Capabilities().Name != "embedded" {
		t.Error(e, err)
	}
}

func TestInstead(t *testing.T) {
	away := errors.New("away")
	maker := func(name string, err error) deploy.Maker {
		return deploy.Maker{Name: name, Make: func(context.Context) (engine.Engine, error) { return &enginetest.Faulty{}, err }}
	}
	before := []deploy.Maker{maker("docker", nil), maker("embedded", nil)}
	after := deploy.Instead(before, maker("embedded", away))
	for i, want := range []error{nil, away} {
		if _, err := after[i].Make(t.Context()); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", after[i].Name, err, want)
		}
	}
	if _, err := before[1].Make(t.Context()); err != nil {
		t.Error("the makers that were given are changed")
	}
	if got := deploy.Instead(before[:1], maker("embedded", away)); len(got) != 1 || got[0].Name != "docker" {
		t.Error("what is not there is put there", got)
	}
}
