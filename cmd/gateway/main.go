//go:build linux

// Command gateway is an instance's one door, in a container of its own on the host's network, or with its ports published.
//
//	gateway serve UID      as root: become that user, keep nothing but the right to listen on ports under 1024, and
//	gateway serve          open the doors, take the sandboxes' registrations, and serve control on a Unix socket, until SIGTERM
//	gateway stream         relay stdin and stdout to that socket: what the controller execs
//
// MAILLAB_DOORS, a control.Doors as JSON, are its doors from the start, where there is no controller.
package main

import (
	"context"
	"encoding/json"
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

	"maillab/internal/control"
	"maillab/internal/gateway"
)

// In its container, the gateway's own folder has the control socket and the doors that it remembers, and the volume that
// it shares with the sandboxes has the socket at which they register. Tokens are never on the volume.
const (
	dir           = "/var/lib/gateway"
	registrations = dir + "/socket/gateway.sock"
)

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
	registry := gateway.NewRegistry(log)
	g := gateway.New(ctx, registry, filepath.Join(dir, "doors.json"), log)
	defer g.Close()
	if err := open(g, os.Getenv("MAILLAB_DOORS")); err != nil {
		log.Error("the doors that were remembered", "err", err) // the controller puts them again
	}
	sandboxes, err := listen("unixpacket", registrations, 0o666) // whoever is root in a sandbox is somebody else here
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { sandboxes.Close() })
	go registry.Listen(ctx, sandboxes, g)
	listener, err := listen("unix", socket, 0o600)
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

// open opens the doors that are given, else those that are remembered.
func open(g *gateway.Gateway, given string) error {
	if given == "" {
		return g.Load()
	}
	var doors control.Doors
	if err := json.Unmarshal([]byte(given), &doors); err != nil {
		return fmt.Errorf("MAILLAB_DOORS: %w", err)
	}
	g.Open(doors)
	return nil
}

// listen listens on a Unix socket in place of one that a gateway left behind when it was killed.
func listen(network, socket string, mode os.FileMode) (*net.UnixListener, error) {
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.ListenUnix(network, &net.UnixAddr{Name: socket, Net: network})
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(socket, mode); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// stream ends when the socket does; the end of stdin only ends that direction. It copies through a buffer: what the kernel
// splices between a socket and a pipe goes in pieces of a few hundred octets, and cost five times the processor time.
func stream(ctx context.Context, socket string) error {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		return err
	}
	defer conn.Close()
	go func() {
		_, _ = copyBuffered(conn, os.Stdin)
		_ = conn.(*net.UnixConn).CloseWrite()
	}()
	_, err = copyBuffered(os.Stdout, conn)
	return err
}

func copyBuffered(to io.Writer, from io.Reader) (int64, error) {
	return io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, 64<<10))
}
