package maild

import (
	"context"
	"fmt"
	"sync"
	"time"

	"maillab/internal/mail"
	"maillab/internal/spec"
)

// recount is how long a count of a student's mail is trusted: what students themselves remove or write is seen by then.
const recount = time.Second

// room is what each student may have of mail, over all mailboxes of all accounts. A neighbour who sends to many of them
// gets no further than one who sends to one. Between two counts what was let in is added.
type room struct {
	limit int64 // octets; 0 is none
	used  func(ctx context.Context, account string) (int64, error)
	now   func() time.Time
	of    map[string][]string // the accounts of who has an account

	mu     sync.Mutex
	counts map[string]*count // by the student's first account
}

// count is what a student's mail takes.
type count struct {
	mu     sync.Mutex // held while it is counted: the student's other deliveries wait, nobody else's
	octets int64
	at     time.Time
}

func newRoom(accounts []spec.Account, limit int64, used func(context.Context, string) (int64, error), now func() time.Time) *room {
	r := &room{limit: limit, used: used, now: now, of: map[string][]string{}, counts: map[string]*count{}}
	byStudent := map[string][]string{}
	for _, a := range accounts {
		if a.Student != "" {
			byStudent[a.Student] = append(byStudent[a.Student], a.Name)
		}
	}
	for _, a := range accounts {
		r.of[a.Name] = byStudent[a.Student]
	}
	return r
}

// accounts are those that an account's mail is counted with.
func (r *room) accounts(account string) []string {
	if all := r.of[account]; len(all) > 0 {
		return all
	}
	return []string{account}
}

// take lets octets in, or refuses them. What is refused by an old count is counted anew first.
func (r *room) take(ctx context.Context, account string, octets int64) error {
	if r.limit <= 0 {
		return nil
	}
	c := r.count(account)
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.now().Sub(c.at) >= recount {
		if err := r.look(ctx, account, c); err != nil {
			return err
		}
	}
	if c.octets+octets > r.limit {
		return fmt.Errorf("%d octets of mail, %d may be, %d more: %w", c.octets, r.limit, octets, mail.ErrFull)
	}
	c.octets += octets
	return nil
}

// quota is what a student's mail takes and may take.
func (r *room) quota(ctx context.Context, account string) (used, limit int64, err error) {
	c := r.count(account)
	c.mu.Lock()
	defer c.mu.Unlock()
	err = r.look(ctx, account, c)
	return c.octets, r.limit, err
}

func (r *room) count(account string) *count {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := r.accounts(account)[0]
	if r.counts[first] == nil {
		r.counts[first] = &count{}
	}
	return r.counts[first]
}

// look counts. The count is the caller's to change.
func (r *room) look(ctx context.Context, account string, c *count) error {
	at, total := r.now(), int64(0)
	for _, one := range r.accounts(account) {
		octets, err := r.used(ctx, one)
		if err != nil {
			return fmt.Errorf("counting the mail of %s: %w", one, err)
		}
		total += octets
	}
	c.octets, c.at = total, at
	return nil
}
