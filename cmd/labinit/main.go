//go:build linux

// Command labinit is a sandbox's supervisor, PID 1 of its container: see package sandbox. It starts itself
// again as the helper that runs a student's script for a check: see package script.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"maillab/internal/collector"
	"maillab/internal/sandbox"
	"maillab/internal/script"
)

// lateHeap is the heap at which it first collects. From then on it does so often: what it looks at every second is soon a few
// megabytes that nobody needs, in each sandbox.
const lateHeap = 3 << 20

func main() {
	runtime.MemProfileRate = 0 // nobody asks for a profile, and its tables grow with every kind of work
	collector.Late(lateHeap, 25)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "labinit: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	if mine, err := script.Main(os.Args[1:]); mine {
		return err
	}
	config, err := sandbox.FromEnv(os.Getenv)
	if err != nil {
		return err
	}
	if err := sandbox.Fence(); err != nil {
		return err
	}
	file, err := sandbox.OpenLog()
	if err != nil {
		return err
	}
	defer file.Close()
	log := slog.New(slog.NewTextHandler(io.MultiWriter(os.Stderr, file), nil))
	if err := sandbox.Run(ctx, config, log); err != nil {
		log.Error("the sandbox is given up", "err", err)
		return err
	}
	return nil
}
