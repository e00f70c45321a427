package mbox

import (
	"context"
	"errors"
	"slices"

	"maillab/internal/mail"
)

// appender is a box that is appended to: see submit.
type appender struct{ *box }

// request is what one caller wants appended to one mailbox: all of it or nothing.
type request struct {
	messages []*mail.Delivery
	wantUIDs bool
	uids     []uint32
	err      error
	done     chan struct{}
}

func (r *request) size() (n int64) {
	for _, d := range r.messages {
		n += d.Size()
	}
	return n
}

// Deliver appends each message to its mailbox and returns when those that could be are durable: one error for each
// delivery, nil when it is on disk. ErrLocked, ErrFull, ErrTooBig and ErrRefused tell why one is not; a mailbox that
// fails never keeps another one's mail.
//
// Deliveries that meet at a mailbox are written together and synced once. A context that ends takes back what has not
// been begun.
func (s *Spool) Deliver(ctx context.Context, ds []mail.Delivery) []error {
	errs := make([]error, len(ds))
	reqs := make([]*request, len(ds))
	boxes := make([]*box, len(ds))
	for i := range ds {
		d := ds[i] // a copy of our own: At may be filled in
		b, err := s.box(d.User, d.Box)
		if err != nil {
			errs[i] = err
			continue
		}
		boxes[i], reqs[i] = b, &request{messages: []*mail.Delivery{&d}, done: make(chan struct{})}
		appender{b}.submit(reqs[i])
	}
	for i, r := range reqs {
		if r != nil {
			errs[i] = appender{boxes[i]}.wait(ctx, r)
			s.letGo(boxes[i])
		}
	}
	return errs
}

// letGo releases a mailbox after a delivery, whose outcome does not depend on it.
func (s *Spool) letGo(b *box) {
	if err := s.release(b); err != nil {
		s.cfg.Log.Warn("mailbox not closed well", "user", b.user, "box", b.name, "error", err)
	}
}

// submit queues a request and makes sure that somebody works on the queue.
func (b appender) submit(r *request) {
	now := b.spool.cfg.Now()
	for _, d := range r.messages {
		if d.At.IsZero() {
			d.At = now
		}
	}
	b.qmu.Lock()
	defer b.qmu.Unlock()
	b.queue = append(b.queue, r)
	if !b.leading {
		b.leading = true
		b.spool.leader.Go(b.lead)
	}
}

// wait returns when the request is settled. One that is still queued when the context ends is taken back.
func (b appender) wait(ctx context.Context, r *request) error {
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
	}
	b.qmu.Lock()
	i := slices.Index(b.queue, r)
	if i >= 0 {
		b.queue = slices.Delete(b.queue, i, i+1)
	}
	b.qmu.Unlock()
	if i >= 0 {
		return ctx.Err()
	}
	<-r.done // it is being written: whether it is on disk must be known
	return r.err
}

// A group ends at so many bytes or messages, so that the first of it does not wait for the last of a flood.
const (
	groupBytes    = 4 << 20
	groupRequests = 500
)

// lead appends group after group until the queue is empty. While it syncs one, the next one gathers.
func (b appender) lead() {
	for {
		group := b.takeGroup()
		if group == nil {
			return
		}
		b.appendGroup(group)
		for _, r := range group {
			close(r.done)
		}
	}
}

func (b appender) takeGroup() []*request {
	b.qmu.Lock()
	defer b.qmu.Unlock()
	n, bytes := 0, int64(0)
	for n < len(b.queue) && n < groupRequests && (n == 0 || bytes < groupBytes) {
		bytes += b.queue[n].size()
		n++
	}
	if n == 0 {
		b.leading = false
		return nil
	}
	group := slices.Clone(b.queue[:n])
	b.queue = slices.Delete(b.queue, 0, n)
	return group
}

// appendGroup writes a group at once. When that fails for want of space, each request is tried by itself: a small one
// may fit where a big one does not.
func (b appender) appendGroup(group []*request) {
	err := b.appendLocked(group)
	if len(group) > 1 && (errors.Is(err, mail.ErrFull) || errors.Is(err, mail.ErrTooBig)) {
		for _, r := range group {
			r.err = b.appendLocked([]*request{r})
		}
		return
	}
	for _, r := range group {
		r.err = err
	}
}
