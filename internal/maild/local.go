package maild

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"

	"maillab/internal/mail"
	"maillab/internal/mail/mbox"
	"maillab/internal/mail/queue"
)

// spool puts the queue's deliveries into mailboxes, and records them.
type spool struct {
	s      *mbox.Spool
	full   func([]mail.Delivery) []bool
	record func([]mail.Delivery, []error)
}

// Deliver implements queue.Mailboxes: copies are delivered together, unless somebody wants to hear of each as soon as it is
// there.
func (m spool) Deliver(ctx context.Context, deliveries []mail.Delivery) []error {
	var errs []error
	full := m.full(deliveries)
	if !slices.Contains(full, true) && deliveries[0].Done == nil {
		errs = m.s.Deliver(ctx, deliveries)
	} else {
		errs = make([]error, len(deliveries))
		var all sync.WaitGroup
		for i := range deliveries {
			all.Go(func() {
				if errs[i] = mail.ErrQuota; !full[i] { // not ErrFull: a message is taken first and waits then
					errs[i] = m.s.Deliver(ctx, deliveries[i:i+1])[0]
				}
				if done := deliveries[i].Done; done != nil {
					done(errs[i])
				}
			})
		}
		all.Wait()
	}
	m.record(deliveries, errs)
	return errs
}

// people are the accounts of the spec, for the queue.
type people struct {
	d      *Daemon
	byName map[string]queue.Account
	byUID  map[int]queue.Account
}

func newPeople(d *Daemon) *people {
	p := &people{d: d, byName: map[string]queue.Account{}, byUID: map[int]queue.Account{}}
	for _, a := range d.cfg.Spec.Accounts {
		account := queue.Account{Name: a.Name, UID: d.cfg.UID(a.Name), FullName: a.FullName}
		p.byName[a.Name] = account
		if account.UID != 0 { // 0 is root, or that there are no system accounts
			p.byUID[account.UID] = account
		}
	}
	return p
}

// Lookup implements queue.Accounts. Local parts are matched without regard to case, as Postfix does.
func (p *people) Lookup(name string) (queue.Account, bool) {
	a, ok := p.byName[name]
	if !ok {
		a, ok = p.byName[strings.ToLower(name)]
	}
	return a, ok
}

// LookupUID implements queue.Accounts. root has no mailbox of its own, but may send.
func (p *people) LookupUID(uid int) (queue.Account, bool) {
	if uid == 0 {
		return queue.Account{Name: "root", FullName: "root"}, true
	}
	a, ok := p.byUID[uid]
	return a, ok
}

// forwardLimit bounds a .forward: its longest sensible form is a list of addresses.
const forwardLimit = 64 << 10

// Forward implements queue.Accounts.
func (p *people) Forward(ctx context.Context, name string) ([]byte, error) {
	f, err := p.d.cfg.Files.Open(ctx, name, ".forward", os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, forwardLimit))
}
