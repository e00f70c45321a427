//go:build linux

// Command maild is a sandbox's mail daemon, started by labinit, which hands it its listeners, its broker and its spec.
// Under the names sendmail, mailq and newaliases it is the client that mail programs call. maild serve needs none of
// them: see standalone.go.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"maillab/internal/broker"
	"maillab/internal/collector"
	"maillab/internal/mail/auth"
	"maillab/internal/mail/mbox"
	"maillab/internal/mail/submit"
	"maillab/internal/maild"
	"maillab/internal/spec"
)

// Where things are in a sandbox.
const (
	stateDir   = "/var/lib/maillab/maild"
	logFile    = "/var/lib/maillab/log/mail.log"
	shadowFile = "/etc/shadow"
	passwdFile = "/etc/passwd"
)

// lastAnswers is how long requests under way may take to be answered when maild ends.
const lastAnswers = time.Second

// softMemory makes the collector work harder before a sandbox gets big: it is small most of the time, and its memory
// limit is shared with a student's programs.
const softMemory = 40 << 20

// lateHeap is the heap at which it first collects: one that no mail has reached yet has less.
const lateHeap = 4 << 20

func main() {
	name := filepath.Base(os.Args[0])
	if name == "sendmail" || name == "mailq" || name == "newaliases" {
		os.Exit(submit.Main(context.Background(), os.Args, os.Environ(), os.Stdin, os.Stdout, os.Stderr))
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	var err error
	if len(os.Args) > 1 && os.Args[1] == standaloneVerb {
		err = standalone(ctx, os.Args[2:], os.Stderr)
	} else {
		err = run(ctx)
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "maild:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	runtime.MemProfileRate = 0     // nobody asks for a profile, and its tables grow with every kind of work
	signal.Ignore(syscall.SIGXFSZ) // a mailbox at the largest size that a file may have is told to the sender, not our end
	debug.SetMemoryLimit(softMemory)
	collector.Late(lateHeap, 50)
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
	inherited, err := broker.Inherit(os.Getenv(broker.EnvDescriptors))
	if err != nil {
		return err
	}
	defer inherited.Broker.Close()
	c := &maild.Control{Host: inherited.Broker, SSH: true}
	if inherited.Spec != nil {
		if c.Daemon, err = open(inherited, log); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, c.Daemon.Close()) }()
	}
	return serve(ctx, c, inherited, log)
}

// open puts the daemon together from what was inherited.
func open(inherited broker.Inherited, log *slog.Logger) (*maild.Daemon, error) {
	var s spec.Sandbox
	if err := json.Unmarshal(inherited.Spec, &s); err != nil {
		return nil, fmt.Errorf("spec: %w", err)
	}
	uid, err := uids()
	if err != nil {
		return nil, err
	}
	return maild.New(maild.Config{
		Spec: s, Dial: dial(s, inherited.Broker), Ask: inherited.Broker.Neighbour, Spamd: inherited.Broker.DialFilter, Files: inherited.Broker, Parking: parking(inherited), Accounts: auth.NewShadow(shadowFile), UID: uid,
		StateDir: stateDir, LogFile: logFile, Log: log, Belongings: inherited.Broker, Skel: "/etc/skel",
		Students: inherited.Broker,
	})
}

// parking is where the mailbox that is being rewritten waits when this process is killed.
func parking(inherited broker.Inherited) *mbox.Parking {
	if inherited.ParkIn == nil || inherited.ParkOut == nil {
		return nil
	}
	return &mbox.Parking{In: inherited.ParkIn, Out: inherited.ParkOut}
}

// dial connects to where mail goes that leaves. The lab's relay is dialled by the gateway, as a sandbox has no network;
// everything else that is not on loopback times out.
func dial(s spec.Sandbox, relayer *broker.Client) func(ctx context.Context, network, address string) (net.Conn, error) {
	relay := maild.RelayAddress(s)
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if relay != "" && address == relay {
			return relayer.DialRelay(ctx)
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}
}

// uids are the system's accounts, read once: with another spec there is another maild.
func uids() (func(account string) int, error) {
	text, err := os.ReadFile(passwdFile)
	if err != nil {
		return nil, err
	}
	found := map[string]int{}
	for line := range strings.Lines(string(text)) {
		name, rest, _ := strings.Cut(line, ":")
		_, rest, _ = strings.Cut(rest, ":") // the password's field
		uid, _, _ := strings.Cut(rest, ":")
		if n, err := strconv.Atoi(uid); err == nil {
			found[name] = n
		}
	}
	return func(account string) int { return found[account] }, nil
}

// serve serves everything until ctx ends, or the daemon cannot go on.
func serve(ctx context.Context, c *maild.Control, inherited broker.Inherited, log *slog.Logger) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	server := &http.Server{
		Handler:     c.Handler(log),
		ErrorLog:    slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return ctx }, // who follows a log is let go
	}
	listeners := maps.Clone(inherited.Listeners)
	listeners[broker.DescriptorMail], listeners[broker.DescriptorControl] = inherited.Mail, inherited.Control
	for name, listener := range listeners {
		context.AfterFunc(ctx, func() { listener.Close() })
		wg.Go(func() {
			if err := serveOne(ctx, c, server, name, listener); err != nil && ctx.Err() == nil {
				cancel(fmt.Errorf("listener %s: %w", name, err))
			}
		})
	}
	if c.Daemon != nil {
		for _, run := range []func(context.Context) error{
			c.Daemon.Run,
			func(ctx context.Context) error { return serveNames(ctx, c.Daemon, inherited) },
			func(ctx context.Context) error { return c.Daemon.Inside(ctx, submit.DefaultSocket) },
		} {
			wg.Go(func() {
				if err := run(ctx); err != nil && ctx.Err() == nil {
					cancel(err)
				}
			})
		}
	}
	<-ctx.Done()
	// A new spec makes labinit end this maild while the request that brought it is still to be answered.
	patience, done := context.WithTimeout(context.Background(), lastAnswers)
	defer done()
	_ = server.Shutdown(patience)
	server.Close()
	wg.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// serveNames serves the name server's own programs, where there is one.
func serveNames(ctx context.Context, d *maild.Daemon, inherited broker.Inherited) error {
	if inherited.Names == nil || inherited.Packets == nil {
		return nil
	}
	return d.ServeNames(ctx, inherited.Packets, inherited.Names)
}

func serveOne(ctx context.Context, c *maild.Control, server *http.Server, name string, listener net.Listener) error {
	if name == broker.DescriptorControl {
		err := server.Serve(listener)
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return err
	}
	if c.Daemon == nil {
		return nil // nobody is served before there is a spec
	}
	return c.Daemon.Listen(ctx, listener, name)
}
