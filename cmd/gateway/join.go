//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"maillab/internal/certificate"
	"maillab/internal/control"
	"maillab/internal/depot"
	"maillab/internal/engine"
	"maillab/internal/gateway"
	"maillab/internal/mesh"
	"maillab/internal/period"
)

// secrets is where an engine puts a mesh's certificates, and seen, on the volume that outlives the gateway, which of the
// mesh's pictures was the newest: no token is in it.
const (
	secrets = "/run/secrets"
	seen    = dir + "/socket/picture.json"
)

// copies is where copies of other nodes' sandboxes lie, on a volume of this node's.
const copies = dir + "/copies"

// leastRoom is how many octets a file system is left with.
const leastRoom = 1 << 30

// join makes a gateway one of several, if it is. What is to be run then keeps copies.
func join(ctx context.Context, g *gateway.Gateway, log *slog.Logger) (keep func(socket string), err error) {
	node, listen := os.Getenv(engine.EnvNode), os.Getenv(engine.EnvMesh)
	if node == "" && listen == "" {
		return func(string) {}, nil
	}
	var shown certificate.Credentials
	for name, into := range map[string]*[]byte{certificate.MeshCertificate: &shown.Certificate, certificate.MeshKey: &shown.Key, certificate.MeshAuthority: &shown.CA} {
		var err error
		if *into, err = os.ReadFile(filepath.Join(secrets, name)); err != nil {
			return nil, err
		}
	}
	config, err := shown.Peer()
	if err != nil {
		return nil, err
	}
	listener, err := succeed(ctx, listen)
	if err != nil {
		return nil, fmt.Errorf("%s=%q: %w", engine.EnvMesh, listen, err)
	}
	m, err := g.Join(ctx, mesh.Config{Node: node, TLS: config, Log: log, Seen: seen, Now: awake, Beat: mesh.Beat, Lease: mesh.Lease})
	if err != nil {
		return nil, err
	}
	store := &depot.Store{Dir: copies, Node: node, Room: room}
	g.Keep(store.Handler())
	go m.Serve(listener)
	return func(socket string) {
		client := control.NewClient(func(ctx context.Context) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		})
		defer client.Close()
		(&depot.Keeper{Client: client, Store: store, Now: time.Now, Log: log}).Run(ctx)
	}, nil
}

// handover is how long the gateway before this one may take to end: an engine starts the next beside it, and kills it after three seconds.
const handover = 10 * time.Second

// succeed listens where gateways hear one another, as soon as the one that was here before has let go of it: who has the port is the node's
// gateway, and what its predecessor kept is read only then.
func succeed(ctx context.Context, listen string) (net.Listener, error) {
	deadline := time.Now().Add(handover)
	for {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
		if !errors.Is(err, unix.EADDRINUSE) || time.Now().After(deadline) {
			return l, err
		}
		if err := period.Wait(ctx, 50*time.Millisecond); err != nil { // between two looks
			return nil, err
		}
	}
}

// room tells whether there is room for copies.
func room() bool {
	var st unix.Statfs_t
	return unix.Statfs(dir, &st) == nil && int64(st.Bavail)*st.Bsize > leastRoom
}

// awake is the time since the machine's start, which goes on while it sleeps: a lease must not outlive a lid that was closed.
func awake() time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		panic(fmt.Sprintf("gateway: a kernel without CLOCK_BOOTTIME: %v", err)) // Linux has it since 2.6.39
	}
	return time.Duration(now.Nano())
}
