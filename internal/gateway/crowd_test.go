package gateway

import (
	"io"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"

	"maillab/internal/control"
)

func TestShare(t *testing.T) {
	for sandboxes, want := range map[int]int32{0: 4096, 1: 4096, 4: 1024, 8: 512, 300: 512} {
		if got := share(sandboxes); got != want {
			t.Errorf("%d sandboxes: %d connections each, want %d", sandboxes, got, want)
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
