package cli

import (
	"context"
	"errors"
	"testing"
	"time"

	"maillab/internal/deploy"
	"maillab/internal/engine"
	"maillab/internal/instance"
	"maillab/internal/spec"
)

// TestZone: times are told in the lab's zone, wherever the teacher's machine is.
func TestZone(t *testing.T) {
	a, _ := testApp(t, nil)
	folder := held(t, a.folder("amiens"))
	if err := folder.KeepSheet(map[int]spec.Sandbox{1: {Timezone: "Asia/Tokyo"}}, instance.Tasks{}, 0, instance.Reach{}); err != nil {
		t.Fatal(err)
	}
	if got := noon().In(a.zone("amiens")).Format(time.TimeOnly); got != "21:00:00" {
		t.Errorf("noon in London is %s in Tokyo", got)
	}
	if got := a.zone("elsewhere"); got != time.Local {
		t.Errorf("of an instance of which nothing is known: %v", got)
	}
}

// TestUnansweringEngine: an instance that is not found may be on an engine that does not answer.
func TestUnansweringEngine(t *testing.T) {
	answering := deploy.Maker{Name: "embedded", Make: func(context.Context) (engine.Engine, error) { return nobody{}, nil }}
	away := deploy.Maker{Name: "docker", Make: func(context.Context) (engine.Engine, error) { return nil, engine.ErrUnavailable }}
	for _, c := range []struct {
		name, engine string
		makers       []deploy.Maker
		want         int
	}{
		{"both answer", "", []deploy.Maker{answering, answering}, exitFailed},
		{"one is away", "", []deploy.Maker{away, answering}, exitNoEngine},
		{"one is away and not asked", "embedded", []deploy.Maker{away, answering}, exitFailed},
	} {
		for _, name := range []string{"", "monday"} {
			a, _ := testApp(t, nil)
			a.Engines, a.flags.engine, a.flags.instance = c.makers, c.engine, name
			if _, err := a.the(t.Context()); exitCode(err) != c.want || !errors.Is(err, engine.ErrNotFound) {
				t.Errorf("%s, %q: %d: %v", c.name, name, exitCode(err), err)
			}
		}
	}
}

// nobody is an engine on which nothing runs.
type nobody struct{ engine.Engine }

func (nobody) Observe(context.Context, string) ([]engine.Resource, error) { return nil, nil }

// TestRehearsals: two that begin at once, when neither is seen yet, have names of their own, which an instance can have.
func TestRehearsals(t *testing.T) {
	one, two := rehearsal(), rehearsal()
	if one == two || instance.CheckName(one) != nil {
		t.Errorf("%s, %s: %v", one, two, instance.CheckName(one))
	}
}
