package grading

import "sync"

// changes tell who watches a student's tasks, or everybody's under "", that they may look otherwise.
type changes struct {
	mu   sync.Mutex
	next map[string]chan struct{}
}

// of is closed when there is a change.
func (c *changes) of(student string) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next == nil {
		c.next = map[string]chan struct{}{}
	}
	if c.next[student] == nil {
		c.next[student] = make(chan struct{})
	}
	return c.next[student]
}

// tell tells of students.
func (c *changes) tell(students ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, student := range append(students, "") {
		if next := c.next[student]; next != nil {
			close(next)
			delete(c.next, student)
		}
	}
}

// Changed implements control.Checker: it is closed when a student's tasks may look otherwise, or anybody's.
func (g *Grading) Changed(student string) <-chan struct{} { return g.changes.of(student) }
