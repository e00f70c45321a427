package mesh

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"maillab/internal/control"
)

// Stamp says which picture one is. The zero Stamp is none's.
type Stamp struct {
	Version int64  `json:"version"`
	Mark    string `json:"mark"`
}

func stampOf(d control.Doors) Stamp {
	if d.Mesh == nil || d.Mesh.Taken == nil {
		return Stamp{}
	}
	return Stamp{d.Mesh.Version, d.Mesh.Taken.Mark}
}

// newer: of two pictures of one version, which two controllers have put at the same time, one wins everywhere.
func (s Stamp) newer(o Stamp) bool {
	return s.Version > o.Version || s.Version == o.Version && s.Mark > o.Mark
}

// Propose completes a picture that the controller puts to this node, or says why it is not taken. What moves seats or
// changes the nodes is taken only where the picture before it is a majority's: else a node that is cut off could still be served
// by others under a picture that nobody here knows.
func (m *Mesh) Propose(d control.Doors) (control.Doors, error) {
	if d.Mesh == nil {
		return d, errors.New("this gateway is one of several: the doors do not say which")
	}
	if err := sound(d); err != nil {
		return d, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.picture
	if d.Mesh.Version <= m.seen.Version {
		return d, fmt.Errorf("picture %d of the mesh is not newer than the one that is known here: %d", d.Mesh.Version, m.seen.Version)
	}
	taken := &control.Taken{Mark: rand.Text()}
	if now.Mesh != nil {
		moved, err := moves(now, d)
		if err != nil {
			return d, err
		}
		settled, lacks := m.has(now, d.Mesh.Lost)
		if moved && !settled {
			return d, fmt.Errorf("seats are not moved now: %w", lacks)
		}
		switch {
		case !now.Mesh.Alike(d.Mesh):
			taken.Before = without(ids(now.Mesh.Nodes), now.Mesh.Lost) // those that served until now
		case !settled:
			taken.Before = now.Mesh.Taken.Before
		}
	}
	mesh := *d.Mesh
	mesh.Taken, d.Mesh = taken, &mesh
	return d, nil
}

// has tells whether a majority has the picture that is in force here, not counting who is said to be lost. This node need not be one of
// them: it may have come back, and hears what the others have. The lock is held.
func (m *Mesh) has(now control.Doors, lost []string) (bool, error) {
	mesh := *now.Mesh
	mesh.Lost = append(slices.Clone(mesh.Lost), lost...)
	_, err := majorities(&mesh, m.cfg.Node, votes(m.peers), m.cfg.Now(), m.cfg.Lease)
	return err == nil, err
}

// Settle waits, before a picture is proposed, until a majority has the one that is in force here: who puts two, one after the
// other, need not know of it. Where there is none, for this gateway was made anew, it asks the nodes of the proposed one for theirs.
// It waits for who is away, but not for ever.
func (m *Mesh) Settle(ctx context.Context, proposed control.Doors) {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	m.mu.Lock()
	if m.picture.Mesh == nil && proposed.Mesh != nil && sound(proposed) == nil {
		m.meet(proposed.Mesh.Nodes)
	}
	m.mu.Unlock()
	for {
		m.mu.Lock()
		done, changed := m.settled || m.picture.Mesh == nil && asked(m.peers), m.changed
		m.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// asked tells whether every peer has answered once, or has not been there. The mesh's lock is held.
func asked(peers map[string]*peer) bool {
	for _, p := range peers {
		if errors.Is(p.problem, errNotYet) {
			return false
		}
	}
	return true
}

// sound says what is wrong with a picture by itself.
func sound(d control.Doors) error {
	known := map[string]bool{}
	for _, n := range d.Mesh.Nodes {
		if _, _, err := net.SplitHostPort(n.Address); err != nil || n.ID == "" || n.ID == control.GatewayHost || strings.HasPrefix(n.ID, "seat-") || strings.ContainsAny(n.ID, "/:@?#% ") {
			return fmt.Errorf("node %q at %q: it needs a plain ID and a host with a port", n.ID, n.Address)
		}
		if known[n.ID] {
			return fmt.Errorf("node %q is named twice", n.ID)
		}
		known[n.ID] = true
	}
	for _, t := range d.Targets() {
		if t.Node != "" && !known[t.Node] {
			return fmt.Errorf("%s is on node %q, which is not one of the mesh", t.Name(), t.Node)
		}
	}
	return nil
}

// moves tells whether a picture takes a seat, or a node, away from where it was. A seat that goes to another node has to be
// placed there anew.
func moves(now, next control.Doors) (bool, error) {
	was := map[int]control.Target{}
	for _, t := range now.Targets() {
		was[t.Seat] = t
	}
	moved := !now.Mesh.Alike(next.Mesh)
	for _, t := range next.Targets() {
		before, there := was[t.Seat]
		if !there || before.Node == "" {
			continue
		}
		if t.Incarnation < before.Incarnation || t.Node != before.Node && t.Incarnation == before.Incarnation {
			return false, fmt.Errorf("%s goes from node %q to %q and its incarnation from %d to %d: it has to grow", t.Name(), before.Node, t.Node,
				before.Incarnation, t.Incarnation)
		}
		moved = moved || t.Node != before.Node || t.Incarnation != before.Incarnation
	}
	return moved, nil
}

func ids(nodes []control.Node) (ids []string) {
	for _, n := range nodes {
		ids = append(ids, n.ID)
	}
	return ids
}

// Await waits until this node serves a sandbox, or for so long.
func (m *Mesh) Await(ctx context.Context, t control.Target, patience time.Duration) (context.Context, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		m.mu.Lock()
		changed := m.changed
		m.mu.Unlock()
		term, err := m.Term(t)
		if err == nil {
			return term, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, err
		}
	}
}
