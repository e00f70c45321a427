//go:build linux

package main

import (
	"context"
	"errors"
	"net"
	"testing"
)

// TestSucceed: a gateway that is started beside the one before it is the node's as soon as that lets go of the port, and ends with the process.
func TestSucceed(t *testing.T) {
	before, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := before.Addr().String()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if l, err := succeed(ctx, at); !errors.Is(err, context.Canceled) {
		t.Errorf("while another has it: %v, %v", l, err)
	}
	looking := make(chan error, 1)
	go func() {
		l, err := succeed(t.Context(), at)
		if err == nil {
			l.Close()
		}
		looking <- err
	}()
	before.Close()
	if err := <-looking; err != nil {
		t.Error(err)
	}
	if l, err := succeed(t.Context(), "192.0.2.1:0"); err == nil { // an address of nobody's
		l.Close()
		t.Error("it listens where nobody can")
	}
}
