// Package disposable has the resources of a disposable instance removed when this process is gone, also by SIGKILL:
// testcontainers-go's reaper, Ryuk, is a container with the daemon's socket that removes everything with certain labels
// once the connection from here is cut. Only the reaper is theirs: resources are made by our own engine, which puts
// Labels on them.
//
// Where the reaper is not to be had (no image, TESTCONTAINERS_RYUK_DISABLED=true, an endpoint that it cannot be reached
// at) a Guard says so and does nothing; what remains are the labels that maillab prune goes by.
package disposable

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"sync"
	"time"

	"github.com/testcontainers/testcontainers-go"
	tclog "github.com/testcontainers/testcontainers-go/log"
)

// labelSession is the one of testcontainers' labels that tells sessions apart.
const labelSession = "org.testcontainers.sessionId"

// Labels are what every resource of a session needs, for the reaper to find it. The session is a name of our own: what
// testcontainers would take is shared by all that one shell starts.
func Labels(session string) map[string]string {
	labels := maps.Clone(testcontainers.GenericLabels())
	labels[labelSession] = session
	return labels
}

// Guard is a reaper that is being started, or watches.
type Guard struct {
	stop  context.CancelFunc
	ready chan struct{} // closed when it watches or has given up
	err   error         // why it does not watch

	mu        sync.Mutex
	container testcontainers.Container
	leave     chan bool // of the connection
}

// reconnection is how long a reaper waits for another connection before it removes things: nobody but us connects.
const reconnection = time.Second

// Watch starts a reaper for what carries Labels(session), beside whatever the caller does meanwhile.
func Watch(ctx context.Context, session string) *Guard {
	ctx, stop := context.WithCancel(ctx)
	g := &Guard{stop: stop, ready: make(chan struct{})}
	go func() {
		defer close(g.ready)
		g.err = g.start(ctx, session)
	}()
	return g
}

// start starts the reaper's container and connects to it. testcontainers panics where it finds no daemon.
func (g *Guard) start(ctx context.Context, session string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("no reaper: %v", p)
		}
	}()
	silence := log.New(io.Discard, "", 0) // what there is to tell, we tell
	tclog.SetDefault(silence)
	provider, err := testcontainers.NewDockerProvider(append(testcontainers.Generic2DockerOptions(testcontainers.WithLogger(silence)),
		testcontainers.WithDefaultBridgeNetwork(testcontainers.Bridge))...) // else it makes a network that stays
	if err != nil {
		return fmt.Errorf("no reaper: %w", err)
	}
	defer provider.Close()
	// Deprecated, because containers that testcontainers itself starts have it done for them. Ours are not of those.
	reaper, err := testcontainers.NewReaper(ctx, session, &keeper{DockerProvider: provider, guard: g}, "")
	if err != nil {
		return fmt.Errorf("no reaper: %w", err)
	}
	if reaper.SessionID != session {
		return errors.New("no reaper: this process has one already, for another session")
	}
	leave, err := reaper.Connect()
	if err != nil {
		return fmt.Errorf("no reaper: %w", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.leave = leave
	return nil
}

// keeper is the provider that a reaper is started with: it remembers the container, so that Close can end it.
type keeper struct {
	*testcontainers.DockerProvider
	guard *Guard
}

// Config implements testcontainers.ReaperProvider.
func (k *keeper) Config() testcontainers.TestcontainersConfig {
	config := k.DockerProvider.Config()
	config.Config.RyukReconnectionTimeout = reconnection
	return config
}

// RunContainer implements testcontainers.ReaperProvider.
func (k *keeper) RunContainer(ctx context.Context, request testcontainers.ContainerRequest) (testcontainers.Container, error) {
	c, err := k.DockerProvider.RunContainer(ctx, request)
	if err == nil {
		k.guard.mu.Lock()
		defer k.guard.mu.Unlock()
		k.guard.container = c
	}
	return c, err
}

// Ready is closed when the reaper watches, or will not; Err then tells which.
func (g *Guard) Ready() <-chan struct{} { return g.ready }

// Err is why nothing is watched, nil when it is. It waits for Ready.
func (g *Guard) Err() error {
	<-g.ready
	return g.err
}

// Close ends the reaper, after everything that it watched has been removed. It may be called before Ready.
func (g *Guard) Close(ctx context.Context) error {
	g.stop()
	<-g.ready
	g.mu.Lock()
	defer g.mu.Unlock()
	var err error
	if g.container != nil { // what is gone already is no error
		err = testcontainers.TerminateContainer(g.container, testcontainers.StopContext(ctx), testcontainers.StopTimeout(0))
		g.container = nil
	}
	if g.leave != nil {
		g.leave <- true
		g.leave = nil
	}
	return err
}

// patience is how long a reaper may take to be told that it is not needed.
const patience = 2 * time.Minute

// Guarded is a session that a Guard is started for once there is something that would outlive this process, or never.
type Guarded struct {
	Session string
	watch   *Guard
}

// Start starts the reaper.
func (g *Guarded) Start(ctx context.Context) { g.watch = Watch(ctx, g.Session) }

// End ends it, if it was started, also after ctx has ended.
func (g *Guarded) End(ctx context.Context) error {
	if g.watch == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	return g.watch.Close(ctx)
}
