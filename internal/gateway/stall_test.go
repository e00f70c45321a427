package gateway

import (
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"maillab/internal/control"
)

// TestWhoStopsReadingIsGivenUp: a server that goes on talking to a client that reads nothing is not kept for ever.
func TestWhoStopsReadingIsGivenUp(t *testing.T) {
	sandbox, err := net.Listen("tcp", "127.0.91.7:10110")
	if err != nil {
		t.Skip("this machine has one loopback address only: ", err)
	}
	defer sandbox.Close()
	gaveUp := make(chan error, 1)
	go func() {
		conn, err := sandbox.Accept()
		for piece := make([]byte, 64<<10); err == nil; {
			_, err = conn.Write(piece)
		}
		gaveUp <- err
	}()
	n := NewNetwork(slog.New(slog.DiscardHandler))
	n.stall = 20 * time.Millisecond
	door, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer door.Close()
	client, err := net.Dial("tcp", door.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	peer, err := door.Accept()
	if err != nil {
		t.Fatal(err)
	}
	n.Serve(t.Context(), control.Target{Seat: 1, Address: "127.0.91.7"}, "pop3", peer)
	if err := <-gaveUp; err == nil {
		t.Error("the server was not told")
	}
	if read, _ := io.Copy(io.Discard, client); read == 0 {
		t.Error("nothing came through before")
	}
}
