package mesh

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"maillab/internal/certificate"
	"maillab/internal/control"
	"maillab/internal/handoff"
)

// world is nodes and what lies between them, within one process and a clock of its own.
type world struct {
	t     *testing.T
	set   certificate.Set
	mu    sync.Mutex
	cut   map[[2]string]bool
	wires map[*wire]bool
	nodes map[string]*machine
	seen  string // a folder
}

// machine is a node with the gateway that it needs.
type machine struct {
	*Mesh
	id    string
	w     *world
	port  *handoff.Queue
	stop  context.CancelFunc
	mu    sync.Mutex
	doors control.Doors
}

func newWorld(t *testing.T, ids ...string) *world {
	t.Helper()
	set, err := certificate.Set{}.RenewedMesh("try", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, set: set, cut: map[[2]string]bool{}, wires: map[*wire]bool{}, nodes: map[string]*machine{}, seen: t.TempDir()}
	for _, id := range ids {
		w.start(id)
	}
	return w
}

// start starts a node, which knows nothing but what it has seen.
func (w *world) start(id string) *machine {
	w.t.Helper()
	config, err := w.set.Credentials(certificate.GatewayRole).Peer()
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(w.t.Context())
	n := &machine{id: id, w: w, port: handoff.NewQueue(), stop: stop}
	begin := time.Unix(0, 0)
	n.Mesh, err = New(ctx, Config{Node: id, TLS: config, Local: n, Log: slog.New(slog.DiscardHandler), Seen: w.seen + "/" + id,
		Dial: func(ctx context.Context, _, address string) (net.Conn, error) { return w.dial(ctx, id, address) },
		Now:  func() time.Duration { return time.Since(begin) }, Beat: Beat, Lease: Lease})
	if err != nil {
		w.t.Fatal(err)
	}
	go n.Serve(n.port)
	w.mu.Lock()
	w.nodes[id] = n
	w.mu.Unlock()
	return n
}

// kill ends a node; what it had in memory is gone.
func (w *world) kill(id string) {
	w.mu.Lock()
	n := w.nodes[id]
	delete(w.nodes, id)
	w.mu.Unlock()
	n.stop()
	n.port.Close()
	w.sever()
}

// wire is a connection between two nodes. Once they are cut apart nothing comes through it any more.
type wire struct {
	net.Conn
	ends [2]string
	dead chan struct{}
	once sync.Once
}

func (c *wire) kill() { c.once.Do(func() { close(c.dead); c.Conn.Close() }) }

func (w *world) dial(ctx context.Context, from, address string) (net.Conn, error) {
	to, _, _ := net.SplitHostPort(address)
	w.mu.Lock()
	n, cut := w.nodes[to], w.cut[[2]string{from, to}]
	w.mu.Unlock()
	if cut {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if n == nil {
		return nil, errors.New("connection refused")
	}
	here, there := buffered()
	c := &wire{Conn: here, ends: [2]string{from, to}, dead: make(chan struct{})}
	w.mu.Lock()
	w.wires[c] = true
	w.mu.Unlock()
	go n.port.Serve(n.ctx, there)
	return c, nil
}

// buffered is a pipe that takes what nobody reads yet, as the network does.
func buffered() (here, there net.Conn) {
	here, inner := net.Pipe()
	outer, there := net.Pipe()
	for from, to := range map[net.Conn]net.Conn{inner: outer, outer: inner} {
		pieces := make(chan []byte, 256)
		go func() {
			defer close(pieces)
			for {
				piece := make([]byte, 4<<10)
				n, err := from.Read(piece)
				if err != nil {
					return
				}
				pieces <- piece[:n]
			}
		}()
		go func() {
			defer to.Close()
			for piece := range pieces {
				_, _ = to.Write(piece)
			}
		}()
	}
	return here, there
}

func (c *wire) Close() error { c.kill(); return nil }

// apart cuts nodes off from the others, or joins all again.
func (w *world) apart(cut func(a, b string) bool) {
	w.mu.Lock()
	clear(w.cut)
	for a := range w.nodes {
		for b := range w.nodes {
			w.cut[[2]string{a, b}] = a != b && cut(a, b)
		}
	}
	w.mu.Unlock()
	w.sever()
}

// sever ends the connections of who is cut off or gone.
func (w *world) sever() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.wires {
		if w.cut[c.ends] || w.nodes[c.ends[0]] == nil || w.nodes[c.ends[1]] == nil {
			c.kill()
			delete(w.wires, c)
		}
	}
}

func (n *machine) Take(d control.Doors) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.Newer(d) {
		return nil
	}
	n.doors = d
	return n.Set(d)
}

// put is what a controller does: it reads, changes, and puts.
func (n *machine) put(change func(d *control.Doors)) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	d := control.Doors{Sandboxes: slices.Clone(n.doors.Sandboxes), Mesh: &control.Mesh{}}
	if n.doors.Mesh != nil {
		*d.Mesh = *n.doors.Mesh
		d.Mesh.Nodes = slices.Clone(d.Mesh.Nodes)
	}
	d.Mesh.Version = n.State().Version + 1
	d.Mesh.Taken = nil
	change(&d)
	d, err := n.Propose(d)
	if err != nil {
		return err
	}
	n.doors = d
	return n.Set(d)
}

func (n *machine) Shut() []string                                  { return nil }
func (n *machine) Offered(_ context.Context, _ Call, in *Incoming) { in.Close() }
func (n *machine) Passed() http.Handler                            { return http.NotFoundHandler() }
func (n *machine) Controlled() http.Handler                        { return http.NotFoundHandler() }

// first is a picture of nodes, with a seat on each.
func first(ids ...string) func(d *control.Doors) {
	return func(d *control.Doors) {
		for i, id := range ids {
			d.Mesh.Nodes = append(d.Mesh.Nodes, node(id))
			d.Sandboxes = append(d.Sandboxes, control.Target{Seat: i + 1, Node: id, Incarnation: 1})
		}
	}
}

func node(id string) control.Node { return control.Node{ID: id, Address: id + ":1"} }

// serving are the nodes that serve a seat.
func (w *world) serving(seat int) (ids []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, n := range w.nodes {
		n.Mesh.mu.Lock()
		for h, k := range n.held {
			if h.seat == seat && k.term != nil {
				ids = append(ids, id)
			}
		}
		n.Mesh.mu.Unlock()
	}
	slices.Sort(ids)
	return ids
}

// served waits until a seat is served on a node and there only, for as long as anybody would.
func (w *world) served(seat int, on string) {
	w.t.Helper()
	w.until(fmt.Sprintf("seat %d is served on %s alone", seat, on), func() bool { return slices.Equal(w.serving(seat), []string{on}) })
}

// until waits for something, for a minute of the bubble's.
func (w *world) until(what string, is func() bool) {
	w.t.Helper()
	for range 600 {
		if is() {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	for _, n := range w.nodes {
		w.t.Logf("%+v", n.State())
	}
	w.t.Fatal("it does not come to be that " + what)
}

// move places a seat anew.
func move(seat int, to string) func(d *control.Doors) {
	return func(d *control.Doors) {
		for i := range d.Sandboxes {
			if t := &d.Sandboxes[i]; t.Seat == seat {
				t.Node = to
				t.Incarnation++
			}
		}
	}
}

// TestPictureSpreads: to who is there, to who comes later, and to who was started anew.
func TestPictureSpreads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "a", "b")
		if err := w.nodes["a"].put(first("a", "b", "c")); err != nil {
			t.Fatal(err)
		}
		w.served(1, "a")
		w.served(2, "b")
		w.start("c")
		w.served(3, "c")
		w.kill("b")
		w.start("b")
		w.served(2, "b")
		if got := w.nodes["b"].doors; len(got.Sandboxes) != 3 || got.Mesh.Version != 1 {
			t.Errorf("b was told %+v", got)
		}
	})
}

// TestCutOff: a node that is cut off stops, and only then another serves what has been placed there anew; when it comes back it
// lets go of what is not its own any more.
func TestCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "a", "b", "c")
		if err := w.nodes["a"].put(first("a", "b", "c")); err != nil {
			t.Fatal(err)
		}
		w.served(3, "c")
		w.apart(func(a, b string) bool { return a == "c" || b == "c" })
		if err := w.nodes["b"].put(move(3, "b")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := w.serving(3); !slices.Equal(got, []string{"c"}) {
			t.Errorf("at once it is served by %v", got)
		}
		if err := w.nodes["c"].put(move(2, "c")); err != nil { // it has its lease still: the picture loses
			t.Fatal(err)
		}
		w.served(3, "b")
		if w.nodes["c"].State().Serving || w.serving(1) == nil || w.serving(2) == nil {
			t.Errorf("c: %+v", w.nodes["c"].State())
		}
		if err := w.nodes["c"].put(move(1, "c")); err == nil {
			t.Error("a node that is cut off moves a seat to itself")
		}
		w.apart(func(a, b string) bool { return false })
		if err := w.nodes["a"].put(func(*control.Doors) {}); err != nil { // else chance tells which of two pictures of one version wins
			t.Fatal(err)
		}
		w.until("c serves again", func() bool { return w.nodes["c"].State().Serving })
		w.served(3, "b")
		w.served(2, "b")
	})
}

// TestTwoNodes: the first of two goes on alone, the second does not, until the controller says that the first is lost.
func TestTwoNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "a", "b")
		if err := w.nodes["a"].put(first("a", "b")); err != nil {
			t.Fatal(err)
		}
		w.served(1, "a")
		w.served(2, "b")
		w.apart(func(string, string) bool { return true })
		time.Sleep(2 * Lease)
		if len(w.serving(1)) != 1 || len(w.serving(2)) != 0 {
			t.Errorf("cut apart: %v, %v", w.serving(1), w.serving(2))
		}
		if err := w.nodes["b"].put(move(1, "b")); err == nil {
			t.Error("b takes a seat away from a, of which it hears nothing")
		}
		w.kill("a")
		if err := w.nodes["b"].put(func(d *control.Doors) { move(1, "b")(d); d.Mesh.Lost = []string{"a"} }); err != nil {
			t.Fatal(err)
		}
		w.served(1, "b")
		w.served(2, "b")
		w.apart(func(string, string) bool { return false })
		back := w.start("a")
		w.until("a hears of it", func() bool { return back.State().Version >= 2 })
		if back.State().Serving {
			t.Error("who is said to be lost serves something")
		}
		everybody := func(d *control.Doors) { d.Mesh.Lost = nil }
		w.until("a takes its own return", func() bool { return back.put(everybody) == nil })
		w.until("a serves again", func() bool { return back.State().Serving })
		w.served(1, "b")
		w.served(2, "b")
		if err := back.put(move(1, "a")); err != nil {
			t.Fatal(err)
		}
		w.served(1, "a")
	})
}

// TestBackAndCutOff: who was said to be lost and comes back takes a seat from who serves it alone, and is cut off in the same moment: as long
// as that one does not know it goes on there, and nowhere else.
func TestBackAndCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "a", "b")
		if err := w.nodes["a"].put(first("a", "b")); err != nil {
			t.Fatal(err)
		}
		w.served(2, "b")
		w.kill("a")
		if err := w.nodes["b"].put(func(d *control.Doors) { move(1, "b")(d); d.Mesh.Lost = []string{"a"} }); err != nil {
			t.Fatal(err)
		}
		back := w.start("a")
		w.until("a hears that b has the same picture", func() bool {
			back.Mesh.mu.Lock()
			defer back.Mesh.mu.Unlock()
			if back.picture.Mesh == nil {
				return false
			}
			settled, _ := back.has(back.picture, nil)
			return settled
		})
		w.apart(func(string, string) bool { return true })
		if err := back.put(func(d *control.Doors) { move(2, "a")(d); d.Mesh.Lost = nil }); err != nil {
			t.Fatal(err)
		}
		for range 60 {
			time.Sleep(Beat)
			synctest.Wait()
			if on := w.serving(2); !slices.Equal(on, []string{"b"}) {
				t.Fatalf("seat 2 is served by %v", on)
			}
		}
		w.apart(func(string, string) bool { return false })
		w.served(2, "a")
	})
}

// TestNeverTwice plays controllers, partitions and deaths by chance: no seat is ever served by two.
func TestNeverTwice(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { hazard(t, rand.New(rand.NewPCG(seed, 1))) })
		})
	}
}

func hazard(t *testing.T, chance *rand.Rand) {
	ids := []string{"a", "b", "c", "d", "e"}[:2+chance.IntN(3)]
	w := newWorld(t, ids...)
	if err := w.nodes["a"].put(first(ids...)); err != nil {
		t.Fatal(err)
	}
	any := func() string { return ids[chance.IntN(len(ids))] }
	moved := 0
	for range 100 {
		switch chance.IntN(12) {
		case 0, 1:
			side := map[string]bool{}
			for _, id := range ids {
				side[id] = chance.IntN(2) == 0
			}
			w.apart(func(a, b string) bool { return side[a] != side[b] })
		case 2:
			broken := [2]string{any(), any()} // one way only
			w.apart(func(a, b string) bool { return [2]string{a, b} == broken })
		case 3, 4, 5:
			w.apart(func(string, string) bool { return false })
		case 6:
			id := any()
			w.kill(id)
			w.start(id)
		case 7, 8, 9:
			if w.nodes[any()].put(move(1+chance.IntN(len(ids)), any())) == nil {
				moved++
			}
		case 10: // another node leaves or comes
			id := any()
			_ = w.nodes[any()].put(func(d *control.Doors) {
				had := slices.ContainsFunc(d.Mesh.Nodes, func(n control.Node) bool { return n.ID == id })
				d.Mesh.Nodes = slices.DeleteFunc(d.Mesh.Nodes, func(n control.Node) bool { return n.ID == id })
				if !had {
					d.Mesh.Nodes = append(d.Mesh.Nodes, node(id))
				}
			})
		}
		for range chance.IntN(30) {
			time.Sleep(500 * time.Millisecond)
			synctest.Wait()
			for seat := range ids {
				if on := w.serving(seat + 1); len(on) > 1 {
					t.Fatalf("seat %d is served by %v", seat+1, on)
				}
			}
		}
	}
	t.Logf("%d nodes, %d moves", len(ids), moved)
	if moved == 0 {
		t.Error("nothing was ever moved")
	}
}
