package gateway

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"

	"maillab/internal/control"
)

func TestShare(t *testing.T) {
	for sandboxes, want := range map[int][2]int32{0: {4096, 2048}, 1: {4096, 2048}, 4: {1024, 512}, 8: {512, 256}, 300: {512, 6}, 5000: {512, 1}} {
		if most, always := share(sandboxes); most != want[0] || always != want[1] {
			t.Errorf("%d sandboxes: %d connections each, %d always, want %v", sandboxes, most, always, want)
		}
	}
}

// TestAllTogether: once all sandboxes' connections are as many as this process has room for, one that has its part gets no
// more, and one that has less still does.
func TestAllTogether(t *testing.T) {
	d := newDoors(t.Context(), fake{}, slog.New(slog.DiscardHandler))
	d.all.Store(total)
	for has, refused := range map[int32]bool{3: false, 4: true, 100: true} {
		l := &lead{service: "smtp", count: new(atomic.Int32), most: 512, always: 4}
		l.count.Store(has)
		here, there := net.Pipe()
		done := make(chan struct{})
		go func() { d.serve(l, there, false); close(done) }()
		said, err := bufio.NewReader(here).ReadString('\n')
		here.Close()
		<-done
		if got := said == tooMany("smtp"); got != refused || err != nil {
			t.Errorf("with %d connections: refused %v: %q, %v", has, got, said, err)
		}
		if d.all.Load() != total || l.count.Load() != has {
			t.Errorf("afterwards %d in all, %d here", d.all.Load(), l.count.Load())
		}
	}
}

// TestOneTooMany: it is told so in the protocol's words.
func TestOneTooMany(t *testing.T) {
	d := newDoors(t.Context(), fake{}, slog.New(slog.DiscardHandler))
	for service, want := range map[string]string{
		"smtp": "421 4.7.0 Error: too many connections\r\n",
		"pop3": "-ERR [SYS/TEMP] Too many connections.\r\n",
		"imap": "* BYE Too many connections.\r\n",
		"ssh":  "Too many connections.\r\n",
	} {
		l := &lead{target: control.Target{Seat: 1}, service: service, count: new(atomic.Int32), most: 1}
		l.count.Store(1)
		here, there := net.Pipe()
		go d.serve(l, there, false)
		said, err := io.ReadAll(here)
		if err != nil || string(said) != want {
			t.Errorf("%s: %q, %v", service, said, err)
		}
	}
}
