//go:build linux

// Command gateway is an instance's one door, in a container of its own on the host's network, or with its ports published.
//
//	gateway serve UID      as root: become that user, keep nothing but the right to listen on ports under 1024, and
//	gateway serve          open the doors, take the sandboxes' registrations, and serve control on a Unix socket, until SIGTERM
//	gateway stream         relay stdin and stdout to that socket: what the controller execs
//	gateway filter         not a gateway: run SpamAssassin's spamd, and register at a gateway to be asked (docs/decisions/0150)
//	gateway sweep NAME [VOLUME…]   not a gateway: remove an instance's volumes from this node of a swarm, with its engine's socket
//	gateway rollcall ORDER         not a gateway either: say how it is on this node of a swarm, and which others it reaches
//
// MAILLAB_DOORS, a control.Doors as JSON, are its doors from the start, where there is no controller.
//
// MAILLAB_NODE, a node's ID, and MAILLAB_MESH, host:port where it listens for the gateways of other nodes, make it one of several,
// with the certificates mesh.crt, mesh.key and mesh.ca in /run/secrets (package mesh).
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
	"time"

	"maillab/internal/control"
	"maillab/internal/engine"
	"maillab/internal/gateway"
	"maillab/internal/rollcall"
	"maillab/internal/sweep"
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
	case len(args) > 1 && args[0] == "sweep":
		return swept(args[1], args[2:])
	case len(args) != 1 && !calling(args):
		return errors.New("usage: gateway serve [UID] | stream | filter | sweep NAME [VOLUME…] | rollcall ORDER")
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if calling(args) {
		return rollcall.Run(ctx, args[1], os.Getenv(engine.EnvNode), os.Stdout)
	}
	socket := filepath.Join(dir, "control.sock")
	switch args[0] {
	case "serve":
		return serve(ctx, socket)
	case "stream":
		return stream(ctx, socket)
	case "filter":
		return filter(ctx)
	}
	return fmt.Errorf("unknown verb %q", args[0])
}

func calling(args []string) bool { return len(args) == 2 && args[0] == "rollcall" }

func serve(ctx context.Context, socket string) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	registry := gateway.NewRegistry(log)
	g := gateway.New(ctx, registry, filepath.Join(dir, "doors.json"), log)
	defer g.Close()
	keep, err := join(ctx, g, log)
	if err != nil {
		return err
	}
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
	go keep(socket)
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// sweepPatience is how long a volume may be in use by a container that is on its way out.
const sweepPatience = time.Minute

func swept(instance string, names []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), sweepPatience)
	defer cancel()
	return sweep.Volumes(ctx, sweep.Socket, instance, names)
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

// listen listens on a Unix socket in place of one that the gateway before left behind. None removes its own: it may be late, and the
// next one's be there.
func listen(network, socket string, mode os.FileMode) (*net.UnixListener, error) {
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.ListenUnix(network, &net.UnixAddr{Name: socket, Net: network})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
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
