// Package probe is the isolation matrix: everything that a student may try against neighbours, the host, the rest of the
// world and his own sandbox's secrets, as data, and what carries it out. The same table is played by a test on a real
// engine and by `maillab doctor --probe` on a teacher's machine.
//
// An attempt is a shell command, run as the student in one sandbox. It succeeds with exit code 0: then the sandbox does
// not hold. A command that cannot be run at all (126, 127, no session) proves nothing and counts as a failure of the probe.
package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// Kind says what is to be seen.
type Kind string

// Kinds.
const (
	Denied Kind = "denied" // it must not succeed
	Works  Kind = "works"  // it must: without these, everything denied would prove nothing
	Load   Kind = "load"   // whatever it does, the neighbour works meanwhile, and the sandbox itself afterwards
)

// Probe is one attempt.
type Probe struct {
	Group   string // neighbours, host, outside, secrets, root, load
	Name    string
	Kind    Kind
	Command string // for sh
	After   string // for sh, once a load has ended: what cleans up
}

// Result is what became of one.
type Result struct {
	Probe
	Err error // why the sandbox does not hold, or why that is not known; nil: it holds
}

// World is two sandboxes of one instance, by their seats.
type World interface {
	// Run runs a command for sh as the student of a seat and returns what it wrote and its exit code.
	Run(ctx context.Context, seat int, command string) (out string, exit int, err error)
	// Answers is nil when every service of the seat answers its gateway.
	Answers(ctx context.Context, seat int) error
}

// atOnce is how many attempts are made side by side: far fewer than the processes that a student may have.
const atOnce = 4

// Run carries probes out in the sandbox of one seat, beside that of another: what only attempts side by side, then the
// loads one after the other. Results are in the order of the probes; tell is called before each load.
func Run(ctx context.Context, w World, probes []Probe, seat, beside int, tell func(Probe)) ([]Result, error) {
	results := make([]Result, len(probes))
	var attempts errgroup.Group
	attempts.SetLimit(atOnce)
	for i, p := range probes {
		if results[i].Probe = p; p.Kind != Load {
			attempts.Go(func() error {
				results[i].Err = p.attempt(ctx, w, seat)
				return nil
			})
		}
	}
	_ = attempts.Wait() // none returns one
	for i, p := range probes {
		if p.Kind == Load && ctx.Err() == nil {
			tell(p)
			results[i].Err = p.load(ctx, w, seat, beside)
		}
	}
	return results, ctx.Err()
}

func (p Probe) attempt(ctx context.Context, w World, seat int) error {
	out, exit, err := p.made(ctx, w, seat)
	switch {
	case err != nil:
		return fmt.Errorf("it could not be tried: %w", err)
	case exit == 126 || exit == 127:
		return fmt.Errorf("it could not be tried: exit code %d: %s", exit, short(out))
	case p.Kind == Denied && exit == 0:
		return fmt.Errorf("it succeeds: %s: %s", p.Command, short(out))
	case p.Kind == Works && exit != 0:
		return fmt.Errorf("it does not work, exit code %d: %s", exit, short(out))
	}
	return nil
}

// made is what came of an attempt. One whose session was cut off says nothing of the sandbox, and is made again: where memory is short, the
// kernel ends students' sessions first.
func (p Probe) made(ctx context.Context, w World, seat int) (out string, exit int, err error) {
	for range sessions {
		within, cancel := context.WithTimeout(ctx, attemptPatience)
		out, exit, err = w.Run(within, seat, p.Command)
		late := within.Err() != nil
		cancel()
		if err == nil || late {
			break
		}
	}
	return out, exit, err
}

// sessions is how many there may be for one attempt.
const sessions = 3

// Bounds in time. What is looked at is whether something comes at all: a slow machine is no leak.
const (
	attemptPatience = 30 * time.Second
	besidePatience  = 30 * time.Second
	loadPatience    = 60 * time.Second
	recoverPatience = 90 * time.Second
)

// load runs it and works in the sandbox beside until it has ended.
func (p Probe) load(ctx context.Context, w World, seat, beside int) error {
	ended := make(chan error, 1)
	loading, cancel := context.WithTimeout(ctx, loadPatience)
	defer cancel()
	go func() {
		// How the command ends says nothing: its session may be the first victim.
		_, exit, err := w.Run(loading, seat, p.Command)
		if err == nil && (exit == 126 || exit == 127) {
			err = fmt.Errorf("it could not be tried: exit code %d", exit)
		} else {
			err = nil
		}
		ended <- err
	}()
	var failed error
	for { // at least once: a load that is over at once has been there, too
		if err := atWork(ctx, w, beside); err != nil && failed == nil {
			failed = fmt.Errorf("the neighbour suffers: %w", err)
			cancel()
		}
		select {
		case err := <-ended:
			return errors.Join(failed, err, p.recovered(ctx, w, seat))
		default:
		}
	}
}

// atWork logs in to a sandbox, has a process and an inotify instance there, and dials its services.
func atWork(ctx context.Context, w World, seat int) error {
	ctx, cancel := context.WithTimeout(ctx, besidePatience)
	defer cancel()
	out, exit, err := w.Run(ctx, seat, "true | true && "+python("import ctypes, sys; sys.exit(ctypes.CDLL(None).inotify_init() < 0)"))
	if err != nil {
		return err
	}
	if exit != 0 {
		return fmt.Errorf("exit code %d: %s", exit, short(out))
	}
	return w.Answers(ctx, seat)
}

// recovered waits until the sandbox works again; cleaning up may have to wait for processes to end.
func (p Probe) recovered(ctx context.Context, w World, seat int) error {
	ctx, cancel := context.WithTimeout(ctx, recoverPatience)
	defer cancel()
	command := p.After
	if command == "" {
		command = "true"
	}
	for {
		out, exit, err := w.Run(ctx, seat, command)
		if err == nil && exit == 0 {
			err = w.Answers(ctx, seat)
		} else if err == nil {
			err = fmt.Errorf("exit code %d: %s", exit, short(out))
		}
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the sandbox does not come back: %w", err)
		case <-time.After(200 * time.Millisecond): // between two looks
		}
	}
}

// short is the last words of an output.
func short(out string) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return lines[len(lines)-1]
}

// Place is what probes are aimed at.
type Place struct {
	Doors []string // the neighbour's, as host:port
	Names []string // the neighbour's
	Other string   // an account of the sandbox that is not the student's login
	Host  []string // addresses of the host
	Ports []string // of the host, on which somebody listens
}

// connect is a TCP connection, made and closed again.
func connect(address, port string) string {
	family := ""
	if ip := net.ParseIP(address); ip != nil && ip.To4() == nil {
		family = "-6 "
	}
	return fmt.Sprintf("nc %s-z -w 2 %s %s", family, address, port)
}

func connectTo(hostport string) string {
	host, port, _ := net.SplitHostPort(hostport)
	return connect(host, port)
}

func python(program string) string { return "python3 -c '" + program + "'" }
