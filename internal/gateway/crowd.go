package gateway

import (
	"net/netip"
	"sync"
	"time"
)

// crowd is who is at one door. A door, and each peer at it, may have so many connections a second; who is faster waits for
// his turn, and who would wait longer than patience is closed at once: accepting and closing costs a hundredth of what a
// connection costs a sandbox. Of the connections that a sandbox may have at a time one peer gets three quarters. Where the
// engine forwards to the gateway all peers have its address, and there is only the door's own bound.
type crowd struct {
	of     pace // of one peer
	hidden bool

	mu    sync.Mutex
	door  turn
	all   pace
	peers map[netip.Addr]*visitor
}

// pace is so many connections a second, after so many at once.
type pace struct {
	interval time.Duration
	burst    int
}

// paces of a door and of one peer at it. An sshd costs some 20 ms of a processor, a mail connection a fraction of one.
func paces(service string) (door, peer pace) {
	if service == "ssh" {
		return pace{time.Second / 50, 400}, pace{time.Second / 20, 200}
	}
	return pace{time.Second / 500, 1000}, pace{time.Second / 200, 400}
}

// patience is how long a connection may wait for its turn.
const patience = time.Second

// turn is when the next connection's turn is; what lies in the past is what may come at once.
type turn struct{ next time.Time }

// take takes the next turn and tells how long it is until then. Without patience for that, nothing is taken.
func (t *turn) take(p pace, now time.Time) (wait time.Duration, ok bool) {
	if earliest := now.Add(-time.Duration(p.burst) * p.interval); t.next.Before(earliest) {
		t.next = earliest
	}
	if wait = t.next.Sub(now); wait > patience {
		return 0, false
	}
	t.next = t.next.Add(p.interval)
	return max(wait, 0), true
}

// visitor is one peer.
type visitor struct {
	turn
	here int // connections
}

// known is how many peers are remembered before those are forgotten that are gone.
const known = 1024

func newCrowd(service string, hidden bool) *crowd {
	door, peer := paces(service)
	return &crowd{all: door, of: peer, hidden: hidden, peers: map[netip.Addr]*visitor{}}
}

// enter counts a connection in. It is to wait so long before it goes on; not ok: it is one too many.
func (c *crowd) enter(peer netip.Addr, now time.Time) (wait time.Duration, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.visitor(peer, now)
	if !c.hidden {
		if wait, ok = v.take(c.of, now); !ok {
			return 0, false
		}
	}
	atDoor, ok := c.door.take(c.all, now)
	if !ok {
		return 0, false
	}
	v.here++
	return max(wait, atDoor), true
}

// leave counts one out.
func (c *crowd) leave(peer netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v := c.peers[peer]; v != nil {
		v.here--
	}
}

// crowded tells whether a peer has more than his part of the connections that there may be.
func (c *crowd) crowded(peer netip.Addr, most int32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.peers[peer]
	return !c.hidden && v != nil && v.here > int(most)*3/4
}

func (c *crowd) visitor(peer netip.Addr, now time.Time) *visitor {
	if v := c.peers[peer]; v != nil {
		return v
	}
	if len(c.peers) >= known {
		for other, v := range c.peers {
			if v.here == 0 && v.next.Before(now) {
				delete(c.peers, other)
			}
		}
	}
	v := new(visitor)
	c.peers[peer] = v
	return v
}
