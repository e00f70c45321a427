package gateway

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"maillab/internal/handoff"
)

// relayed is a connection that is copied between its two ends until the test ends.
func relayed(t testing.TB) (client net.Conn, service *net.UnixConn) {
	t.Helper()
	client, peer := accepted(t)
	ours, theirs, err := handoff.Stream()
	if err != nil {
		t.Fatal(err)
	}
	if service, err = handoff.FileConn(theirs); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { service.Close() })
	go copyBoth(t.Context(), peer, ours, newBuffers(), time.Minute)
	return client, service
}

// TestMuchFlows: more than any buffer holds comes through as it was, both ways at the same time.
func TestMuchFlows(t *testing.T) {
	client, service := relayed(t)
	text := make([]byte, 5<<20+1)
	for i := range text {
		text[i] = byte(i * i >> 7)
	}
	for _, from := range []interface {
		io.Writer
		CloseWrite() error
	}{client.(*net.TCPConn), service} {
		go func() {
			_, _ = from.Write(text) // the other end tells
			_ = from.CloseWrite()
		}()
	}
	got := make(chan []byte, 1)
	go func() {
		all, _ := io.ReadAll(service)
		got <- all
	}()
	if all, err := io.ReadAll(client); err != nil || !bytes.Equal(all, text) {
		t.Errorf("the client reads %d of %d bytes, %v", len(all), len(text), err)
	}
	if all := <-got; !bytes.Equal(all, text) {
		t.Errorf("the service reads %d of %d bytes", len(all), len(text))
	}
}

// BenchmarkCopied is how fast a connection is copied.
func BenchmarkCopied(b *testing.B) {
	client, service := relayed(b)
	const size = 1 << 20
	b.SetBytes(size)
	go func() {
		for piece := make([]byte, size); ; {
			if _, err := client.Write(piece); err != nil {
				return
			}
		}
	}()
	for into := make([]byte, size); b.Loop(); {
		if _, err := io.ReadFull(service, into); err != nil {
			b.Fatal(err)
		}
	}
}
