package gateway

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"maillab/internal/certificate"
	"maillab/internal/control"
	"maillab/internal/handoff"
	"maillab/internal/mesh"
)

// machines are nodes a, b, c … on loopback addresses of their own, with real sockets between them and real registrations. Time
// stands still for their leases until a test lets it pass.
type machines struct {
	t     testing.TB
	set   certificate.Set
	clock atomic.Int64
	dir   string
	nodes map[string]*node

	mu  sync.Mutex
	cut map[string]bool // nodes that nobody hears
}

// node is one of them.
type node struct {
	*Gateway
	all    *machines
	id     string
	host   string // 127.0.0.2 is a's
	at     string // its mesh port
	port   net.Listener
	socket string // where sandboxes register
	stop   context.CancelFunc
	client *control.Client
}

func newMachines(t testing.TB, ids ...string) *machines {
	t.Helper()
	set, err := certificate.Set{}.RenewedMesh("try", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	m := &machines{t: t, set: set, dir: t.TempDir(), nodes: map[string]*node{}, cut: map[string]bool{}}
	for i, id := range ids {
		n := &node{all: m, id: id, host: fmt.Sprintf("127.0.0.%d", 2+i), socket: filepath.Join(m.dir, id+".sock")}
		m.mu.Lock()
		m.nodes[id] = n
		m.mu.Unlock()
		n.start("127.0.1.1:0") // which no connection goes out from, so that the port is free when it comes back
	}
	return m
}

func (m *machines) log(id string) *slog.Logger { return slog.New(slog.DiscardHandler).With("on", id) }

// start starts a node's gateway, which remembers no doors, at a port that it keeps.
func (n *node) start(at string) {
	t := n.all.t
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	log := n.all.log(n.id)
	registry := NewRegistry(log)
	n.Gateway, n.stop = New(ctx, registry, "", log), stop
	n.doors.listen = func(ctx context.Context, network, address string) (net.Listener, error) {
		_, port, _ := net.SplitHostPort(address)
		return new(net.ListenConfig).Listen(ctx, network, net.JoinHostPort(n.host, port))
	}
	config, err := n.all.set.Credentials(certificate.GatewayRole).Peer()
	if err != nil {
		t.Fatal(err)
	}
	joined, err := n.Join(ctx, mesh.Config{Node: n.id, TLS: config, Log: log, Seen: filepath.Join(n.all.dir, n.id+".json"), Dial: n.dial,
		Now: func() time.Duration { return time.Duration(n.all.clock.Load()) }, Beat: 20 * time.Millisecond, Lease: mesh.Lease})
	if err != nil {
		t.Fatal(err)
	}
	port, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	own := port.Addr().String()
	n.all.mu.Lock() // others' connections look at it
	n.at, n.port = own, port
	n.all.mu.Unlock()
	go joined.Serve(port)
	_ = os.Remove(n.socket)
	sandboxes, err := net.ListenUnix("unixpacket", &net.UnixAddr{Name: n.socket, Net: "unixpacket"})
	if err != nil {
		t.Fatal(err)
	}
	context.AfterFunc(ctx, func() { sandboxes.Close() })
	go registry.Listen(ctx, sandboxes, n)
	n.client = control.NewClient(func(ctx context.Context) (net.Conn, error) {
		return n.all.set.Credentials(certificate.ControllerRole).Control(ctx, own)
	})
	t.Cleanup(n.kill)
}

// kill ends a node's gateway.
func (n *node) kill() {
	n.client.Close()
	n.stop()
	n.Close()
	n.port.Close() // the end of the context closes it, too, in its own time
}

// dial is how a node reaches others: what is cut off is silent, and what was under way stays so.
func (n *node) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	w := &wire{Conn: conn, closed: make(chan struct{}), dead: func() bool {
		n.all.mu.Lock()
		defer n.all.mu.Unlock()
		to := slices.IndexFunc([]string{"a", "b", "c"}, func(id string) bool { return n.all.nodes[id] != nil && n.all.nodes[id].at == address })
		return n.all.cut[n.id] || to >= 0 && n.all.cut[[]string{"a", "b", "c"}[to]]
	}}
	return w, nil
}

// wire is a connection through which nothing comes once it is dead.
type wire struct {
	net.Conn
	dead   func() bool
	killed atomic.Bool
	closed chan struct{}
	once   sync.Once
}

func (w *wire) silent() bool {
	if w.dead() {
		w.killed.Store(true)
	}
	return w.killed.Load()
}

func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if w.silent() {
		<-w.closed
		return 0, net.ErrClosed
	}
	return n, err
}

func (w *wire) Write(p []byte) (int, error) {
	if w.silent() {
		return len(p), nil
	}
	return w.Conn.Write(p)
}

func (w *wire) Close() error {
	w.once.Do(func() { close(w.closed) })
	return w.Conn.Close()
}

// apart cuts nodes off, or none.
func (m *machines) apart(ids ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.cut)
	for _, id := range ids {
		m.cut[id] = true
	}
}

// pass lets time pass for the leases, while some nodes hear each other.
func (m *machines) pass(d time.Duration, alive ...string) {
	for range 10 {
		m.clock.Add(int64(d / 10))
		for _, id := range alive {
			m.until(id+" has heard from a majority", func() bool { return m.nodes[id].mesh.State().Lease == mesh.Lease })
		}
	}
}

// until waits for something.
func (m *machines) until(what string, is func() bool) {
	m.t.Helper()
	for begin := time.Now(); !is(); time.Sleep(time.Millisecond) {
		if time.Since(begin) > time.Minute {
			for _, n := range m.nodes {
				m.t.Logf("%+v", n.mesh.State())
			}
			m.t.Fatal("it does not come to be that " + what)
		}
	}
}

// sandbox is a real registration at a node's gateway: its services greet with their name and who is there, and echo.
func (n *node) sandbox(t control.Target, incarnation int) {
	ctx, stop := context.WithCancel(n.all.t.Context())
	n.all.t.Cleanup(stop)
	r := handoff.Register(n.socket, handoff.Packet{Token: t.Token, Incarnation: incarnation}, func(o handoff.Offer, file *os.File) {
		conn, err := handoff.FileConn(file)
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			if o.Service == handoff.Control {
				request, err := bufio.NewReader(conn).ReadString('\n')
				if err == nil {
					body := fmt.Sprintf(`{"state":"ready","spec":"%s on %s: %s"}`, t.Token, n.id, strings.Fields(request)[1])
					fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
				}
				return
			}
			fmt.Fprintf(conn, "%s %s %d on %s: %s\r\n", o.Service, t.Token, incarnation, n.id, o.Peer.Remote)
			_, _ = io.Copy(conn, conn)
			_ = conn.CloseWrite()
		}()
	}, n.all.log("sandbox"))
	go r.Run(ctx)
}

// picture is one of all machines, with a seat on each, which has the doors that free finds.
func (m *machines) picture(version int64, ids ...string) control.Doors {
	d := control.Doors{Mesh: &control.Mesh{Version: version}}
	for i, id := range ids {
		d.Mesh.Nodes = append(d.Mesh.Nodes, control.Node{ID: id, Name: id, Address: m.nodes[id].at})
		d.Sandboxes = append(d.Sandboxes, control.Target{Seat: i + 1, Token: "seat" + strconv.Itoa(i+1), Node: id, Incarnation: 1, Domain: id + ".lab",
			Doors: []control.Door{{Service: "smtp", Listen: free(m.t)}, {Service: "ssh", Listen: free(m.t)}}})
	}
	return d
}

// up brings a picture up, with its sandboxes.
func (m *machines) up(d control.Doors) {
	m.t.Helper()
	for _, t := range d.Sandboxes {
		m.nodes[t.Node].sandbox(t, t.Incarnation)
	}
	m.put("a", d)
}

func (m *machines) put(id string, d control.Doors) {
	m.t.Helper()
	if err := m.nodes[id].client.PutDoors(m.t.Context(), d); err != nil {
		m.t.Fatal(err)
	}
}

// door is where a node's door is.
func (n *node) door(t control.Target, service int) string {
	_, port, _ := net.SplitHostPort(t.Doors[service].Listen)
	return net.JoinHostPort(n.host, port)
}

// student connects to a door from an address of its own; "" is a greeting that did not come.
func (n *node) student(t control.Target) (net.Conn, string) {
	from := net.TCPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.77:0"))
	conn, err := (&net.Dialer{LocalAddr: from}).Dial("tcp", n.door(t, 0))
	if err != nil {
		return nil, ""
	}
	line := make([]byte, 0, 100)
	for one := make([]byte, 1); !strings.HasSuffix(string(line), "\n"); line = append(line, one[0]) {
		if _, err := conn.Read(one); err != nil {
			conn.Close()
			return nil, ""
		}
	}
	return conn, strings.TrimRight(string(line), "\r\n")
}

// greets waits until a seat answers at a node's door, as one incarnation on a node.
func (n *node) greets(t control.Target, want string) {
	n.all.t.Helper()
	last := ""
	n.all.until(fmt.Sprintf("node %s greets with %q", n.id, want), func() bool {
		conn, line := n.student(t)
		if conn != nil {
			conn.Close()
		}
		last = line
		return strings.HasPrefix(line, want)
	})
	if last == "" {
		n.all.t.Errorf("node %s greets with nothing", n.id)
	}
}

// TestAcross: each node's doors lead to all seats, with the student's own address and all that is said both ways; control of
// all seats, probes and SSH go over one stream to any gateway.
func TestAcross(t *testing.T) {
	m := newMachines(t, "a", "b", "c")
	d := m.picture(1, "a", "b", "c")
	m.up(d)
	for id, n := range m.nodes {
		for _, target := range d.Sandboxes {
			n.greets(target, "smtp "+target.Token)
			conn, line := n.student(target)
			want := fmt.Sprintf("smtp %s 1 on %s: %s", target.Token, target.Node, conn.LocalAddr())
			if line != want {
				t.Errorf("through %s: %q, want %q", id, line, want)
			}
			much := strings.Repeat("0123456789abcdef", 40<<10)
			go func() {
				_, _ = io.WriteString(conn, much) // the other end tells
				_ = conn.(*net.TCPConn).CloseWrite()
			}()
			if got, err := io.ReadAll(conn); string(got) != much || err != nil {
				t.Errorf("through %s: %d octets of %d come back, %v", id, len(got), len(much), err)
			}
			conn.Close()
			if ready, err := n.client.Seat(target.Seat).Ready(t.Context()); err != nil || ready.Spec != target.Token+" on "+target.Node+": /v1/ready" {
				t.Errorf("control through %s: %+v, %v", id, ready, err)
			}
			probes, err := n.client.Seat(target.Seat).Probe(t.Context())
			if err != nil || len(probes) != 2 || !strings.HasPrefix(probes[0].Greeting, "smtp "+target.Token) {
				t.Errorf("a probe through %s: %+v, %v", id, probes, err)
			}
			stream, err := n.client.Seat(target.Seat).Stream(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if line, err := bufio.NewReader(stream).ReadString('\n'); err != nil || !strings.HasPrefix(line, "ssh "+target.Token) {
				t.Errorf("SSH through %s: %q, %v", id, line, err)
			}
			stream.Close()
		}
		state, err := n.client.Mesh(t.Context())
		if err != nil || state.Node != id || !state.Serving || state.Version != 1 || len(state.Nodes) != 3 {
			t.Errorf("%s: %+v, %v", id, state, err)
		}
	}
	in, err := m.nodes["c"].client.Doors(t.Context())
	if err != nil || len(in.Sandboxes) != 3 || len(in.Sandboxes[0].Doors) != 2 || in.Mesh == nil {
		t.Errorf("in force: %+v, %v", in, err)
	}
}

// TestCopiesAcross: what is asked about copies is answered by the node that keeps them, whichever gateway is asked.
func TestCopiesAcross(t *testing.T) {
	m := newMachines(t, "a", "b", "c")
	for id, n := range m.nodes {
		n.Keep(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			text, _ := io.ReadAll(r.Body)
			control.WriteJSON(w, []control.Kept{{Node: id, ID: r.Method + " " + r.URL.RequestURI() + " " + string(text)}})
		}))
	}
	m.up(m.picture(1, "a", "b", "c"))
	for _, through := range []string{"a", "b"} {
		for _, node := range []string{"a", "b", "c"} {
			d := control.Depot{Client: m.nodes[through].client, Node: node}
			var all []control.Kept
			m.until("node "+node+" answers", func() (ok bool) {
				var err error
				all, err = d.List(t.Context())
				return err == nil
			})
			if len(all) != 1 || all[0].Node != node || all[0].ID != "GET /v1/depot/"+node+" " {
				t.Errorf("%s through %s: %+v", node, through, all)
			}
			in, err := d.Open(t.Context(), control.Kept{Seat: 3, ID: "x"})
			if err != nil {
				t.Fatal(err)
			}
			if text, err := io.ReadAll(in); err != nil || !strings.Contains(string(text), "GET /v1/depot/"+node+"/3/x") {
				t.Errorf("%s through %s: %s, %v", node, through, text, err)
			}
			in.Close()
			if err := d.Put(t.Context(), 3, "x", 2, strings.NewReader("text")); err != nil {
				t.Errorf("%s through %s: %v", node, through, err)
			}
		}
	}
	if _, err := (control.Depot{Client: m.nodes["a"].client, Node: "d"}).List(t.Context()); err == nil {
		t.Error("a node that is none keeps copies")
	}
}

// TestClosed: a seat whose copy is being put back has no door on any node, who was connected is let go, and control goes on all the
// same; then it has its doors again.
func TestClosed(t *testing.T) {
	m := newMachines(t, "a", "b")
	d := m.picture(1, "a", "b")
	m.up(d)
	var through []net.Conn
	for _, n := range m.nodes {
		n.greets(d.Sandboxes[1], "smtp seat2")
		conn, _ := n.student(d.Sandboxes[1])
		through = append(through, conn)
	}
	closed := d
	closed.Mesh = &control.Mesh{Version: 2, Nodes: d.Mesh.Nodes}
	closed.Sandboxes = slices.Clone(d.Sandboxes)
	closed.Sandboxes[1].Closed = true
	m.put("a", closed)
	for _, conn := range through {
		_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
		if text, err := io.ReadAll(conn); err != nil && os.IsTimeout(err) {
			t.Errorf("who was connected stays: %q", text)
		}
		conn.Close()
	}
	for _, n := range m.nodes {
		if conn, line := n.student(closed.Sandboxes[1]); conn != nil {
			t.Errorf("a door that is closed greets with %q", line)
		}
		if _, err := n.Dial(t.Context(), closed.Sandboxes[1], handoff.Offer{Service: "smtp"}); err == nil {
			t.Error("a neighbour is let in")
		}
	}
	m.until("control answers", func() bool {
		_, err := m.nodes["a"].client.Seat(2).Ready(t.Context())
		return err == nil
	})
	d.Mesh = &control.Mesh{Version: 3, Nodes: d.Mesh.Nodes}
	m.put("a", d)
	for _, n := range m.nodes {
		n.greets(d.Sandboxes[1], "smtp seat2")
	}
}

// TestANewPictureCutsNothing: who is connected stays so when another seat comes.
func TestANewPictureCutsNothing(t *testing.T) {
	m := newMachines(t, "a", "b", "c")
	d := m.picture(1, "a", "b", "c")
	d.Sandboxes[2].Incarnation = 2 // it has been moved, and no time passes
	m.up(d)
	m.nodes["a"].greets(d.Sandboxes[2], "smtp")
	conn, _ := m.nodes["a"].student(d.Sandboxes[2])
	defer conn.Close()
	m.until("all have it", func() bool {
		s := m.nodes["a"].mesh.State()
		return !slices.ContainsFunc(s.Nodes, func(n control.NodeState) bool { return n.Version != 1 || !n.Serving })
	})
	more := control.Target{Seat: 4, Token: "seat4", Node: "b", Doors: []control.Door{{Service: "smtp", Listen: free(t)}}}
	m.nodes["b"].sandbox(more, 0)
	d2 := d
	d2.Sandboxes = append(slices.Clone(d.Sandboxes), more)
	d2.Mesh = &control.Mesh{Version: 2, Nodes: d.Mesh.Nodes}
	m.put("b", d2)
	m.nodes["c"].greets(more, "smtp seat4 0 on b")
	if _, err := io.WriteString(conn, "still here\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(conn).ReadString('\n'); line != "still here\n" {
		t.Errorf("%q, %v", line, err)
	}
}

// TestASeatMovesAway from a node that is cut off: that one lets go of it, its sandbox cannot come back beside the new one, and the
// door stays where it was.
func TestASeatMovesAway(t *testing.T) {
	m := newMachines(t, "a", "b", "c")
	d := m.picture(1, "a", "b", "c")
	m.up(d)
	seat := d.Sandboxes[2]
	m.nodes["c"].greets(seat, "smtp seat3 1 on c")
	m.pass(time.Second, "a", "b", "c")
	here, _ := m.nodes["c"].student(seat)
	far, _ := m.nodes["a"].student(seat)
	m.apart("c")

	moved := seat
	moved.Node, moved.Incarnation, moved.Token = "b", 2, "seat3"
	d2 := d
	d2.Sandboxes = append(slices.Clone(d.Sandboxes[:2]), moved)
	d2.Mesh = &control.Mesh{Version: 2, Nodes: d.Mesh.Nodes}
	m.put("a", d2)
	m.nodes["b"].sandbox(moved, 2)
	if _, err := m.nodes["b"].mesh.Term(moved); err == nil {
		t.Error("it is served at once, though c may serve it still")
	}
	m.pass(mesh.Lease+2*mesh.Beat, "a", "b")
	m.nodes["a"].greets(moved, "smtp seat3 2 on b")
	for _, conn := range []net.Conn{here, far} {
		if conn != nil {
			if _, err := io.ReadAll(conn); err != nil && os.IsTimeout(err) {
				t.Error(err)
			}
			conn.Close()
		}
	}
	if conn, line := m.nodes["c"].student(seat); conn != nil {
		t.Errorf("who is cut off greets with %q", line)
	}
	if s := m.nodes["c"].mesh.State(); s.Serving || !strings.Contains(s.Problem, "hears 1 of 3 nodes") {
		t.Errorf("%+v", s)
	}
	if err := m.nodes["c"].client.PutDoors(t.Context(), d); err == nil || !strings.Contains(err.Error(), "not newer") {
		t.Errorf("the same picture once more: %v", err)
	}
	m.apart()
	m.until("c has the new picture", func() bool { s := m.nodes["c"].mesh.State(); return s.Version == 2 && s.Serving })
	m.nodes["c"].greets(moved, "smtp seat3 2 on b")
	old := m.nodes["c"].register("seat3", 1) // what was left behind on c
	if _, _, err := handoff.Receive(old, make([]byte, handoff.MaxPacket+1)); err == nil {
		t.Error("what was left behind registers")
	}
	again := m.nodes["b"].register("seat3", 1)
	if _, _, err := handoff.Receive(again, make([]byte, handoff.MaxPacket+1)); err == nil {
		t.Error("an older incarnation registers where the new one is")
	}
	m.nodes["a"].greets(moved, "smtp seat3 2 on b")
}

// register opens a registration and says its token.
func (n *node) register(token string, incarnation int) *net.UnixConn {
	t := n.all.t
	t.Helper()
	conn, err := net.DialUnix("unixpacket", nil, &net.UnixAddr{Name: n.socket, Net: "unixpacket"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := handoff.Send(conn, handoff.Packet{Token: token, Incarnation: incarnation}, nil); err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestAGatewayComesBack: it is told the picture, its sandboxes register anew, and the others' doors lead there again. Meanwhile who
// wants to go there is closed, and nobody else is kept waiting.
func TestAGatewayComesBack(t *testing.T) {
	m := newMachines(t, "a", "b", "c")
	d := m.picture(1, "a", "b", "c")
	m.up(d)
	m.nodes["a"].greets(d.Sandboxes[2], "smtp seat3")
	at := m.nodes["c"].at
	m.nodes["c"].kill()
	gone := make(chan string, 1)
	go func() {
		_, line := m.nodes["a"].student(d.Sandboxes[2])
		gone <- line
	}()
	m.nodes["a"].greets(d.Sandboxes[1], "smtp seat2")
	if line := <-gone; line != "" {
		t.Errorf("a node that is gone greets with %q", line)
	}
	m.until("a does not hear c", func() bool { return !m.nodes["a"].mesh.State().Nodes[2].Heard })
	m.nodes["c"].start(at)
	m.nodes["a"].greets(d.Sandboxes[2], "smtp seat3 1 on c")
	m.nodes["c"].greets(d.Sandboxes[0], "smtp seat1 1 on a")
}

// TestNothingIsLeft: connections through many nodes leave no goroutine behind, also those to a node that is gone.
func TestNothingIsLeft(t *testing.T) {
	m := newMachines(t, "a", "b")
	d := m.picture(1, "a", "b")
	m.up(d)
	m.nodes["a"].greets(d.Sandboxes[1], "smtp seat2")
	m.nodes["a"].until(t)
	before := runtime.NumGoroutine()
	for range 50 {
		conn, _ := m.nodes["a"].student(d.Sandboxes[1])
		if conn == nil {
			t.Fatal("no greeting")
		}
		conn.Close()
	}
	quiet := func() {
		t.Helper()
		m.nodes["a"].until(t)
		m.until(fmt.Sprintf("there are not more than %d goroutines", before), func() bool { return runtime.NumGoroutine() <= before })
	}
	quiet()
	m.nodes["b"].kill()
	for range 3 {
		if conn, line := m.nodes["a"].student(d.Sandboxes[1]); conn != nil {
			t.Errorf("greeted with %q", line)
		}
	}
	quiet()
}

// TestMadeAnew: a gateway that was made anew and remembers nothing, not even which picture was the newest, takes no old one.
func TestMadeAnew(t *testing.T) {
	m := newMachines(t, "a", "b", "c")
	d := m.picture(5, "a", "b", "c")
	m.up(d)
	for _, id := range []string{"a", "b", "c"} {
		m.nodes[id].greets(d.Sandboxes[1], "smtp seat2")
	}
	at := m.nodes["a"].at
	m.nodes["a"].kill()
	if err := os.Remove(filepath.Join(m.dir, "a.json")); err != nil {
		t.Fatal(err)
	}
	m.nodes["a"].start(at)
	d.Mesh = &control.Mesh{Version: 2, Nodes: d.Mesh.Nodes}
	if err := m.nodes["a"].client.PutDoors(t.Context(), d); err == nil || !strings.Contains(err.Error(), "picture 2 of the mesh is not newer than the one that is known here: 5") {
		t.Errorf("an old picture: %v", err)
	}
	m.nodes["a"].greets(d.Sandboxes[1], "smtp seat2")
}

// until waits until nobody is connected.
func (n *node) until(t *testing.T) {
	t.Helper()
	n.all.until("nothing is under way on "+n.id, func() bool { return n.doors.all.Load() == 0 })
}

// TestMeshPort: each protocol is for one role, whoever shows the certificate of another instance, or none, is refused.
func TestMeshPort(t *testing.T) {
	m := newMachines(t, "a", "b")
	m.up(m.picture(1, "a", "b"))
	other, err := certificate.Set{}.RenewedMesh("try", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	stranger := other.Credentials(certificate.GatewayRole)
	stranger.CA = m.set.CA()
	gateway, controller := m.set.Credentials(certificate.GatewayRole), m.set.Credentials(certificate.ControllerRole)
	for _, test := range []struct {
		what     string
		shown    certificate.Credentials
		protocol string
		ok       bool
	}{
		{"a controller that controls", controller, "maillab-control", true},
		{"a gateway that passes something on", gateway, "maillab-call", true},
		{"a gateway that controls", gateway, "maillab-control", false},
		{"a controller that says whose a connection is", controller, "maillab-call", false},
		{"a controller that beats", controller, "maillab-mesh", false},
		{"a gateway of another instance", stranger, "maillab-mesh", false},
		{"one without a protocol", gateway, "", false},
	} {
		config, err := test.shown.Peer()
		if err != nil {
			t.Fatal(err)
		}
		if config.NextProtos = nil; test.protocol != "" {
			config.NextProtos = []string{test.protocol}
		}
		if got := answers(t, m.nodes["a"].at, config, test.protocol); got != test.ok {
			t.Errorf("%s is answered: %v", test.what, got)
		}
	}
	if got := answers(t, m.nodes["a"].at, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"maillab-control"}}, "maillab-control"); got {
		t.Error("one without a certificate is answered")
	}
}

// answers tells whether the mesh's port says anything to what one may say in a protocol.
func answers(t *testing.T, at string, config *tls.Config, protocol string) bool {
	t.Helper()
	conn, err := tls.Dial("tcp", at, config)
	if err != nil {
		return false
	}
	defer conn.Close()
	hello := "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	if protocol == "maillab-call" {
		hello = "\x00\x33" + `{"seat":1,"offer":{"service":"control","peer":{}}}` + " "
	}
	_, _ = io.WriteString(conn, hello)
	n, _ := conn.Read(make([]byte, 1))
	return n == 1
}

// TestNeighboursAcross: servers of a lab between servers reach each other from node to node; each sees the other's own address.
func TestNeighboursAcross(t *testing.T) {
	m := newMachines(t, "a", "b")
	d := m.picture(1, "a", "b")
	m.nodes["b"].sandbox(d.Sandboxes[1], 1)
	m.put("a", d)
	m.nodes["a"].greets(d.Sandboxes[1], "smtp seat2")
	var alice *net.UnixConn
	m.until("a serves", func() bool { return m.nodes["a"].mesh.State().Serving })
	alice = m.nodes["a"].register("seat1", 1)
	p, file := ask(t, alice, wanting(1, "b.lab", "smtp"))
	if p.Domain != "b.lab" || file == nil {
		t.Fatalf("%+v", p)
	}
	line, err := bufio.NewReader(stream(t, file)).ReadString('\n')
	if !strings.HasPrefix(line, "smtp seat2 1 on b: 198.18.0.1:") {
		t.Errorf("%q, %v", line, err)
	}
	if p, _ := ask(t, alice, wanting(2, "b.lab", handoff.Control)); p.Error == "" {
		t.Error("a neighbour's control is reached")
	}
}

// TestPageAcross: the page on one node reaches all seats as a browser, and as the teacher with a code that another node was asked for.
func TestPageAcross(t *testing.T) {
	m := newMachines(t, "a", "b", "c")
	d := m.picture(1, "a", "b", "c")
	d.Web = &control.Target{Seat: control.WebSeat, Token: "page", Node: "b", Doors: []control.Door{{Service: "web", Listen: free(t)}}}
	m.up(d)
	m.nodes["b"].sandbox(*d.Web, 0)
	page := m.nodes["b"]
	for _, target := range d.Sandboxes {
		page.greets(target, "smtp")
		reach := handoff.Reach{Seat: target.Seat, Service: "smtp"}
		reach.Peer.Remote = netip.MustParseAddrPort("192.0.2.7:1234")
		conn, err := page.Reach(t.Context(), reach)
		if err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(conn).ReadString('\n')
		if want := fmt.Sprintf("smtp %s 1 on %s: 192.0.2.7:1234\r\n", target.Token, target.Node); line != want {
			t.Errorf("%q, %v; want %q", line, err, want)
		}
		conn.Close()
	}
	m.nodes["c"].greets(*d.Web, "web page 0 on b")
	code, err := m.nodes["c"].client.Codes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	role, err := deskOf(t, page.Gateway, "").Roles(t.Context(), code)
	if err != nil {
		t.Fatal(err)
	}
	teacher := deskOf(t, page.Gateway, role.Role)
	for _, target := range d.Sandboxes {
		if s, err := teacher.Seat(target.Seat).Status(t.Context()); err != nil || !strings.Contains(s.Spec, target.Token) {
			t.Errorf("%s: %+v, %v", target.Name(), s, err)
		}
	}
}

// TestManySeatsOneStream: three hundred seats on three nodes are asked over one stream to one of them.
func TestManySeatsOneStream(t *testing.T) {
	m := newMachines(t, "a", "b", "c")
	d := m.picture(1, "a", "b", "c")
	for i := range 300 {
		target := control.Target{Seat: 10 + i, Token: fmt.Sprint("many", i), Node: string(rune('a' + i%3))}
		d.Sandboxes = append(d.Sandboxes, target)
	}
	m.up(d)
	var dialled atomic.Int32
	client := control.NewClient(func(ctx context.Context) (net.Conn, error) {
		dialled.Add(1)
		return m.set.Credentials(certificate.ControllerRole).Control(ctx, m.nodes["b"].at)
	})
	defer client.Close()
	var group errgroup.Group
	group.SetLimit(64)
	for _, target := range d.Sandboxes {
		group.Go(func() error {
			if err := client.Seat(target.Seat).WaitReady(t.Context(), target.Token+" on "+target.Node+": /v1/ready"); err != nil {
				return fmt.Errorf("%s: %w", target.Name(), err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
	if n := dialled.Load(); n != 1 {
		t.Errorf("%d streams were opened", n)
	}
}

// TestPicturesRefused in words.
func TestPicturesRefused(t *testing.T) {
	m := newMachines(t, "a", "b", "c")
	d := m.picture(5, "a", "b", "c")
	m.up(d)
	changed := func(version int64, change func(d *control.Doors)) control.Doors {
		next := d
		next.Sandboxes = slices.Clone(d.Sandboxes)
		next.Mesh = &control.Mesh{Version: version, Nodes: d.Mesh.Nodes}
		change(&next)
		return next
	}
	for _, test := range []struct {
		d    control.Doors
		want string
	}{
		{changed(4, func(*control.Doors) {}), "picture 4 of the mesh is not newer than the one that is known here: 5"},
		{changed(6, func(d *control.Doors) { d.Mesh = nil }), "the doors do not say which"},
		{changed(6, func(d *control.Doors) { d.Sandboxes[0].Node = "z" }), `seat 1 is on node "z", which is not one of the mesh`},
		{changed(6, func(d *control.Doors) { d.Sandboxes[0].Node = "b" }), "it has to grow"},
		{changed(6, func(d *control.Doors) { d.Mesh.Nodes = []control.Node{{ID: "a", Address: "a"}} }), "a host with a port"},
	} {
		if err := m.nodes["a"].client.PutDoors(t.Context(), test.d); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("want %q, got %v", test.want, err)
		}
	}
	alone := start(t, "")
	if err := alone.PutDoors(t.Context(), d); err == nil || !strings.Contains(err.Error(), "not one of several") {
		t.Errorf("a gateway that is the only one: %v", err)
	}
	if _, err := alone.Mesh(t.Context()); err == nil {
		t.Error("it tells of others")
	}
}

// TestPictureNotKept: where it cannot be kept that a picture is in force, it is not, and the one before is.
func TestPictureNotKept(t *testing.T) {
	m := newMachines(t, "a")
	d := m.picture(5, "a")
	m.up(d)
	seen := filepath.Join(m.dir, "a.json")
	if err := errors.Join(os.Remove(seen), os.Mkdir(seen, 0o700)); err != nil {
		t.Fatal(err)
	}
	more := m.picture(6, "a")
	more.Sandboxes = append(more.Sandboxes, control.Target{Seat: 4, Node: "a", Incarnation: 1, Token: "t4"})
	client := m.nodes["a"].client
	if err := client.PutDoors(t.Context(), more); err == nil {
		t.Fatal("it is taken")
	}
	if _, err := client.Seat(4).Ready(t.Context()); err == nil || !strings.Contains(err.Error(), `knows no sandbox with seat "4"`) {
		t.Errorf("what was refused is known: %v", err)
	}
	if _, ok := m.nodes["a"].Holder("t4"); ok {
		t.Error("what was refused may register")
	}
	m.nodes["a"].greets(d.Sandboxes[0], "smtp "+d.Sandboxes[0].Token)
}
