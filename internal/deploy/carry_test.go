package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"maillab/internal/control"
	"maillab/internal/engine"
	"maillab/internal/engine/enginetest"
	"maillab/internal/instance"
	"maillab/internal/plan"
	"maillab/internal/roster"
	"maillab/internal/spec"
)

// world is an engine in memory whose gateways and sandboxes answer, as one of its users sees it.
type world struct {
	*enginetest.Faulty
	mu    *sync.Mutex
	gates map[string]*gate
	// before is called before each call with what it does: "observe", "put facts", "put sandbox", …; may be nil.
	before func(what string)
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{Faulty: &enginetest.Faulty{Memory: &enginetest.Memory{}}, mu: new(sync.Mutex), gates: map[string]*gate{}}
}

// seen is the same world through another user's eyes.
func (w *world) seen(before func(what string)) *world {
	other := *w
	other.Faulty = &enginetest.Faulty{Memory: w.Memory}
	other.before = before
	return &other
}

func (w *world) tell(what string) {
	if w.before != nil {
		w.before(what)
	}
}

func (w *world) Observe(ctx context.Context, name string) ([]engine.Resource, error) {
	w.tell("observe")
	return w.Faulty.Observe(ctx, name)
}

func (w *world) Put(ctx context.Context, r engine.Resource, p engine.Progress) error {
	w.tell("put " + string(r.Kind))
	return w.Faulty.Put(ctx, r, p)
}

// Dial leads to the gate of an instance whose gateway runs.
func (w *world) Dial(ctx context.Context, name string) (net.Conn, error) {
	conn, err := w.Memory.Dial(ctx, name)
	if err != nil {
		return nil, err
	}
	conn.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.gates[name] == nil {
		w.gates[name] = &gate{world: w, specs: map[string]string{}}
	}
	near, far := net.Pipe()
	go enginetest.ServeStream(far, w.gates[name])
	return near, nil
}

// gate is an instance's gateway and all of its sandboxes: ready at once, with the spec that they were sent.
type gate struct {
	world *world
	doors control.Doors
	specs map[string]string // hash by host
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.world.mu.Lock()
	defer g.world.mu.Unlock()
	reply := func(v any) { _ = json.NewEncoder(w).Encode(v) }
	switch r.Method + " " + r.URL.Path {
	case "PUT /v1/doors":
		var want control.Doors
		_ = json.NewDecoder(r.Body).Decode(&want)
		for _, other := range g.world.gates { // a port has one listener
			if other != g && overlapping(other.doors, want) {
				control.WriteError(w, http.StatusConflict, errors.New("address already in use"))
				return
			}
		}
		g.doors = want
	case "GET /v1/doors":
		reply(g.doors)
	case "GET /v1/ready":
		reply(control.Ready{State: control.StateReady, Spec: g.specs[r.Host]})
	case "PUT /v1/spec":
		var sent spec.Sandbox
		_ = json.NewDecoder(r.Body).Decode(&sent)
		g.specs[r.Host] = sent.Sealed
	case "GET /v1/probe":
		reply([]control.Probe{})
	default:
		http.NotFound(w, r)
	}
}

func overlapping(a, b control.Doors) bool {
	used := map[string]bool{}
	for _, t := range a.Sandboxes {
		for _, d := range t.Doors {
			used[d.Listen] = true
		}
	}
	for _, t := range b.Sandboxes {
		for _, d := range t.Doors {
			if used[d.Listen] {
				return true
			}
		}
	}
	return false
}

// bringing is one user's up.
type bringing struct {
	carrier Carrier
	folder  instance.Folder
	request Request
}

func (w *world) bringing(t *testing.T, data, name string, students int) *bringing {
	t.Helper()
	maker := Maker{Name: "memory", Make: func(context.Context) (engine.Engine, error) { return w, nil }}
	r := request(t, students)
	r.Name = name
	return &bringing{
		carrier: Carrier{Makers: []Maker{maker}, All: []Maker{maker}, Image: func() string { return "maillab/sandbox:1" }, Filter: func() string { return "maillab/filter:1" }, Now: noon,
			Hash: func(password string) (string, error) { return "hash of " + password, nil },
			Try:  func(string) error { return nil }, Ephemeral: 32768},
		folder: instance.OpenFolder(data, name), request: r,
	}
}

func (b *bringing) up(t *testing.T) (Outcome, error) {
	t.Helper()
	h, err := b.folder.Lock(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Release()
	out, err := b.carrier.Up(t.Context(), h, b.request)
	if err == nil && !out.Result.OK() {
		err = out.Result.Err()
	}
	return out, err
}

// distinct fails when two seats of whatever instance have the same door or uids.
func (w *world) distinct(t *testing.T) {
	t.Helper()
	resources, err := w.Memory.Observe(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	has := map[string]string{}
	claim := func(what, who string) {
		if has[what] != "" && what != "" {
			t.Errorf("%s and %s both have %s", has[what], who, what)
		}
		has[what] = who
	}
	for _, r := range resources {
		if r.Kind == engine.Sandbox {
			claim("uids "+r.Labels[engine.LabelUIDs], r.Instance+" "+r.ID())
		}
	}
	for _, i := range instance.Of(resources) {
		for seat, c := range i.Claims {
			for _, d := range c.Doors {
				claim(d.Listen, fmt.Sprintf("%s seat %d", i.Name, seat))
			}
		}
	}
}

// TestTwoAtOnce: whoever comes second chooses again, in whichever order things happen.
func TestTwoAtOnce(t *testing.T) {
	type hooks struct{ a, b func(what string) }
	once := func(what string, do func()) func(string) {
		var first sync.Once
		return func(is string) {
			if is == what {
				first.Do(do)
			}
		}
	}
	for name, make := range map[string]func() hooks{
		"as it comes": func() hooks { return hooks{} },
		"both look before one puts": func() hooks {
			var both sync.WaitGroup
			both.Add(2)
			meet := func() { both.Done(); both.Wait() }
			return hooks{once("put image", meet), once("put image", meet)}
		},
		"both claim before one looks again": func() hooks {
			var claimed, decided sync.WaitGroup
			claimed.Add(2)
			decided.Add(2)
			hook := func() func(string) {
				looks := 0
				start := once("put image", func() { decided.Done(); decided.Wait() })
				return func(what string) {
					start(what)
					if what == "observe" {
						if looks++; looks == 2 {
							claimed.Done()
							claimed.Wait()
						}
					}
				}
			}
			return hooks{hook(), hook()}
		},
		"one has been thinking while the other did all": func() hooks {
			decided, done := make(chan bool), make(chan bool)
			return hooks{
				once("put image", func() { close(decided); <-done }),
				func(what string) {
					switch what {
					case "observe":
						<-decided
					case "end":
						close(done)
					}
				},
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, names := range [][2]string{{"monday", "tuesday"}, {"tuesday", "monday"}} {
				w, h := newWorld(t), make()
				data := t.TempDir()
				a, b := w.seen(h.a).bringing(t, data, names[0], 4), w.seen(h.b).bringing(t, data, names[1], 3)
				var wg sync.WaitGroup
				for n, one := range []*bringing{a, b} {
					wg.Go(func() {
						if _, err := one.up(t); err != nil {
							t.Errorf("%s: %v", one.request.Name, err)
						}
						if hook := []func(string){h.a, h.b}[n]; hook != nil {
							hook("end")
						}
					})
				}
				wg.Wait()
				w.distinct(t)
				for _, one := range []*bringing{a, b} { // they are as they should be
					if _, p, err := one.carrier.Plan(t.Context(), one.folder, one.request); err != nil || !p.Empty() {
						t.Errorf("%s: %v\n%s", one.request.Name, err, p)
					}
				}
			}
		})
	}
}

// TestGrowthBesideAnother: a class that outgrows its ports gets others, and nobody's move.
func TestGrowthBesideAnother(t *testing.T) {
	w, data := newWorld(t), t.TempDir()
	first, second := w.bringing(t, data, "monday", 8), w.bringing(t, data, "tuesday", 8)
	for _, b := range []*bringing{first, second} {
		if _, err := b.up(t); err != nil {
			t.Fatal(err)
		}
	}
	was := doorsOf(t, w, "monday")
	first.request.Class = roster.Count(40)
	if _, err := first.up(t); err != nil {
		t.Fatal(err)
	}
	is := doorsOf(t, w, "monday")
	for seat, door := range was {
		if is[seat] != door {
			t.Errorf("seat %d has moved from %s to %s", seat, door, is[seat])
		}
	}
	if is[9] != "127.0.0.1:10925" || is[40] == "" || strings.HasPrefix(is[40], "127.0.0.1:14") {
		t.Errorf("%v", is)
	}
	w.distinct(t)
}

func doorsOf(t *testing.T, w *world, name string) map[int]string {
	t.Helper()
	resources, err := w.Memory.Observe(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	doors := map[int]string{}
	for seat, c := range instance.Of(resources)[0].Claims {
		doors[seat] = c.Doors[1].Listen
	}
	return doors
}

// TestDoorsMove: other addresses, ports and hosts of a running class are the gateway's business on the host's network; where
// the engine forwards to it, it is made anew, and only when that was agreed to.
func TestDoorsMove(t *testing.T) {
	for _, bridge := range []bool{false, true} {
		w, data := newWorld(t), t.TempDir()
		b := w.bringing(t, data, "monday", 3)
		if bridge {
			b.request.Gateway = "ports"
		}
		if _, err := b.up(t); err != nil {
			t.Fatal(err)
		}
		b.carrier.Try = func(string) error { return errors.New("somebody listens there") } // its own gateway, as it seems
		b.request.Listen = "0.0.0.0"
		asked := ""
		b.carrier.Agree = func(_ context.Context, p plan.Plan, harm string) error {
			for _, s := range p.Steps {
				if s.Target.Kind == engine.Sandbox && s.Action != plan.Wait {
					t.Errorf("%s", s.ID)
				}
			}
			asked = harm
			return errors.New("no")
		}
		out, err := b.up(t)
		if bridge {
			if asked != "ends the sessions of student01, student02, student03" || err == nil || out.Begun {
				t.Errorf("asked %q: %v", asked, err)
			}
			b.carrier.Agree = func(context.Context, plan.Plan, string) error { return nil }
			_, err = b.up(t)
		} else if asked != "" {
			t.Errorf("asked %q", asked)
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := doorsOf(t, w, "monday"); got[2] != "0.0.0.0:10225" {
			t.Errorf("%v", got)
		}
		if got := w.gates["monday"].doors.Sandboxes[1].Doors[1].Listen; got != "0.0.0.0:10225" {
			t.Errorf("the gateway listens at %s", got)
		}
	}
}

// TestEngineAway: while the engine that has an instance does not answer, it is not begun anew on another.
func TestEngineAway(t *testing.T) {
	w, other, data := newWorld(t), newWorld(t), t.TempDir()
	b := w.bringing(t, data, "monday", 2)
	if _, err := b.up(t); err != nil {
		t.Fatal(err)
	}
	away := Maker{Name: "memory", Make: func(context.Context) (engine.Engine, error) { return nil, engine.ErrUnavailable }}
	instead := Maker{Name: "embedded", Make: func(context.Context) (engine.Engine, error) { return named{other, "embedded"}, nil }}
	b.carrier.Makers, b.carrier.All = []Maker{away, instead}, []Maker{away, instead}
	for _, asked := range [][]Maker{{away, instead}, {instead}} { // the second is --engine embedded
		b.carrier.Makers = asked
		out, err := b.up(t)
		if !errors.As(err, new(*ElsewhereError)) || !errors.Is(err, engine.ErrUnavailable) || out.Begun {
			t.Errorf("%v", err)
		}
	}
	if left, _ := other.Memory.Observe(t.Context(), ""); len(left) > 0 {
		t.Errorf("a twin has begun: %v", left)
	}
	// Where it answers and has nothing any more, or was taken down, it may begin elsewhere.
	b.carrier.Makers = w.bringing(t, data, "monday", 2).carrier.Makers
	b.carrier.All = append(b.carrier.Makers, instead)
	down(t, b, w)
	b.carrier.Makers, b.carrier.All = []Maker{away, instead}, []Maker{away, instead}
	if _, err := b.up(t); err != nil {
		t.Error(err)
	}
}

// named is an engine with another name.
type named struct {
	*world
	name string
}

func (n named) Capabilities() engine.Capabilities {
	can := n.world.Capabilities()
	can.Name = n.name
	return can
}

func down(t *testing.T, b *bringing, w *world) {
	t.Helper()
	h, err := b.folder.Lock(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Release()
	if result, err := b.carrier.Down(t.Context(), h, w, b.request.Name, Nothing); err != nil || !result.OK() {
		t.Fatal(err, result.Err())
	}
}

// TestKilledAnywhere: whatever call went wrong, the next up finishes it.
func TestKilledAnywhere(t *testing.T) {
	for _, fault := range []enginetest.Fault{enginetest.Before, enginetest.After, enginetest.Half} {
		for at := 1; ; at++ {
			w := newWorld(t)
			b := w.bringing(t, t.TempDir(), "monday", 2)
			w.At, w.Fault = at, fault
			_, err := b.up(t)
			if w.Count() < at {
				break
			}
			w.At = 0
			if _, again := b.up(t); again != nil {
				t.Errorf("call %d %s: %v; then: %v", at, fault, err, again)
			}
			if _, p, err := b.carrier.Plan(t.Context(), b.folder, b.request); err != nil || !p.Empty() {
				t.Errorf("call %d %s: %v\n%s", at, fault, err, p)
			}
		}
	}
}

// TestHoldLooksAgain: who waited for another command sees what that has done, and does not undo it; or is told that there is
// nothing left to do it to.
func TestHoldLooksAgain(t *testing.T) {
	w, data := newWorld(t), t.TempDir()
	b := w.bringing(t, data, "monday", 2)
	if _, err := b.up(t); err != nil {
		t.Fatal(err)
	}
	old, err := Again(t.Context(), Running{Instance: instance.Instance{Name: "monday"}, Engine: w})
	if err != nil {
		t.Fatal(err)
	}
	hold := func(meanwhile func(h *instance.Held)) (Running, *instance.Held, error) {
		first, err := b.folder.Lock(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		var once sync.Once
		return Hold(t.Context(), b.folder, old, func() {
			once.Do(func() {
				meanwhile(first)
				first.Release()
			})
		})
	}
	now, h, err := hold(func(h *instance.Held) {
		b.request.Host = "lab.example"
		if out, err := b.carrier.Up(t.Context(), h, b.request); err != nil || !out.Result.OK() {
			t.Error(err, out.Result.Err())
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	until := noon().AddDate(0, 0, 1)
	if err := h.SetExpiry(t.Context(), w, now.Instance, until); err != nil {
		t.Error(err)
	}
	h.Release()
	is, err := Again(t.Context(), old)
	if err != nil || is.Host != "lab.example" || !is.Expires.Equal(until) {
		t.Errorf("told to connect to %q, expires %v, %v", is.Host, is.Expires, err)
	}
	_, _, err = hold(func(h *instance.Held) {
		if result, err := b.carrier.Down(t.Context(), h, w, "monday", Nothing); err != nil || !result.OK() {
			t.Error(err, result.Err())
		}
	})
	if !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("of what was taken down meanwhile: %v", err)
	}
}
