package web

import "sync"

// changes are told to whoever waits for the next one. Nothing else is locked while one is told or asked for, so both may be done
// under any lock.
type changes struct {
	mu   sync.Mutex
	next chan struct{} // nil: nobody waits
}

// tell wakes who waits.
func (c *changes) tell() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next != nil {
		close(c.next)
		c.next = nil
	}
}

// wait is closed at the next change. Who asks before looking misses none.
func (c *changes) wait() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next == nil {
		c.next = make(chan struct{})
	}
	return c.next
}
