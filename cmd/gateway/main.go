// Command gateway is an instance's one door, in a container of its own on the host's network.
//
//	gateway serve [UID]    open the doors and serve control on a Unix socket until SIGTERM; with UID, and as root, first
//	                       become that user and keep nothing but the right to listen on ports under 1024
//	gateway stream         relay stdin and stdout to that socket: what the controller execs
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"maillab/internal/gateway"
)

// dir is the gateway's own, in its container: the socket, and the doors that it remembers.
const dir = "/var/lib/gateway"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gateway:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 2 && args[0] == "serve":
		return become(args[1], "serve")
	case len(args) != 1:
		return errors.New("usage: gateway serve [UID] | stream")
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	socket := filepath.Join(dir, "control.sock")
	switch args[0] {
	case "serve":
		return serve(ctx, socket)
	case "stream":
		return stream(ctx, socket)
	}
	return fmt.Errorf("unknown verb %q", args[0])
}

func serve(ctx context.Context, socket string) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	g := gateway.New(ctx, gateway.NewNetwork(log), filepath.Join(dir, "doors.json"), log)
	defer g.Close()
	if err := g.Load(); err != nil {
		log.Error("the doors that were remembered", "err", err) // the controller puts them again
	}
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Handler: g.Handler(), Protocols: protocols, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	context.AfterFunc(ctx, func() { server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// stream ends when the socket does; the end of stdin only ends that direction.
func stream(ctx context.Context, socket string) error {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		return err
	}
	defer conn.Close()
	go func() {
		_, _ = io.Copy(conn, os.Stdin)
		_ = conn.(*net.UnixConn).CloseWrite()
	}()
	_, err = io.Copy(os.Stdout, conn)
	return err
}
