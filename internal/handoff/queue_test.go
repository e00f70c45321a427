package handoff

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
)

// TestQueue: who hands a connection over waits until it is closed, by the one who accepted it, or by the end.
func TestQueue(t *testing.T) {
	q := NewQueue()
	serve := func(ctx context.Context) (net.Conn, chan struct{}) {
		here, there, err := Pipe()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { here.Close() })
		served := make(chan struct{})
		go func() { defer close(served); q.Serve(ctx, there) }()
		return here, served
	}
	here, served := serve(t.Context())
	conn, err := q.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := here.Write([]byte("x")); err != nil {
		t.Error(err)
	}
	got := make([]byte, 1)
	if _, err := conn.Read(got); err != nil || got[0] != 'x' {
		t.Error(got, err)
	}
	select {
	case <-served:
		t.Error("it does not wait")
	default:
	}
	conn.Close()
	<-served
	ctx, cancel := context.WithCancel(t.Context())
	here, served = serve(ctx) // nobody accepts
	cancel()
	<-served
	if _, err := here.Read(got); err != io.EOF {
		t.Errorf("what nobody took is open: %v", err)
	}
	_, served = serve(t.Context())
	if _, err := q.Accept(); err != nil {
		t.Fatal(err)
	}
	q.Close()
	q.Close()
	<-served
	if _, err := q.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}
