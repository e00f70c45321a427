//go:build linux

// Command web is the class's page, in a container of its own without a network. It registers at the gateway's socket with
// MAILLAB_TOKEN as a sandbox does, is handed browsers' connections, and asks there for what it reaches.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"maillab/internal/handoff"
	"maillab/internal/web"
)

// registrations is the gateway's socket, on the volume that this container has of it.
const registrations = "/mnt/gateway.sock"

// gcPercent makes the collector work harder: of the 5 MiB that a terminal reserves it touches one, and garbage may grow by a share of
// what is reserved.
const gcPercent = 10

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "web:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	token := os.Getenv(handoff.EnvToken)
	if token == "" {
		return errors.New(handoff.EnvToken + " is not set")
	}
	debug.SetGCPercent(gcPercent)
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	browsers := handoff.NewQueue()
	registration := handoff.Register(registrations, handoff.Packet{Token: token}, func(offer handoff.Offer, file *os.File) {
		conn, err := handoff.FileConn(file)
		if err != nil {
			log.Warn("a browser's connection", "err", err)
			return
		}
		go browsers.Serve(ctx, &handoff.Conn{Conn: conn, Offer: offer})
	}, log)
	page := web.New(web.Config{Name: os.Getenv("MAILLAB_INSTANCE"), Log: log, Reach: func(ctx context.Context, what handoff.Reach) (net.Conn, error) {
		return reach(ctx, registration, what)
	}})
	go registration.Run(ctx)
	page.Serve(ctx, browsers)
	return nil
}

// patience bounds how long the gateway may take to hand something over.
const patience = 10 * time.Second

// reach asks the gateway for a connection.
func reach(ctx context.Context, registration *handoff.Registration, what handoff.Reach) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	end, _, err := registration.Ask(ctx, handoff.Packet{Reach: &what})
	if err != nil {
		return nil, err
	}
	return handoff.FileConn(end)
}
