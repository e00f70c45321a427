package gateway

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"maillab/internal/control"
)

// TestTurns: so many at once, then at the pace; who would wait too long is refused, and costs nobody his turn.
func TestTurns(t *testing.T) {
	p := pace{100 * time.Millisecond, 3}
	var u turn
	now := time.Unix(1000, 0)
	for i, want := range []time.Duration{0, 0, 0, 0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000, -1, -1} {
		wait, ok := u.take(p, now)
		if ok != (want >= 0) || ok && wait != want*time.Millisecond {
			t.Errorf("connection %d waits %v, %v; want %v ms", i, wait, ok, int(want))
		}
	}
	if wait, ok := u.take(p, now.Add(100*time.Millisecond)); !ok || wait != time.Second {
		t.Errorf("when one turn has passed: %v, %v", wait, ok)
	}
	if wait, ok := u.take(p, now.Add(time.Hour)); !ok || wait != 0 {
		t.Errorf("an hour later: %v, %v", wait, ok)
	}
}

// TestPeersApart: one peer's flood is refused, another's connections are let in; where all have one address there is the
// door's bound only.
func TestPeersApart(t *testing.T) {
	now := time.Unix(1000, 0)
	flooder, student := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for _, hidden := range []bool{false, true} {
		c := newCrowd("smtp", hidden)
		in := 0
		for range 900 {
			if _, ok := c.enter(flooder, now); ok {
				in++
			}
		}
		if want := map[bool]int{false: 601, true: 900}[hidden]; in != want { // 400 at once, 200 who wait up to a second
			t.Errorf("hidden %v: %d of 900 are let in, want %d", hidden, in, want)
		}
		if wait, ok := c.enter(student, now); !ok || wait != 0 {
			t.Errorf("hidden %v: another peer waits %v, %v", hidden, wait, ok)
		}
		if got := c.crowded(flooder, 512); got == hidden {
			t.Errorf("hidden %v: too many at a time: %v", hidden, got)
		}
		if c.crowded(student, 512) {
			t.Errorf("hidden %v: one is too many", hidden)
		}
	}
}

// TestPeersAreForgotten when they are gone: an attacker has many addresses.
func TestPeersAreForgotten(t *testing.T) {
	c, now := newCrowd("smtp", false), time.Unix(1000, 0)
	address := netip.MustParseAddr("10.0.0.1")
	for range 100_000 {
		now = now.Add(time.Second)
		if _, ok := c.enter(address, now); ok {
			c.leave(address)
		}
		address = address.Next()
	}
	if len(c.peers) > known+1 {
		t.Errorf("%d peers are remembered", len(c.peers))
	}
}

// counting greets and counts.
type counting struct {
	fake
	served [3]atomic.Int32
}

func (c *counting) Serve(_ context.Context, t control.Target, _ string, conn net.Conn) {
	c.served[t.Seat].Add(1)
	_, _ = io.WriteString(conn, "220\r\n")
	conn.Close()
}

// flood connects to a door as fast as it can until stop, and tells how often.
func flood(address string, stop <-chan struct{}) *atomic.Int32 {
	var n atomic.Int32
	for range 4 {
		go func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if conn, err := net.Dial("tcp", address); err == nil {
					n.Add(1)
					_ = conn.(*net.TCPConn).SetLinger(0)
					conn.Close()
				}
			}
		}()
	}
	return &n
}

func twoDoors(t testing.TB) (c *counting, victim, beside string) {
	t.Helper()
	c = &counting{}
	d := newDoors(t.Context(), c, slog.New(slog.DiscardHandler))
	t.Cleanup(d.close)
	var at [2]string
	for i := range at {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		at[i] = l.Addr().String()
		l.Close()
	}
	err := d.set(control.Doors{Sandboxes: []control.Target{
		{Seat: 1, Doors: []control.Door{{Service: "smtp", Listen: at[0]}}},
		{Seat: 2, Doors: []control.Door{{Service: "smtp", Listen: at[1]}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return c, at[0], at[1]
}

// TestAFloodStaysAtItsDoor: most of it is refused there, while every connection to another is served.
func TestAFloodStaysAtItsDoor(t *testing.T) {
	c, victim, beside := twoDoors(t)
	stop := make(chan struct{})
	defer sync.OnceFunc(func() { close(stop) })()
	began := time.Now()
	n := flood(victim, stop)
	for served := 0; served < 100 || n.Load() < 3000; served++ {
		if served >= 100 { // the flood is slower than the neighbour here
			time.Sleep(10 * time.Millisecond)
			continue
		}
		conn, err := net.Dial("tcp", beside)
		if err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(conn).ReadString('\n')
		conn.Close()
		if !strings.HasPrefix(line, "220") {
			t.Fatalf("beside a flood, connection %d hears %q, %v", served, line, err)
		}
	}
	_, peer := paces("smtp")
	most := float64(peer.burst) + (time.Since(began)+patience).Seconds()/peer.interval.Seconds() + 1
	if got := c.served[1].Load(); float64(got) > most {
		t.Errorf("%d connections of the flood went through, there may be %v", got, most)
	}
}

// BenchmarkBesideAFlood is how long a connection to a door takes while another is flooded.
func BenchmarkBesideAFlood(b *testing.B) {
	_, victim, beside := twoDoors(b)
	stop := make(chan struct{})
	defer close(stop)
	n, began := flood(victim, stop), time.Now()
	for b.Loop() {
		conn, err := net.Dial("tcp", beside)
		if err != nil {
			b.Fatal(err)
		}
		_, _ = bufio.NewReader(conn).ReadString('\n')
		conn.Close()
		time.Sleep(6 * time.Millisecond) // within the pace of one peer
	}
	b.ReportMetric(float64(n.Load())/time.Since(began).Seconds(), "flood/s")
}
