//go:build !linux

// Command maild serves one lab's mail by itself; inside a sandbox it runs on Linux only. See main.go and standalone.go.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if len(os.Args) < 2 || os.Args[1] != standaloneVerb {
		fmt.Fprintln(os.Stderr, "maild: sandboxes are Linux: on this system there is only maild serve; see maild serve -h")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	err := standalone(ctx, os.Args[2:], os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "maild:", err)
		os.Exit(1)
	}
}
