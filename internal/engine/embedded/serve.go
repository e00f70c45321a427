package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"maillab/internal/control"
	"maillab/internal/engine"
	"maillab/internal/filelock"
	"maillab/internal/gateway"
	"maillab/internal/handoff"
	"maillab/internal/web"
)

// Serve is an instance's process: its gateway and all its sandboxes. It returns when ctx ends or the engine removes the
// gateway.
func Serve(ctx context.Context, runtime, data string, log *slog.Logger) error {
	// Whoever only asks whether the lock is taken holds it for an instant; whoever really has it keeps it.
	patience, done := context.WithTimeout(ctx, lockPatience)
	release, err := filelock.Wait(patience, filepath.Join(runtime, lockFile), nil)
	done()
	if err != nil {
		return fmt.Errorf("%s: another process serves this instance: %w", runtime, err)
	}
	defer release()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	labels, err := readLabels(filepath.Join(runtime, labelsFile))
	if err != nil {
		return err
	}
	if labels == nil {
		labels = map[string]string{}
	}
	labels[LabelPID] = strconv.Itoa(os.Getpid())
	if err := os.WriteFile(filepath.Join(runtime, pidFile), []byte(labels[LabelPID]), 0o600); err != nil {
		return err
	}
	p := &process{ctx: ctx, stop: stop, data: data, labels: labels, log: log, seats: map[int]*seat{}, browsers: handoff.NewQueue()}
	defer p.close()
	p.gateway = gateway.New(ctx, p, "", log)
	defer p.gateway.Close()
	page := web.New(web.Config{Name: labels[engine.LabelInstance], Reach: p.gateway.Reach, Log: log})
	go page.Serve(ctx, p.browsers)
	return p.listen(filepath.Join(runtime, socketFile))
}

// lockPatience is how long a process that starts waits for the lock.
const lockPatience = time.Second

// LabelPID is a label of the gateway: the process that an instance is, for who wants to signal it.
const LabelPID = "maillab.pid"

// process is the running instance.
type process struct {
	ctx     context.Context // of the process
	stop    func()
	data    string
	labels  map[string]string // of the gateway
	log     *slog.Logger
	gateway *gateway.Gateway

	browsers *handoff.Queue // of the class's page

	starting sync.Mutex // seats start one after the other; whoever only looks does not wait for that
	mu       sync.Mutex
	seats    map[int]*seat
}

// listen serves the control socket until ctx ends.
func (p *process) listen(socket string) error {
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err // ours from an earlier life: we hold the lock
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Handler: p.handler(), Protocols: protocols}
	defer context.AfterFunc(p.ctx, func() {
		// The answer to the request that stops us is still on its way.
		patience, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = server.Shutdown(patience)
		server.Close()
	})()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	<-p.ctx.Done()
	return nil
}

// handler serves what the engine asks for, and passes on what is for the gateway and the sandboxes.
func (p *process) handler() http.Handler {
	own := http.NewServeMux()
	own.HandleFunc("GET /v1/resources", func(w http.ResponseWriter, _ *http.Request) { control.WriteJSON(w, p.resources()) })
	own.HandleFunc("PUT /v1/resources", func(w http.ResponseWriter, r *http.Request) {
		var wanted engine.Resource
		err := json.NewDecoder(r.Body).Decode(&wanted)
		if err == nil {
			err = p.put(wanted)
		}
		answer(w, err)
	})
	own.HandleFunc("DELETE /v1/resources", func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(r.FormValue("seat"))
		if err == nil {
			err = p.remove(n)
		}
		answer(w, err)
	})
	own.HandleFunc("GET /v1/process", func(w http.ResponseWriter, _ *http.Request) { answer(w, nil) })
	own.HandleFunc("DELETE /v1/process", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, nil)
		p.stop()
	})
	passed := p.gateway.Handler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host == "engine" {
			own.ServeHTTP(w, r)
		} else {
			passed.ServeHTTP(w, r)
		}
	})
}

func answer(w http.ResponseWriter, err error) {
	if err != nil {
		control.WriteError(w, http.StatusInternalServerError, err)
		return
	}
	control.WriteJSON(w, struct{}{})
}

func (p *process) resources() []engine.Resource {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := []engine.Resource{{
		Kind: engine.Gateway, Instance: p.labels[engine.LabelInstance], State: engine.Running, Labels: p.labels,
	}}
	for _, s := range p.seats {
		all = append(all, s.resource)
	}
	engine.Sort(all)
	return all
}

// put starts a seat; one that is there stays as it is.
func (p *process) put(r engine.Resource) error {
	p.starting.Lock()
	defer p.starting.Unlock()
	if p.seat(r.Seat) != nil {
		return nil
	}
	r.State = engine.Running
	s, err := newSeat(p.ctx, r, filepath.Join(p.data, strconv.Itoa(r.Seat)), p.askFor(r.Seat), p.log)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seats[r.Seat] = s
	return nil
}

func (p *process) remove(n int) error {
	p.mu.Lock()
	s := p.seats[n]
	delete(p.seats, n)
	p.mu.Unlock()
	if s == nil {
		return nil
	}
	return s.close()
}

// seat finds a running one.
func (p *process) seat(n int) *seat {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seats[n]
}

func (p *process) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.seats {
		if err := s.close(); err != nil {
			p.log.Error("closing a seat", "seat", s.resource.Seat, "err", err)
		}
	}
}

// Control implements gateway.Sandboxes.
func (p *process) Control(t control.Target) http.Handler {
	if s := p.seat(t.Seat); s != nil {
		return s
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		control.WriteError(w, http.StatusBadGateway, fmt.Errorf("seat %d does not run", t.Seat))
	})
}

// Dial implements gateway.Sandboxes.
func (p *process) Dial(_ context.Context, t control.Target, o handoff.Offer) (net.Conn, error) {
	s := p.seat(t.Seat)
	if s == nil || o.Service == handoff.SSH {
		return nil, fmt.Errorf("seat %d has no %s here", t.Seat, o.Service)
	}
	here, there, err := handoff.Pipe()
	if err == nil {
		go s.serve(o.Service, &handoff.Conn{Conn: there, Offer: o}, o.Probe)
	}
	return here, err
}

// Serve implements gateway.Sandboxes: the daemon speaks with the student's own connection, the page with the browser's.
func (p *process) Serve(ctx context.Context, t control.Target, service string, conn net.Conn) {
	if t.Seat == control.WebSeat {
		p.browsers.Serve(ctx, conn)
		return
	}
	if s := p.seat(t.Seat); s != nil {
		s.serve(service, conn, false)
		return
	}
	conn.Close()
}
