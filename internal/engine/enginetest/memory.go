// Package enginetest is for testing engines and what is built on them. Suite is the contract that every engine passes;
// Memory is an engine that keeps its resources in a map and refuses what a real one would refuse; Faulty is a Memory
// that fails, half-does or hangs at a chosen call.
package enginetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"sync"

	"maillab/internal/engine"
)

// Memory is an engine without a world behind it. The zero value is empty and ready.
type Memory struct {
	// Handler answers the requests made on dialled streams; nil answers each with 404.
	Handler http.Handler

	mu   sync.Mutex
	have map[memoryKey]engine.Resource
}

type memoryKey struct {
	kind     engine.Kind
	instance string
	seat     int
	version  int
	part     string
}

func memoryKeyOf(r engine.Resource) memoryKey {
	if r.Image != nil {
		return memoryKey{kind: r.Kind, part: r.Image.Tag}
	}
	return memoryKey{r.Kind, r.Instance, r.Seat, r.Version, r.Part}
}

// Capabilities of a Memory: everything.
func (m *Memory) Capabilities() engine.Capabilities {
	return engine.Capabilities{Name: "memory", System: true, Isolated: true}
}

// Observe returns copies.
func (m *Memory) Observe(ctx context.Context, instance string) ([]engine.Resource, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("observe: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []engine.Resource
	for _, r := range m.have {
		if instance == "" || r.Instance == instance || r.Kind == engine.Image {
			r.Labels = maps.Clone(r.Labels)
			found = append(found, r)
		}
	}
	engine.Sort(found)
	return found, nil
}

// Put refuses what misses its image or socket.
func (m *Memory) Put(ctx context.Context, r engine.Resource, progress engine.Progress) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("put %s: %w", r.ID(), err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, there := m.have[memoryKeyOf(r)]; there {
		r = old
	}
	if err := m.refuse(r); err != nil {
		return fmt.Errorf("put %s: %w", r.ID(), err)
	}
	if progress != nil {
		progress(r.ID())
	}
	r.Labels = maps.Clone(r.Labels)
	m.set(r, engine.Running)
	return nil
}

func (m *Memory) set(r engine.Resource, s engine.State) {
	if m.have == nil {
		m.have = make(map[memoryKey]engine.Resource)
	}
	r.State = s
	m.have[memoryKeyOf(r)] = r
}

// refuse says why r cannot be put among what is there.
func (m *Memory) refuse(r engine.Resource) error {
	if r.Sandbox == nil {
		return nil
	}
	if _, there := m.have[memoryKey{kind: engine.Image, part: r.Sandbox.Image}]; !there {
		return fmt.Errorf("image %s: %w", r.Sandbox.Image, engine.ErrNotFound)
	}
	if _, there := m.have[memoryKey{kind: engine.Socket, instance: r.Instance}]; !there {
		return fmt.Errorf("socket: %w", engine.ErrNotFound)
	}
	return nil
}

// Remove refuses a socket or volume that is in use.
func (m *Memory) Remove(ctx context.Context, r engine.Resource) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("remove %s: %w", r.ID(), err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, o := range m.have {
		onSocket := r.Kind == engine.Socket && o.Sandbox != nil
		onVolume := r.Kind == engine.Volume && o.Kind == engine.Sandbox && o.Seat == r.Seat
		if o.Instance == r.Instance && (onSocket || onVolume) {
			return fmt.Errorf("remove %s: %s is using it", r.ID(), o.ID())
		}
	}
	delete(m.have, memoryKeyOf(r))
	return nil
}

// Stop makes a sandbox or gateway a stopped one, as a crash of the machine would.
func (m *Memory) Stop(r engine.Resource) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if there, ok := m.have[memoryKeyOf(r)]; ok && there.Sandbox != nil {
		m.set(there, engine.Stopped)
	}
}

// Lose removes a resource without asking whether it is in use.
func (m *Memory) Lose(r engine.Resource) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.have, memoryKeyOf(r))
}

// Dial serves Handler on the other end of the stream until it is closed.
func (m *Memory) Dial(ctx context.Context, instance string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("dial %s: %w", instance, err)
	}
	m.mu.Lock()
	gateway, there := m.have[memoryKey{kind: engine.Gateway, instance: instance}]
	m.mu.Unlock()
	if !there || gateway.State != engine.Running {
		return nil, fmt.Errorf("dial %s: gateway: %w", instance, engine.ErrNotFound)
	}
	near, far := net.Pipe()
	handler := m.Handler
	if handler == nil {
		handler = http.NotFoundHandler()
	}
	go ServeStream(far, handler)
	return near, nil
}

// ServeStream answers HTTP/2 without TLS on one connection, as a gateway does, until it ends.
func ServeStream(conn net.Conn, handler http.Handler) {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	server := http.Server{Handler: handler, Protocols: &protocols}
	l := &oneListener{conn: conn, closed: make(chan struct{})}
	server.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateClosed {
			l.Close()
		}
	}
	server.Serve(l) //nolint:errcheck // it always ends with the listener's net.ErrClosed
}

// oneListener accepts one connection, then nothing until it is closed.
type oneListener struct {
	once   sync.Once
	conn   net.Conn
	closed chan struct{}
	taken  bool
}

func (l *oneListener) Accept() (net.Conn, error) {
	if !l.taken {
		l.taken = true
		return l.conn, nil
	}
	<-l.closed
	return nil, net.ErrClosed
}

func (l *oneListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *oneListener) Addr() net.Addr { return l.conn.LocalAddr() }

// ErrFault is what a Faulty fails with.
var ErrFault = errors.New("fault put in by the test")
