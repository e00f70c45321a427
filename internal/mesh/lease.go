package mesh

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"maillab/internal/control"
)

// The rule (docs/decisions/0105): a node serves its seats as long as a majority of the nodes has answered a beat that it sent less
// than Lease ago, each with the very picture that it had itself; where the nodes of the picture before were others, also a majority
// of those. A new picture does not end the lease that it had under the one before, but what it places here begins
// only under its own. A seat that has been placed anew is served here only once every other node has this picture, or when
// Lease and one Beat more have passed since a majority had it: whoever served the seat before under an older picture has had no
// majority for it since, for any two majorities have a node in common.

// holding is a seat as it was placed once.
type holding struct{ seat, incarnation int }

// tenure is a holding of this node's.
type tenure struct {
	since time.Duration   // a majority first had a picture that places it here
	free  bool            // whoever had it before has let go of it: that stays so, whatever pictures come
	term  context.Context // nil: it is not served now
	end   context.CancelFunc
}

var (
	errNoPicture = errors.New("this gateway has not heard yet which nodes there are")
	errNoNode    = errors.New("this gateway serves nothing")
)

// leaseEnd is when a node's lease under a picture ends; votes are when the beats were sent that were answered with its own picture.
func leaseEnd(mesh *control.Mesh, self string, votes map[string]time.Duration, now, lease time.Duration) (time.Duration, error) {
	nodes := ids(mesh.Nodes)
	switch {
	case !slices.Contains(nodes, self):
		return 0, fmt.Errorf("%w: node %q is not in the picture any more", errNoNode, self)
	case slices.Contains(mesh.Lost, self):
		return 0, fmt.Errorf("%w: node %q is said to be lost", errNoNode, self)
	}
	return majorities(mesh, self, votes, now, lease)
}

// majorities is until when those count that a picture needs, as self hears them: of its nodes, and of those of the picture before.
func majorities(mesh *control.Mesh, self string, votes map[string]time.Duration, now, lease time.Duration) (time.Duration, error) {
	lists := [][]string{ids(mesh.Nodes)}
	if mesh.Taken != nil && mesh.Taken.Before != nil {
		lists = append(lists, mesh.Taken.Before)
	}
	end := now + lease
	for _, list := range lists {
		list = without(list, mesh.Lost)
		since, ok := majority(list, self, votes, now)
		if !ok || since+lease <= now {
			return 0, fmt.Errorf("node %q hears %d of %d nodes, and serves nothing until it hears a majority", self, heard(list, self, votes, now-lease), len(list))
		}
		end = min(end, since+lease)
	}
	return end, nil
}

// without is a list less some.
func without(list, some []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(id string) bool { return slices.Contains(some, id) })
}

// majority is the last time at which a majority had voted: the age of the oldest vote that it needs.
func majority(list []string, self string, votes map[string]time.Duration, now time.Duration) (since time.Duration, ok bool) {
	type vote struct {
		at     time.Duration
		weight int
	}
	var cast []vote
	all := 0
	for i, id := range list {
		weight := control.Votes(i, len(list))
		all += weight
		if at, voted := votes[id]; id == self {
			cast = append(cast, vote{now, weight})
		} else if voted {
			cast = append(cast, vote{at, weight})
		}
	}
	slices.SortStableFunc(cast, func(a, b vote) int { return cmp.Compare(b.at, a.at) })
	count := 0
	for _, v := range cast {
		if count += v.weight; 2*count > all {
			return v.at, true
		}
	}
	return 0, len(list) == 0
}

// heard counts the nodes that are heard, itself among them.
func heard(list []string, self string, votes map[string]time.Duration, after time.Duration) (n int) {
	for _, id := range list {
		if at, voted := votes[id]; id == self || voted && at > after {
			n++
		}
	}
	return n
}

// votes are when each peer's last beat was sent that was answered with the picture that is in force here. The mesh's lock is held.
func votes(peers map[string]*peer) map[string]time.Duration {
	votes := map[string]time.Duration{}
	for id, p := range peers {
		if p.voted {
			votes[id] = p.vote
		}
	}
	return votes
}

// update brings what is served to what may be. The lock is held.
func (m *Mesh) update() {
	if m.picture.Mesh == nil {
		return
	}
	now, votes, was := m.cfg.Now(), votes(m.peers), [2]bool{m.serving, m.settled}
	end, why := leaseEnd(m.picture.Mesh, m.cfg.Node, votes, now, m.cfg.Lease)
	switch m.settled = why == nil; {
	case m.settled:
		m.until = max(m.until, end)
	case errors.Is(why, errNoNode):
		m.until = 0
	}
	if m.serving = now < m.until; m.serving {
		why = nil
	}
	m.why = why
	changed := was != [2]bool{m.serving, m.settled}
	all := m.everybody(votes)
	here := map[holding]bool{}
	for _, t := range m.picture.Targets() {
		if !m.Here(t) {
			continue
		}
		h := holding{t.Seat, t.Incarnation}
		here[h] = true
		if m.held[h] == nil && m.settled {
			m.held[h] = &tenure{since: now}
		}
		if k := m.held[h]; k != nil {
			k.free = k.free || t.Incarnation <= 1 || all || now >= k.since+m.cfg.Lease+m.cfg.Beat
			changed = k.serve(m.ctx, m.serving && k.free) || changed
		}
	}
	for h, k := range m.held {
		if !here[h] {
			changed = k.serve(m.ctx, false) || changed
			delete(m.held, h)
		}
	}
	if changed {
		m.tell()
	}
}

// everybody tells whether every other node, of the picture before too, has answered with this one since it is in force. The lock is
// held.
func (m *Mesh) everybody(votes map[string]time.Duration) bool {
	for _, id := range append(ids(m.picture.Mesh.Nodes), m.picture.Mesh.Taken.Before...) {
		if _, voted := votes[id]; !voted && id != m.cfg.Node {
			return false
		}
	}
	return true
}

// serve begins or ends a term, and tells whether that is a change.
func (k *tenure) serve(ctx context.Context, may bool) (changed bool) {
	switch {
	case may && k.term == nil:
		k.term, k.end = context.WithCancel(ctx)
	case !may && k.term != nil:
		k.end()
		k.term = nil
	default:
		return false
	}
	return true
}

// Term is a context that ends when this node does not serve a sandbox any more, as it is placed now.
func (m *Mesh) Term(t control.Target) (context.Context, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.held[holding{t.Seat, t.Incarnation}]
	switch {
	case !m.Here(t):
		return nil, fmt.Errorf("%s is not on node %q", t.Name(), m.cfg.Node)
	case !m.serving:
		return nil, m.why
	case k == nil:
		return nil, fmt.Errorf("%s has just been placed: node %q has not heard from a majority yet", t.Name(), m.cfg.Node)
	case k.term == nil:
		return nil, fmt.Errorf("%s was elsewhere before: not every node has said that it knows, and node %q waits until they must have let go of it",
			t.Name(), m.cfg.Node)
	}
	return k.term, nil
}
