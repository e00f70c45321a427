package gateway

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"maillab/internal/control"
	"maillab/internal/handoff"
	"maillab/internal/mail"
)

// registrar is a registry with a socket, whose sandboxes have the tokens of its targets.
type registrar struct {
	*Registry
	t      *testing.T
	socket string
}

func newRegistrar(t *testing.T, targets ...control.Target) registrar {
	t.Helper()
	r := registrar{NewRegistry(slog.New(slog.DiscardHandler)), t, filepath.Join(t.TempDir(), "gateway.sock")}
	l, err := net.ListenUnix("unixpacket", &net.UnixAddr{Name: r.socket, Net: "unixpacket"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	g := New(t.Context(), r, "", slog.New(slog.DiscardHandler))
	t.Cleanup(g.Close)
	doors := control.Doors{}
	for _, target := range targets {
		switch target.Seat {
		case control.WebSeat:
			doors.Web = &target
		case control.FilterSeat:
			doors.Filter = &target
		default:
			doors.Sandboxes = append(doors.Sandboxes, target)
		}
	}
	g.Open(doors)
	go r.Listen(t.Context(), l, g)
	return r
}

// register opens a registration and says its token.
func (r registrar) register(token string) *net.UnixConn {
	r.t.Helper()
	conn, err := net.DialUnix("unixpacket", nil, &net.UnixAddr{Name: r.socket, Net: "unixpacket"})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	if err := handoff.Send(conn, handoff.Packet{Token: token}, nil); err != nil {
		r.t.Fatal(err)
	}
	return conn
}

// registered waits until an offer can be made, and throws it away.
func (r registrar) registered(conn *net.UnixConn, t control.Target) {
	r.t.Helper()
	for {
		probe, err := r.Dial(r.t.Context(), t, handoff.Offer{Service: "probe", Probe: true})
		if err == nil {
			probe.Close()
			_, file := next(r.t, conn)
			file.Close()
			return
		}
	}
}

// next is the next packet of a registration with what is attached.
func next(t *testing.T, conn *net.UnixConn) (handoff.Packet, *os.File) {
	t.Helper()
	packet, file, err := handoff.Receive(conn, make([]byte, handoff.MaxPacket+1))
	if err != nil {
		t.Fatal(err)
	}
	var p handoff.Packet
	if err := handoff.Parse(packet, &p); err != nil {
		t.Fatal(err)
	}
	return p, file
}

// closed waits for the end of a registration.
func closed(t *testing.T, conn *net.UnixConn) {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	if _, _, err := handoff.Receive(conn, make([]byte, handoff.MaxPacket+1)); err == nil || os.IsTimeout(err) {
		t.Errorf("it is not closed: %v", err)
	}
}

// accepted is both ends of a TCP connection.
func accepted(t testing.TB) (client, peer net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if peer, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); peer.Close() })
	return client, peer
}

// TestHandedOver: a sandbox gets the end of a socket pair, never the TCP socket, with the peer's addresses; each side hears
// the other's end.
func TestHandedOver(t *testing.T) {
	target := control.Target{Seat: 1, Token: "one"}
	r := newRegistrar(t, target)
	conn := r.register("one")
	r.registered(conn, target)
	client, peer := accepted(t)
	go r.Serve(t.Context(), target, "smtp", peer)
	p, file := next(t, conn)
	if p.Offer == nil || p.Offer.Service != "smtp" || p.Offer.Probe ||
		p.Offer.Peer.Remote.String() != client.LocalAddr().String() || p.Offer.Peer.Local.String() != client.RemoteAddr().String() {
		t.Fatalf("offered %+v", p.Offer)
	}
	if domain, err := unix.GetsockoptInt(int(file.Fd()), unix.SOL_SOCKET, unix.SO_DOMAIN); err != nil || domain != unix.AF_UNIX {
		t.Errorf("the socket's domain is %d, %v", domain, err)
	}
	end, err := handoff.FileConn(file)
	if err != nil {
		t.Fatal(err)
	}
	defer end.Close()
	fmt.Fprint(end, "220 hello\r\n")
	if line, err := bufio.NewReader(client).ReadString('\n'); line != "220 hello\r\n" {
		t.Errorf("the client hears %q, %v", line, err)
	}
	fmt.Fprint(client, "quit\r\n")
	_ = client.(*net.TCPConn).CloseWrite()
	if text, err := io.ReadAll(end); string(text) != "quit\r\n" || err != nil {
		t.Errorf("the sandbox hears %q, %v", text, err)
	}
	fmt.Fprint(end, "221 bye\r\n")
	end.Close()
	if text, err := io.ReadAll(client); string(text) != "221 bye\r\n" || err != nil {
		t.Errorf("the client hears %q, %v", text, err)
	}
}

// TestWhoStopsReadingIsGivenUp: a server that goes on talking to a client that reads nothing is not kept for ever.
func TestWhoStopsReadingIsGivenUp(t *testing.T) {
	client, peer := accepted(t)
	ours, theirs, err := handoff.Stream()
	if err != nil {
		t.Fatal(err)
	}
	service, err := handoff.FileConn(theirs)
	if err != nil {
		t.Fatal(err)
	}
	gaveUp := make(chan error, 1)
	go func() {
		var err error
		for piece := make([]byte, 64<<10); err == nil; {
			_, err = service.Write(piece)
		}
		gaveUp <- err
	}()
	copyBoth(t.Context(), peer, ours, newBuffers(), 20*time.Millisecond)
	if err := <-gaveUp; err == nil {
		t.Error("the server was not told")
	}
	if read, _ := io.Copy(io.Discard, client); read == 0 {
		t.Error("nothing came through before")
	}
}

// TestWhoSaysNothingHasNoBuffer: a peer may have hundreds of connections at every door, and the gateway has little memory.
func TestWhoSaysNothingHasNoBuffer(t *testing.T) {
	const connections, most = 50, 16 << 10
	buffers, said := newBuffers(), make([]byte, 64<<10)
	before := inUse()
	for range connections {
		client, peer := accepted(t)
		ours, theirs, err := handoff.Stream()
		if err != nil {
			t.Fatal(err)
		}
		service, err := handoff.FileConn(theirs)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { service.Close() })
		go copyBoth(t.Context(), peer, ours, buffers, time.Minute)
		for from, to := range map[net.Conn]net.Conn{client: service, service: client} {
			go from.Write(said)
			if _, err := io.CopyN(io.Discard, to, int64(len(said))); err != nil {
				t.Fatal(err)
			}
		}
	}
	if each := (inUse() - before) / connections; each > most {
		t.Errorf("a connection that says nothing takes %d octets, more than %d", each, most)
	}
}

// inUse is how much memory is in use.
func inUse() int64 {
	runtime.GC()
	runtime.GC() // the first leaves to pools what they had
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse)
}

// TestRegistering: an unknown token is refused, as is who attaches something or talks nonsense; of two with one token the
// later counts.
func TestRegistering(t *testing.T) {
	target := control.Target{Seat: 1, Token: "one"}
	r := newRegistrar(t, target)
	if _, err := r.Dial(t.Context(), target, handoff.Offer{Service: "smtp", Probe: true}); err == nil || !strings.Contains(err.Error(), "seat 1 has not registered") {
		t.Errorf("before it has registered: %v", err)
	}
	closed(t, r.register("two"))
	closed(t, r.register(""))

	first := r.register("one")
	r.registered(first, target)
	second := r.register("one")
	closed(t, first)
	r.registered(second, target)

	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := handoff.Send(second, handoff.Packet{Ask: 1, Relay: true}, file); err != nil {
		t.Fatal(err)
	}
	closed(t, second)
	third := r.register("one")
	r.registered(third, target)
	if _, err := third.Write([]byte("EHLO\r\n")); err != nil {
		t.Fatal(err)
	}
	closed(t, third)
}

// TestAStuckSandbox takes no offers: who connects is told so at once, and nothing is kept for it.
func TestAStuckSandbox(t *testing.T) {
	target := control.Target{Seat: 1, Token: "one"}
	r := newRegistrar(t, target)
	r.registered(r.register("one"), target)
	for n := 0; ; n++ {
		conn, err := r.Dial(t.Context(), target, handoff.Offer{Service: "smtp", Probe: true})
		if err != nil {
			if !strings.Contains(err.Error(), "does not take connections") || n < 50 {
				t.Errorf("after %d: %v", n, err)
			}
			return
		}
		defer conn.Close()
	}
}

// TestRelayed: the relay that the lab names for the seat is dialled, and no other.
func TestRelayed(t *testing.T) {
	relay, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer relay.Close()
	with, without := control.Target{Seat: 1, Token: "one", Relay: relay.Addr().String()}, control.Target{Seat: 2, Token: "two"}
	r := newRegistrar(t, with, without)
	one, two := r.register("one"), r.register("two")
	for _, conn := range []*net.UnixConn{one, two} {
		if err := handoff.Send(conn, handoff.Packet{Ask: 7, Relay: true}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if p, file := next(t, two); p.Ask != 7 || p.Error != "the lab names no relay" || file != nil {
		t.Errorf("without a relay: %+v", p)
	}
	server, err := relay.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	p, file := next(t, one)
	if p.Ask != 7 || p.Address != with.Relay || file == nil {
		t.Fatalf("with a relay: %+v", p)
	}
	end, err := handoff.FileConn(file)
	if err != nil {
		t.Fatal(err)
	}
	defer end.Close()
	fmt.Fprint(server, "220\r\n")
	if line, err := bufio.NewReader(end).ReadString('\n'); line != "220\r\n" {
		t.Errorf("it says %q, %v", line, err)
	}
}

// TestControlIsHandedOver, as every other connection is.
func TestControlIsHandedOver(t *testing.T) {
	target := control.Target{Seat: 1, Token: "one"}
	r := newRegistrar(t, target)
	conn := r.register("one")
	r.registered(conn, target)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		fmt.Fprintf(w, "%s %s %s", req.Method, req.Host, req.URL.Path)
	})}
	go func() {
		p, file := next(t, conn)
		end, err := handoff.FileConn(file)
		if err != nil || p.Offer == nil || p.Offer.Service != handoff.Control {
			t.Errorf("offered %+v, %v", p.Offer, err)
			return
		}
		_ = server.Serve(&once{conn: end, closed: make(chan struct{})})
	}()
	defer server.Close()
	for range 3 { // over one connection
		request := httptest.NewRequest("GET", "http://seat-1/v1/ready", nil)
		request.RequestURI = ""
		answer := httptest.NewRecorder()
		r.Control(target).ServeHTTP(answer, request.WithContext(context.Background()))
		if answer.Code != http.StatusOK || answer.Body.String() != "GET seat-1 /v1/ready" {
			t.Errorf("%d %s", answer.Code, answer.Body)
		}
	}
}

// once accepts one connection, then nothing until it is closed.
type once struct {
	conn   net.Conn
	closed chan struct{}
	done   bool
}

func (o *once) Accept() (net.Conn, error) {
	if o.done {
		<-o.closed
		return nil, net.ErrClosed
	}
	o.done = true
	return o.conn, nil
}

func (o *once) Close() error {
	close(o.closed)
	return nil
}

func (o *once) Addr() net.Addr { return o.conn.LocalAddr() }

// TestWaitsForARegistration: who connects before his sandbox has registered goes on in the moment when it does, and when it
// does not come, at the end of his patience; another's coming changes nothing.
func TestWaitsForARegistration(t *testing.T) {
	for _, test := range []struct {
		name  string
		comes []string // tokens, a second apart
		want  time.Duration
	}{
		{"at once", []string{"one"}, time.Second},
		{"after another", []string{"two", "two", "one"}, 3 * time.Second},
		{"another only", []string{"two"}, time.Minute},
		{"nobody", nil, time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := NewRegistry(slog.New(slog.DiscardHandler))
				began, waited := time.Now(), make(chan time.Duration, 1)
				go func() {
					r.registered(t.Context(), control.Target{Token: "one"}, time.Minute)
					waited <- time.Since(began)
				}()
				for _, token := range test.comes {
					time.Sleep(time.Second)
					r.enter(&registration{seat: 1, token: token})
					if two := r.live["two"]; two != nil {
						r.leave(two)
					}
				}
				if got := <-waited; got != test.want {
					t.Errorf("it waited %v, not %v", got, test.want)
				}
			})
		})
	}
}

// TestReached: the page is handed one end of what a sandbox gets the other of, under the browser's address; a sandbox asks in
// vain.
func TestReached(t *testing.T) {
	seat, web := control.Target{Seat: 1, Token: "one"}, control.Target{Seat: control.WebSeat, Token: "web"}
	r := newRegistrar(t, seat, web)
	sandbox, page := r.register("one"), r.register("web")
	r.registered(sandbox, seat)
	r.registered(page, web)
	peer := mail.Peer{Remote: netip.MustParseAddrPort("192.0.2.7:4000")}
	ask := handoff.Packet{Ask: 5, Reach: &handoff.Reach{Seat: 1, Service: "smtp", Peer: peer}}
	if err := handoff.Send(page, ask, nil); err != nil {
		t.Fatal(err)
	}
	offer, theirs := next(t, sandbox)
	answer, ours := next(t, page)
	if theirs == nil || ours == nil || answer.Ask != 5 || offer.Offer == nil || offer.Offer.Service != "smtp" || offer.Offer.Peer != peer || offer.Offer.Probe {
		t.Fatalf("%+v %+v", offer.Offer, answer)
	}
	a, err := handoff.FileConn(ours)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := handoff.FileConn(theirs)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, err := a.Write([]byte("helo")); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, 4)
	if _, err := b.Read(said); err != nil || string(said) != "helo" {
		t.Errorf("%q %v", said, err)
	}
	ask.Reach.Service = handoff.Control
	if err := handoff.Send(page, ask, nil); err != nil {
		t.Fatal(err)
	}
	if p, file := next(t, page); p.Error == "" || file != nil {
		t.Errorf("control is reached: %+v", p)
	}
	if err := handoff.Send(sandbox, ask, nil); err != nil {
		t.Fatal(err)
	}
	closed(t, sandbox)
}

// TestRelaysAtOnce: a sandbox has so many connections to its relay, one that ends makes room, and another's are its own.
func TestRelaysAtOnce(t *testing.T) {
	relay, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer relay.Close()
	one, two := control.Target{Seat: 1, Token: "one", Relay: relay.Addr().String()}, control.Target{Seat: 2, Token: "two", Relay: relay.Addr().String()}
	r := newRegistrar(t, one, two)
	busy, other := r.register("one"), r.register("two")
	ask := func(conn *net.UnixConn, id uint64) (handoff.Packet, *os.File) {
		t.Helper()
		if err := handoff.Send(conn, handoff.Packet{Ask: id, Relay: true}, nil); err != nil {
			t.Fatal(err)
		}
		return next(t, conn)
	}
	var open []io.Closer // both ends of each
	for id := range uint64(relaysAtOnce) {
		p, file := ask(busy, id+1)
		if p.Error != "" || file == nil {
			t.Fatalf("connection %d: %+v", id, p)
		}
		defer file.Close()
		server, err := relay.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		open = append(open, server, file)
	}
	if p, file := ask(busy, 100); p.Ask != 100 || p.Error != "too many connections at once" || file != nil {
		t.Errorf("one too many: %+v", p)
	}
	if p, file := ask(other, 1); p.Error != "" || file == nil {
		t.Errorf("another sandbox: %+v", p)
	}
	for _, end := range open[:2] {
		end.Close()
	}
	for id := uint64(101); ; id++ { // the gateway sees the end when it does
		p, file := ask(busy, id)
		if file != nil {
			file.Close()
			break
		}
		if p.Error != "too many connections at once" {
			t.Fatalf("%+v", p)
		}
		time.Sleep(time.Millisecond)
	}
}

// TestARelayThatRefuses: the sandbox hears why, as its kernel would have said it.
func TestARelayThatRefuses(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	r := newRegistrar(t, control.Target{Seat: 1, Token: "one", Relay: l.Addr().String()})
	conn := r.register("one")
	if err := handoff.Send(conn, handoff.Packet{Ask: 5, Relay: true}, nil); err != nil {
		t.Fatal(err)
	}
	if p, file := next(t, conn); p.Ask != 5 || p.Errno != int(unix.ECONNREFUSED) || !strings.Contains(p.Error, "refused") || file != nil {
		t.Errorf("%+v", p)
	}
}
