package gateway

import (
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"testing"
	"time"

	"maillab/internal/control"
)

// BenchmarkAcross is a door of the node that has the sandbox beside a door of another node, in turns: the time to a greeting, the echo
// of a key, and how fast much is taken back and forth. The ratios are what the way across costs; all of it runs in one process.
func BenchmarkAcross(b *testing.B) {
	m := newMachines(b, "a", "b")
	d := m.picture(1, "a", "b")
	m.up(d)
	seat := d.Sandboxes[1]
	ways := []*node{m.nodes["b"], m.nodes["a"]} // direct, across
	for _, n := range ways {
		n.greets(seat, "smtp seat2")
	}
	for what, measure := range map[string]func(b *testing.B, n *node, seat control.Target) time.Duration{
		"greeting": greeted, "echo": echo, "throughput": throughput,
	} {
		b.Run(what, func(b *testing.B) {
			var took [2][]time.Duration
			for b.Loop() {
				for i, n := range ways {
					took[i] = append(took[i], measure(b, n, seat))
				}
			}
			middle := func(of []time.Duration) float64 {
				slices.Sort(of)
				return float64(of[len(of)/2].Microseconds())
			}
			b.ReportMetric(middle(took[0]), "direct-µs")
			b.ReportMetric(middle(took[1]), "across-µs")
			b.ReportMetric(middle(took[1])/middle(took[0]), "ratio")
		})
	}
}

// greeted connects, reads the greeting, and closes. It keeps within the pace of one peer.
func greeted(b *testing.B, n *node, seat control.Target) time.Duration {
	time.Sleep(6 * time.Millisecond)
	begin := time.Now()
	conn, line := n.student(seat)
	if conn == nil {
		b.Fatalf("%q", line)
	}
	took := time.Since(begin)
	conn.Close()
	return took
}

// echo is the middle of a hundred keys on one connection.
func echo(b *testing.B, n *node, seat control.Target) time.Duration {
	conn := connected(b, n, seat)
	defer conn.Close()
	var took []time.Duration
	for key := []byte{'x'}; len(took) < 100; {
		begin := time.Now()
		if _, err := conn.Write(key); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(conn, key); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	return took[len(took)/2]
}

// throughput sends 8 MiB and reads them back meanwhile.
func throughput(b *testing.B, n *node, seat control.Target) time.Duration {
	conn := connected(b, n, seat)
	defer conn.Close()
	const size = 8 << 20
	begin := time.Now()
	go func() { _, _ = conn.Write(make([]byte, size)) }() // who reads tells
	if _, err := io.CopyN(io.Discard, conn, size); err != nil {
		b.Fatal(err)
	}
	return time.Since(begin)
}

func connected(b *testing.B, n *node, seat control.Target) net.Conn {
	b.Helper()
	conn, line := n.student(seat)
	if conn == nil {
		b.Fatalf("%q", line)
	}
	return conn
}

// BenchmarkIdleAcross is what a connection takes that says nothing, at both gateways together, beside one at a direct door.
func BenchmarkIdleAcross(b *testing.B) {
	m := newMachines(b, "a", "b")
	d := m.picture(1, "a", "b")
	m.up(d)
	seat := d.Sandboxes[1]
	each := func(n *node) float64 {
		n.greets(seat, "smtp seat2")
		const connections = 100
		before := inUse() + stacks()
		var conns []net.Conn
		for range connections {
			conn := connected(b, n, seat)
			for from := range 2 { // something has been said
				fmt.Fprintf(conn, "%08000d", from)
				if _, err := io.CopyN(io.Discard, conn, 8000); err != nil {
					b.Fatal(err)
				}
			}
			conns = append(conns, conn)
		}
		took := float64(inUse()+stacks()-before) / connections / 1024
		for _, conn := range conns {
			conn.Close()
		}
		n.all.until("all are gone", func() bool { return m.nodes["a"].doors.all.Load()+m.nodes["b"].doors.all.Load() == 0 })
		return took
	}
	for b.Loop() {
		direct, across := each(m.nodes["b"]), each(m.nodes["a"])
		b.ReportMetric(direct, "direct-KiB")
		b.ReportMetric(across, "across-KiB")
	}
}

// stacks is how much goroutines have.
func stacks() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.StackInuse)
}
