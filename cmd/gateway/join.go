//go:build linux

package main

import (
	"context"
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
	m, err := g.Join(ctx, mesh.Config{Node: node, TLS: config, Log: log, Seen: seen, Now: awake, Beat: mesh.Beat, Lease: mesh.Lease})
	if err != nil {
		return nil, err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return nil, fmt.Errorf("%s=%q: %w", engine.EnvMesh, listen, err)
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
