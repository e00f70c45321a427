package depot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/control"
)

// world is a gateway "a" with two others, whose depots are folders here, and sandboxes that say what they are told to.
type world struct {
	t      *testing.T
	stores map[string]*Store

	mu     sync.Mutex
	doors  control.Doors
	state  control.MeshState
	stamps map[int]string
	bodies map[int]string
	saved  map[int]int // how often each was copied

	away  string        // a node that does not answer before the one behind it has been asked, and then breaks off
	asked chan struct{} // closed when that was
}

func newWorld(t *testing.T) (*world, *Keeper) {
	t.Helper()
	w := &world{t: t, stores: map[string]*Store{}, stamps: map[int]string{}, bodies: map[int]string{}, saved: map[int]int{},
		state: control.MeshState{Node: "a", Serving: true}}
	w.doors.Mesh = &control.Mesh{Copying: &control.Copying{Every: time.Minute, Keep: 2}}
	for _, id := range []string{"a", "b", "c"} {
		w.stores[id] = &Store{Dir: filepath.Join(t.TempDir(), id), Node: id}
		w.state.Nodes = append(w.state.Nodes, control.NodeState{Node: control.Node{ID: id, Name: id}, Heard: true})
	}
	for seat := 1; seat <= 2; seat++ {
		w.doors.Sandboxes = append(w.doors.Sandboxes, control.Target{Seat: seat, Node: "a", Incarnation: 1})
		w.stamps[seat], w.bodies[seat] = "1", fmt.Sprintf("what %d has", seat)
	}
	w.doors.Sandboxes = append(w.doors.Sandboxes, control.Target{Seat: 3, Node: "b"}, control.Target{Seat: 4, Node: "a", Closed: true})
	client := control.NewClient(func(ctx context.Context) (net.Conn, error) {
		ours, theirs := net.Pipe()
		protocols := new(http.Protocols)
		protocols.SetUnencryptedHTTP2(true)
		server := &http.Server{Handler: w, Protocols: protocols}
		l := &once{conn: theirs, done: make(chan struct{})}
		go func() { _ = server.Serve(l) }()
		t.Cleanup(func() { server.Close(); l.Close() })
		return ours, nil
	})
	t.Cleanup(client.Close)
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	return w, &Keeper{Client: client, Store: w.stores["a"], Log: slog.New(slog.DiscardHandler), Now: func() time.Time {
		now = now.Add(time.Second)
		return now
	}}
}

// once is a listener of one connection.
type once struct {
	conn net.Conn
	done chan struct{}
	mu   sync.Mutex
}

func (o *once) Accept() (net.Conn, error) {
	o.mu.Lock()
	conn := o.conn
	o.conn = nil
	o.mu.Unlock()
	if conn != nil {
		return conn, nil
	}
	<-o.done
	return nil, net.ErrClosed
}

func (o *once) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case <-o.done:
	default:
		close(o.done)
	}
	return nil
}

func (o *once) Addr() net.Addr { return &net.UnixAddr{} }

func (w *world) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	seat := 0
	_, _ = fmt.Sscanf(r.Host, "seat-%d", &seat)
	rest, isDepot := strings.CutPrefix(r.URL.Path, "/v1/depot/")
	node, _, _ := strings.Cut(rest, "/")
	if w.away != "" && isDepot {
		switch node {
		case w.away:
			<-w.asked
			panic(http.ErrAbortHandler)
		case "c":
			close(w.asked)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case isDepot:
		w.stores[node].Handler().ServeHTTP(out, r)
	case r.URL.Path == "/v1/doors":
		control.WriteJSON(out, w.doors)
	case r.URL.Path == "/v1/mesh":
		control.WriteJSON(out, w.state)
	case r.URL.Path == "/v1/stamp":
		control.WriteJSON(out, w.stamps[seat])
	case r.URL.Path == "/v1/snapshot":
		w.saved[seat]++
		_, _ = io.WriteString(out, w.bodies[seat])
		if w.bodies[seat] == "" {
			panic(http.ErrAbortHandler)
		}
	}
}

// kept are the copies on all nodes, as "NODE SEAT TEXT".
func (w *world) kept(client *control.Client) (all []string) {
	w.t.Helper()
	list, err := Everywhere(w.t.Context(), client)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, k := range list {
		in, err := control.Depot{Client: client, Node: k.Node}.Open(w.t.Context(), k)
		if err != nil {
			w.t.Fatal(err)
		}
		stream, done, err := Unpack(in)
		if err != nil {
			w.t.Fatal(err)
		}
		text, err := io.ReadAll(stream)
		done()
		in.Close()
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, fmt.Sprintf("%s %d %s", k.Node, k.Seat, text))
	}
	return all
}

func (w *world) say(do func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	do()
}

// TestWhatChangedIsCopied to another node, and nothing else: neither what is elsewhere, nor what is being put back, nor again what
// is as it was, of which only the time is said anew.
func TestWhatChangedIsCopied(t *testing.T) {
	w, k := newWorld(t)
	round := func(want ...string) {
		t.Helper()
		if every, err := k.Round(t.Context()); err != nil || every != time.Minute {
			t.Fatalf("%s, %v", every, err)
		}
		if d := cmp.Diff(want, w.kept(k.Client)); d != "" {
			t.Errorf("-want +got\n%s", d)
		}
	}
	round("b 2 what 2 has", "c 1 what 1 has")
	before := w.times(k.Client)
	round("b 2 what 2 has", "c 1 what 1 has")
	for seat, at := range w.times(k.Client) {
		if !at.After(before[seat]) {
			t.Errorf("seat %d was so at %s, and still is", seat, at)
		}
	}
	if d := cmp.Diff(map[int]int{1: 1, 2: 1}, w.saved); d != "" {
		t.Errorf("copied: -want +got\n%s", d)
	}
	w.say(func() { w.stamps[1], w.bodies[1] = "2", "more" })
	round("b 2 what 2 has", "c 1 what 1 has", "c 1 more")
	w.say(func() { w.stamps[1], w.bodies[1] = "3", "most" })
	round("b 2 what 2 has", "c 1 more", "c 1 most")
	w.say(func() { w.state.Nodes[2].Heard = false }) // c
	round("b 1 most", "b 2 what 2 has", "c 1 more", "c 1 most")
	w.say(func() { w.doors.Sandboxes[1].Incarnation = 2; w.bodies[2] = "anew" })
	round("b 1 most", "b 2 what 2 has", "b 2 anew", "c 1 more", "c 1 most")
}

func (w *world) times(client *control.Client) map[int]time.Time {
	w.t.Helper()
	list, err := Everywhere(w.t.Context(), client)
	if err != nil {
		w.t.Fatal(err)
	}
	times := map[int]time.Time{}
	for seat, kept := range Newest(list, []int{1, 2, 3, 4}) {
		times[seat] = kept.Time
	}
	return times
}

// TestOneIsAway: a node that does not answer keeps nobody from being asked.
func TestOneIsAway(t *testing.T) {
	w, k := newWorld(t)
	if _, err := k.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.state.Nodes[1].Heard, w.away, w.asked = false, "b", make(chan struct{})
	all, err := Everywhere(t.Context(), k.Client)
	if err != nil || len(all) != 1 || all[0].Node != "c" {
		t.Errorf("%+v, %v", all, err)
	}
}

// TestWhatIsNotCopied: a stream that breaks off becomes no copy, and what there was stays; the others' are taken all the same; who is
// gone from the class leaves none; and a node that hears no majority copies nothing.
func TestWhatIsNotCopied(t *testing.T) {
	w, k := newWorld(t)
	if _, err := k.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.say(func() {
		w.stamps = map[int]string{1: "2", 2: "2"}
		w.bodies = map[int]string{1: "", 2: "new"}
	})
	if _, err := k.Round(t.Context()); err == nil {
		t.Error("a copy that breaks off is not told")
	}
	if d := cmp.Diff([]string{"b 2 what 2 has", "b 2 new", "c 1 what 1 has"}, w.kept(k.Client)); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	w.say(func() { w.state.Serving, w.stamps = false, map[int]string{1: "3", 2: "3"} })
	saved := w.saved[2]
	if every, err := k.Round(t.Context()); err != nil || every != 0 || w.saved[2] != saved {
		t.Errorf("without a majority: %s, %v, %d copies more", every, err, w.saved[2]-saved)
	}
	if err := w.stores["b"].Only([]int{1}); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"c 1 what 1 has"}, w.kept(k.Client)); d != "" {
		t.Errorf("after seat 2 has left: -want +got\n%s", d)
	}
}

// TestStoreRefuses what leads out of its folder, what is too much, and what finds no room.
func TestStoreRefuses(t *testing.T) {
	_, k := newWorld(t)
	d := control.Depot{Client: k.Client, Node: "b"}
	good := ID(1, time.Unix(0, 0))
	status := func(err error) int {
		var told *control.Error
		if errors.As(err, &told) {
			return told.Status
		}
		return 0
	}
	for _, id := range []string{"x", "..", good + "/..", good + ".tar", ""} {
		if err := d.Put(t.Context(), 1, id, 2, strings.NewReader("x")); status(err) < 400 {
			t.Errorf("%q: %v", id, err)
		}
	}
	if err := d.Put(t.Context(), 1, good, maxKeep+1, strings.NewReader("x")); status(err) < 400 {
		t.Errorf("too many: %v", err)
	}
	if err := d.Still(t.Context(), 1, good, time.Now()); status(err) != http.StatusNotFound {
		t.Errorf("what is not there: %v", err)
	}
	if _, err := d.Open(t.Context(), control.Kept{Seat: 1, ID: good}); status(err) != http.StatusNotFound {
		t.Errorf("what is not there: %v", err)
	}
	s := &Store{Dir: t.TempDir(), Node: "b", Room: func() bool { return false }}
	if err := s.put(filepath.Join(s.Dir, "1", good+suffix), 2, strings.NewReader("x")); !errors.Is(err, errNoRoom) {
		t.Errorf("without room: %v", err)
	}
	if left, _ := os.ReadDir(s.Dir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}
