package apply

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/engine"
	"maillab/internal/engine/enginetest"
	"maillab/internal/plan"
)

// meter is an engine of which each Put waits until it is let go.
type meter struct {
	enginetest.Memory
	entered chan string
	leave   chan error
}

func (m *meter) Put(ctx context.Context, r engine.Resource, progress engine.Progress) error {
	m.entered <- r.ID()
	if progress != nil {
		progress("working on " + r.ID())
	}
	return <-m.leave
}

func volumes(seats int) plan.Plan {
	var p plan.Plan
	for seat := range seats {
		r := engine.Resource{Kind: engine.Volume, Seat: seat + 1, Part: "mail"}
		p.Steps = append(p.Steps, plan.Step{ID: plan.ID(r.ID()), Action: plan.Create, Target: r, Seat: r.Seat})
	}
	return p
}

// TestParallelIsABound: exactly Parallel steps are with the engine, in the plan's order, and one more for each that ends.
func TestParallelIsABound(t *testing.T) {
	m := &meter{entered: make(chan string), leave: make(chan error)}
	finished := make(chan Result)
	go func() { finished <- Run(context.Background(), volumes(5), Config{Engine: m, Parallel: 2}) }()
	inside := map[string]bool{<-m.entered: true, <-m.entered: true}
	if d := cmp.Diff(map[string]bool{"volume 1 mail": true, "volume 2 mail": true}, inside); d != "" {
		t.Errorf("first: -want +got\n%s", d)
	}
	for _, next := range []string{"volume 3 mail", "volume 4 mail", "volume 5 mail"} {
		select {
		case id := <-m.entered:
			t.Fatalf("%s was started while two steps were running", id)
		case m.leave <- nil:
		}
		if got := <-m.entered; got != next {
			t.Errorf("%s was started, want %s", got, next)
		}
	}
	m.leave <- nil
	m.leave <- nil
	if r := <-finished; !r.OK() || r.Count(Done) != 5 {
		t.Errorf("%+v", r)
	}
}

// TestEventsAndOutcomes: one step fails, what needs it is skipped, the rest is done; times come from the clock.
func TestEventsAndOutcomes(t *testing.T) {
	boom := errors.New("boom")
	p := volumes(4)
	p.Steps[1].Needs = []plan.ID{p.Steps[0].ID}
	p.Steps[2].Needs = []plan.ID{p.Steps[1].ID}
	m := &meter{entered: make(chan string, 9), leave: make(chan error, 9)}
	m.leave <- boom
	m.leave <- nil
	var events []string
	r := Run(context.Background(), p, Config{Engine: m, Parallel: 1, Now: ticking(), Events: func(e Event) {
		events = append(events, strings.TrimSpace(string(e.Step.ID)+" "+string(e.State)+" "+e.Line))
	}})
	checkEnds(t, r)
	want := []string{
		"volume 1 mail started", "volume 1 mail started working on volume 1 mail", "volume 1 mail failed",
		"volume 2 mail skipped", "volume 3 mail skipped",
		"volume 4 mail started", "volume 4 mail started working on volume 4 mail", "volume 4 mail done",
	}
	if d := cmp.Diff(want, events); d != "" {
		t.Errorf("events: -want +got\n%s", d)
	}
	if !errors.Is(r.Err(), boom) || r.Err().Error() != "volume 1 mail: boom" {
		t.Errorf("error %v", r.Err())
	}
	if got := r.Outcomes[2].Err.Error(); got != `needs "volume 2 mail", which was skipped` {
		t.Errorf("of the third: %s", got)
	}
	if took := r.Outcomes[3].Took; took != time.Second {
		t.Errorf("took %s", took)
	}
	seats, general := r.Incomplete()
	if d := cmp.Diff([]int{1, 2, 3}, seats); d != "" || general {
		t.Errorf("incomplete: %s, general %v", d, general)
	}
}

// ticking is a clock that goes on by a second whenever it is looked at.
func ticking() func() time.Time {
	var mu sync.Mutex
	now := time.Unix(0, 0)
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(time.Second)
		return now
	}
}

func TestAPlanThatIsNoneIsSkippedNotWaitedFor(t *testing.T) {
	p := volumes(3)
	p.Steps[0].Needs = []plan.ID{p.Steps[1].ID}
	p.Steps[1].Needs = []plan.ID{p.Steps[0].ID}
	p.Steps[2].Needs = []plan.ID{"nothing"}
	r := Run(context.Background(), p, Config{Engine: &enginetest.Memory{}})
	checkEnds(t, r)
	if r.Count(Skipped) != 3 || r.OK() {
		t.Errorf("%+v", r)
	}
}

func TestAnEmptyPlanIsDone(t *testing.T) {
	if r := Run(context.Background(), plan.Plan{}, Config{}); !r.OK() {
		t.Errorf("%+v", r)
	}
}
