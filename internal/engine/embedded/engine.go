// Package embedded is the engine without Docker: maild itself, serving a lab's accounts from memory on loopback ports.
// There are no system accounts, no SSH and no mail command; what protocols do is the same code as in a sandbox.
//
// An instance is one process (package function Serve), detached from who started it. It is found again by a runtime
// folder of its own:
//
//	RUNTIME/INSTANCE/lock          locked by the process while it lives
//	RUNTIME/INSTANCE/pid           its process id, in decimal; true while the lock is taken
//	RUNTIME/INSTANCE/control.sock  the control stream of package control, and PUT, GET and DELETE of /v1/resources
//	RUNTIME/INSTANCE/log           what the process had to say
//
// A sandbox's mail is below DATA/instances/INSTANCE/seats/SEAT, with the labels of its volume in labels.json. That
// folder is the volume: it outlives the process.
package embedded

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"maillab/internal/engine"
	"maillab/internal/filelock"
)

// Config is where an Engine keeps things.
type Config struct {
	// Runtime is a folder that only this user can get into; it is made when it is needed. Another one is refused: whoever
	// can write there would be taken for an instance. It is short, Unix sockets have room for some hundred bytes.
	Runtime string
	Data    string
	// Command starts the process of an instance: a program that calls Serve with this runtime folder and data folder.
	Command func(runtime, data string) *exec.Cmd
	// Seats, when set, is the folder of the seats, in place of DATA/instances/INSTANCE/seats: for one instance only.
	Seats string
	// Here, when set, is called in place of starting Command: it has to see to it that Serve runs, in this process.
	Here func(runtime, data string)
}

// Engine implements engine.Engine.
type Engine struct{ cfg Config }

var _ engine.Engine = (*Engine)(nil)

// New makes one. It always answers.
func New(cfg Config) *Engine { return &Engine{cfg: cfg} }

// Capabilities implements engine.Engine.
func (*Engine) Capabilities() engine.Capabilities {
	return engine.Capabilities{Name: "embedded", Missing: "no SSH, no system accounts, no mail command; the outside world is not really dialled"}
}

func (e *Engine) runtime(instance string) string { return filepath.Join(e.cfg.Runtime, instance) }

func (e *Engine) data(instance string) string {
	if e.cfg.Seats != "" {
		return e.cfg.Seats
	}
	return filepath.Join(e.cfg.Data, "instances", instance, "seats")
}

// Observe implements engine.Engine.
func (e *Engine) Observe(ctx context.Context, instance string) ([]engine.Resource, error) {
	if err := errors.Join(ctx.Err(), private(e.cfg.Runtime)); err != nil {
		return nil, err
	}
	names := []string{instance}
	if instance == "" {
		var err error
		if names, err = e.instances(); err != nil {
			return nil, err
		}
	}
	var all []engine.Resource
	for _, name := range names {
		volumes, err := e.volumes(name)
		if err != nil {
			return nil, err
		}
		all = append(all, volumes...)
		running, err := e.running(ctx, name)
		if err != nil {
			return nil, err
		}
		all = append(all, running...)
	}
	engine.Sort(all)
	return all, nil
}

// instances are those that have a runtime folder or seats.
func (e *Engine) instances() ([]string, error) {
	seen := map[string]bool{}
	for _, pattern := range []string{filepath.Join(e.cfg.Runtime, "*"), filepath.Join(e.cfg.Data, "instances", "*", "seats")} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return nil, err
		}
		for _, path := range found {
			name := filepath.Base(path)
			if name == "seats" {
				name = filepath.Base(filepath.Dir(path))
			}
			seen[name] = true
		}
	}
	found, _ := filepath.Glob(filepath.Join(e.cfg.Seats, "*", labelsFile)) // the pattern is a good one
	for _, path := range found {
		labels, err := readLabels(path)
		if err != nil {
			return nil, err
		}
		seen[labels[engine.LabelInstance]] = e.cfg.Seats != ""
	}
	return slices.Sorted(maps.Keys(seen)), nil
}

// answerPatience is how long a process may take to answer what costs it nothing.
const answerPatience = 2 * time.Second

// running asks an instance's process. One that has died leaves its folder: a gateway that is stopped. So is one that does
// not answer in time, because somebody has stopped it, say: nobody else's command may hang with it.
func (e *Engine) running(ctx context.Context, instance string) ([]engine.Resource, error) {
	if _, err := os.Stat(e.runtime(instance)); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	patience, cancel := context.WithTimeout(ctx, answerPatience)
	defer cancel()
	for patience.Err() == nil && filelock.Held(filepath.Join(e.runtime(instance), lockFile)) {
		var all []engine.Resource
		err := e.call(patience, instance, http.MethodGet, "/v1/resources", nil, &all)
		if err == nil {
			return all, nil
		}
		select { // it begins, or it ends and still has the lock: the kernel takes the connections first
		case <-patience.Done():
		case <-time.After(5 * time.Millisecond):
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	labels, err := readLabels(filepath.Join(e.runtime(instance), labelsFile))
	if labels[engine.LabelRun] != "" && e.ended(instance) {
		return nil, os.RemoveAll(e.runtime(instance))
	}
	return []engine.Resource{{Kind: engine.Gateway, Instance: instance, State: engine.Stopped, Labels: labels}}, err
}

// ended tells whether an instance's process was there and is no more. What was disposable went with it: nobody starts it again, and
// a command that was killed has left nothing but the folder.
func (e *Engine) ended(instance string) bool {
	_, err := os.Stat(filepath.Join(e.runtime(instance), pidFile))
	return err == nil && !filelock.Held(filepath.Join(e.runtime(instance), lockFile))
}

// Put implements engine.Engine.
func (e *Engine) Put(ctx context.Context, r engine.Resource, _ engine.Progress) error {
	if err := errors.Join(ctx.Err(), private(e.cfg.Runtime)); err != nil {
		return err
	}
	switch r.Kind {
	case engine.Volume, engine.Facts:
		dir := e.folder(r)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		return writeLabels(filepath.Join(dir, labelsFile), r.Labels)
	case engine.Gateway:
		return e.start(ctx, r)
	case engine.Sandbox:
		if err := e.await(ctx, r.Instance); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, seatPatience)
		defer cancel()
		return e.call(ctx, r.Instance, http.MethodPut, "/v1/resources", r, nil)
	}
	return fmt.Errorf("engine embedded has no %s", r.Kind)
}

// Remove implements engine.Engine.
func (e *Engine) Remove(ctx context.Context, r engine.Resource) error {
	if err := errors.Join(ctx.Err(), private(e.cfg.Runtime)); err != nil {
		return err
	}
	switch r.Kind {
	case engine.Volume, engine.Facts:
		return os.RemoveAll(e.folder(r))
	case engine.Gateway:
		return e.stop(ctx, r.Instance)
	case engine.Sandbox:
		return e.removeSandbox(ctx, r)
	}
	return nil
}

// seatPatience is how long a seat may take to start, with the mail that it has, or to end.
const seatPatience = 30 * time.Second

// removeSandbox asks the process; when that has ended, or ends meanwhile, its sandboxes are gone with it.
func (e *Engine) removeSandbox(ctx context.Context, r engine.Resource) error {
	ctx, cancel := context.WithTimeout(ctx, seatPatience)
	defer cancel()
	lock := filepath.Join(e.runtime(r.Instance), lockFile)
	for pause := 5 * time.Millisecond; filelock.Held(lock); pause = min(2*pause, 100*time.Millisecond) {
		err := e.call(ctx, r.Instance, http.MethodDelete, "/v1/resources?seat="+strconv.Itoa(r.Seat), nil, nil)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
	return nil
}

// Dial implements engine.Engine.
func (e *Engine) Dial(ctx context.Context, instance string) (net.Conn, error) {
	if err := private(e.cfg.Runtime); err != nil {
		return nil, err
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", filepath.Join(e.runtime(instance), socketFile))
	if err != nil && ctx.Err() == nil {
		return nil, fmt.Errorf("gateway of %s: %w: %w", instance, engine.ErrNotFound, err)
	}
	return conn, err
}

// startPatience is how long a process may take until it serves its socket.
const startPatience = 10 * time.Second

// start starts the instance's process, unless it runs, and waits until it answers.
func (e *Engine) start(ctx context.Context, r engine.Resource) error {
	dir := e.runtime(r.Instance)
	if err := e.makeRuntime(r.Instance); err != nil {
		return err
	}
	if !filelock.Held(filepath.Join(dir, lockFile)) {
		if err := writeLabels(filepath.Join(dir, labelsFile), r.Labels); err != nil {
			return err
		}
		if err := e.spawn(r.Instance); err != nil {
			return err
		}
	}
	return e.await(ctx, r.Instance)
}

// await waits until the instance's process answers. A plan puts gateway and sandboxes side by side.
func (e *Engine) await(ctx context.Context, instance string) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		err := e.greet(ctx, instance)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			said, _ := os.ReadFile(filepath.Join(e.runtime(instance), logFile))
			return fmt.Errorf("the process of %s%s does not answer: %w: %s", instance, e.pid(instance), err, bytes.TrimSpace(said))
		case <-time.After(pause):
		}
	}
}

// greet asks the process whether it is there. A connection proves nothing: the kernel makes it for a process that is
// stopped, too.
func (e *Engine) greet(ctx context.Context, instance string) error {
	ctx, cancel := context.WithTimeout(ctx, answerPatience)
	defer cancel()
	return e.call(ctx, instance, http.MethodGet, "/v1/process", nil, nil)
}

// pid is what people may want to know of a process that does not answer.
func (e *Engine) pid(instance string) string {
	if process := e.process(instance); process != nil {
		return fmt.Sprintf(" (%d)", process.Pid)
	}
	return ""
}

// process is the one that has the instance's lock, nil when that is free.
func (e *Engine) process(instance string) *os.Process {
	if !filelock.Held(filepath.Join(e.runtime(instance), lockFile)) {
		return nil
	}
	text, _ := os.ReadFile(filepath.Join(e.runtime(instance), pidFile))
	pid, err := strconv.Atoi(string(text))
	if err != nil || pid == os.Getpid() {
		return nil
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		return nil
	}
	return process
}

// spawn starts the process on its own, without waiting for it.
func (e *Engine) spawn(instance string) error {
	dir := e.runtime(instance)
	if e.cfg.Here != nil {
		e.cfg.Here(dir, e.data(instance))
		return nil
	}
	log, err := os.OpenFile(filepath.Join(dir, logFile), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := e.cfg.Command(dir, e.data(instance))
	cmd.Stdout, cmd.Stderr = log, log
	detach(cmd)
	if err := cmd.Start(); err != nil {
		return err
	}
	return cmd.Process.Release()
}

// stop ends the instance's process and removes its runtime folder. A process that does not answer is killed.
func (e *Engine) stop(ctx context.Context, instance string) error {
	dir := e.runtime(instance)
	lock := filepath.Join(dir, lockFile)
	if !filelock.Held(lock) {
		return os.RemoveAll(dir)
	}
	patience, cancel := context.WithTimeout(ctx, answerPatience)
	defer cancel()
	told := e.call(patience, instance, http.MethodDelete, "/v1/process", nil, nil) // its end may overtake its answer
	if process := e.process(instance); process != nil && patience.Err() != nil && ctx.Err() == nil {
		told = errors.Join(told, process.Kill())
	}
	for filelock.Held(lock) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("the process of %s%s does not end: %w", instance, e.pid(instance), errors.Join(ctx.Err(), told))
		case <-time.After(10 * time.Millisecond):
		}
	}
	return os.RemoveAll(dir)
}

// call sends one request to an instance's process.
func (e *Engine) call(ctx context.Context, instance, method, path string, in, out any) error {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return e.Dial(ctx, instance)
	}}
	defer transport.CloseIdleConnections()
	text, err := json.Marshal(in)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://engine"+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return fmt.Errorf("the process of %s: %w", instance, err)
	}
	defer response.Body.Close()
	if response.StatusCode >= 300 {
		var answer struct{ Error string }
		_ = json.NewDecoder(response.Body).Decode(&answer)
		return fmt.Errorf("the process of %s: %s", instance, answer.Error)
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(out)
}
