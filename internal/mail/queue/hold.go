package queue

import (
	"errors"

	"maillab/internal/mail"
)

// Discard throws away the waiting mail that match picks, and returns how many messages that were. Call it while the
// queue is held; nobody is told.
func (q *Queue) Discard(match func(*mail.Envelope) bool) (int, error) {
	entries, _, err := q.store.list()
	if err != nil {
		return 0, err
	}
	gone := 0
	for _, e := range entries {
		if !match(e.env) {
			continue
		}
		if one := q.store.remove(e.env.ID); one != nil {
			err = errors.Join(err, one)
			continue
		}
		gone++
	}
	return gone, err
}
