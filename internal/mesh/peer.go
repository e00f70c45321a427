package mesh

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"maillab/internal/control"
)

// peer is another node.
type peer struct {
	control.Node
	stop    context.CancelFunc
	ctx     context.Context // ends with stop
	wake    chan struct{}   // for a beat before its time
	tickets tls.ClientSessionCache

	// Under the mesh's lock:
	vote     time.Duration // when the last beat was sent that was answered with the picture in force here
	voted    bool
	heard    bool
	since    time.Time // for people
	problem  error
	said     beat
	answered chan struct{} // closed at its next answer
}

// beat is what two gateways say to each other all the time.
type beat struct {
	Node    string   `json:"node"`
	Seen    Stamp    `json:"seen"` // the newest picture that it has heard of
	Has     Stamp    `json:"has"`  // the one that it has
	Serving bool     `json:"serving"`
	Shut    []string `json:"shut,omitempty"` // listening addresses of doors that do not open there
}

var errNotYet = errors.New("it has not been heard yet")

func (m *Mesh) newPeer(n control.Node) *peer {
	p := &peer{Node: n, wake: make(chan struct{}, 1), tickets: tls.NewLRUClientSessionCache(4), since: time.Now(),
		problem: errNotYet, answered: make(chan struct{})}
	p.ctx, p.stop = context.WithCancel(m.ctx)
	return p
}

func (p *peer) nudge() {
	select {
	case p.wake <- struct{}{}:
	default: // it is awake
	}
}

// state is what is known of it. The mesh's lock is held.
func (p *peer) state() control.NodeState {
	s := control.NodeState{Node: p.Node, Heard: p.heard, Since: p.since, Version: p.said.Seen.Version, Serving: p.heard && p.said.Serving, Shut: p.said.Shut}
	if p.problem != nil {
		s.Problem = p.problem.Error()
	}
	return s
}

// hear beats until the peer is not in the picture any more.
func (m *Mesh) hear(p *peer) {
	for p.ctx.Err() == nil {
		m.note(p, m.exchange(p))
		select {
		case <-p.ctx.Done():
		case <-p.wake:
		case <-time.After(m.cfg.Beat):
		}
	}
}

// exchange beats once, and brings whoever has the older picture the other's.
func (m *Mesh) exchange(p *peer) error {
	said, err := m.ask(p, http.MethodPost, "/v1/beat", m.beat())
	if err != nil {
		return err
	}
	m.mu.Lock()
	mine, known := m.picture, m.seen
	m.mu.Unlock()
	have := stampOf(mine)
	switch {
	case said.Has.newer(known) || said.Has == known && have != known:
		var theirs control.Doors
		if err := m.request(p, http.MethodGet, "/v1/picture", nil, &theirs); err != nil {
			return err
		}
		return m.cfg.Local.Take(theirs)
	case have == known && have.newer(said.Has) && !said.Seen.newer(have):
		_, err := m.ask(p, http.MethodPut, "/v1/picture", mine)
		return err
	}
	return nil
}

// ask is a request that is answered with a beat, which is a vote if the peer has our picture by then.
func (m *Mesh) ask(p *peer, method, path string, body any) (said beat, err error) {
	sent := m.cfg.Now()
	if err := m.request(p, method, path, body, &said); err != nil {
		return said, err
	}
	if said.Node != p.ID {
		return said, fmt.Errorf("who answers at %s is node %q", p.Address, said.Node)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	p.said = said
	if have := stampOf(m.picture); said.Seen == have && said.Has == have && have == m.seen {
		p.vote, p.voted = sent, true
	}
	close(p.answered)
	p.answered = make(chan struct{})
	m.update()
	return said, nil
}

// note keeps whether a peer is heard, and says when that changes.
func (m *Mesh) note(p *peer, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p.ctx.Err() != nil {
		return
	}
	heard, first := err == nil, errors.Is(p.problem, errNotYet)
	p.problem = err
	if heard == p.heard && !first {
		return
	}
	m.cfg.Log.Info("a node", "node", p.ID, "heard", heard, "err", err)
	if heard != p.heard {
		p.heard, p.since = heard, time.Now()
	}
	m.tell()
}

// beat is this node's own.
func (m *Mesh) beat() beat {
	shut := m.cfg.Local.Shut()
	m.mu.Lock()
	defer m.mu.Unlock()
	return beat{Node: m.cfg.Node, Seen: m.seen, Has: stampOf(m.picture), Serving: m.serving, Shut: shut}
}

// pictureMost bounds a picture, in octets: a thousand seats' doors take a tenth of it.
const pictureMost = 4 << 20

func (m *Mesh) request(p *peer, method, path string, body, answer any) error {
	ctx, cancel := context.WithTimeout(p.ctx, m.cfg.Lease/3)
	defer cancel()
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://"+p.ID+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	response, err := m.beats.RoundTrip(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	in := io.LimitReader(response.Body, pictureMost)
	if response.StatusCode != http.StatusOK {
		told := control.Error{Status: response.StatusCode}
		_ = json.NewDecoder(in).Decode(&told)
		return fmt.Errorf("%s %s of node %q: %d %s", method, path, p.ID, told.Status, told.Text)
	}
	return json.NewDecoder(in).Decode(answer)
}

// answers are what peers are told.
func (m *Mesh) answers() http.Handler {
	passed := m.cfg.Local.Passed()
	mux := http.NewServeMux()
	mux.Handle("/", passed)
	mux.HandleFunc("POST /v1/beat", func(w http.ResponseWriter, r *http.Request) {
		var theirs beat
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, pictureMost)).Decode(&theirs); err != nil {
			control.WriteError(w, http.StatusBadRequest, err)
			return
		}
		m.mu.Lock()
		if p := m.peers[theirs.Node]; p != nil && (theirs.Has.newer(m.seen) || !p.heard) {
			p.nudge()
		}
		m.mu.Unlock()
		control.WriteJSON(w, m.beat())
	})
	mux.HandleFunc("GET /v1/picture", func(w http.ResponseWriter, _ *http.Request) {
		m.mu.Lock()
		d := m.picture
		m.mu.Unlock()
		control.WriteJSON(w, d)
	})
	mux.HandleFunc("PUT /v1/picture", func(w http.ResponseWriter, r *http.Request) {
		var d control.Doors
		err := json.NewDecoder(http.MaxBytesReader(w, r.Body, pictureMost)).Decode(&d)
		if err == nil {
			err = m.cfg.Local.Take(d)
		}
		if err != nil {
			control.WriteError(w, http.StatusConflict, err)
			return
		}
		control.WriteJSON(w, m.beat())
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host == m.cfg.Node {
			mux.ServeHTTP(w, r)
		} else {
			passed.ServeHTTP(w, r)
		}
	})
}
