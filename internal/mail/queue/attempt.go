package queue

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"maillab/internal/mail"
	"maillab/internal/mail/addrspec"
)

// outcome is what one attempt did for one recipient, with what the log wants to know.
type outcome struct {
	rcpt    int
	to      string // as resolved
	process string // local, smtp, error
	relay   string
	delays  mail.Delays
	result
}

// attempt tries all open recipients of an entry once, keeps what came of it, tells the sender what there is to tell, and
// says when the next attempt is due.
func (q *Queue) attempt(ctx context.Context, e *entry) {
	begin := q.cfg.Now()
	open := e.pending()
	if !e.fresh && len(open) > 0 {
		q.logActive(e)
	}
	e.fresh, e.settled = false, 0
	locals, servers := q.sort(ctx, e, begin)
	q.attemptLocal(ctx, e, locals, begin)
	q.attemptServers(ctx, e, servers, begin)
	if e.settled < len(open) && ctx.Err() != nil {
		q.keep(e)
		return
	}
	q.close(context.WithoutCancel(ctx), e) // what is done is done: it is told and written down, a matter of local files
}

// sort settles the recipients that lead nowhere and parts the others: those with a mailbox here, and those of each
// server.
func (q *Queue) sort(ctx context.Context, e *entry, begin time.Time) (locals []copyFor, servers map[server][]copyFor) {
	servers = make(map[server][]copyFor)
	for _, i := range e.pending() {
		d := q.resolve(e.env.Recipients[i].Full)
		c := copyFor{i, d}
		switch d.kind {
		case toServer:
			servers[d.server] = append(servers[d.server], c)
		case toMailbox:
			if q.forward(ctx, e, c, begin) {
				locals = append(locals, c)
			}
		case toNothing:
			locals = append(locals, c)
		case toNobody:
			local, _ := splitAddress(d.address)
			q.settleLocal(e, c, begin, result{State: stateBounced, DSN: "5.1.1", Text: fmt.Sprintf("unknown user: %q", local)})
		case toDenied:
			q.settle(e, outcome{rcpt: i, to: d.address, process: "error", relay: "none", delays: e.delays(begin, begin),
				result: result{State: stateBounced, DSN: "5.7.1", Text: "Relay access denied"}})
		}
	}
	return locals, servers
}

// settleLocal keeps and logs what local delivery did for one recipient.
func (q *Queue) settleLocal(e *entry, c copyFor, begin time.Time, r result) {
	q.settle(e, outcome{rcpt: c.rcpt, to: c.dest.address, process: "local", relay: "local",
		delays: e.delays(begin, q.cfg.Now()), result: r})
}

// settle keeps and logs an outcome.
func (q *Queue) settle(e *entry, o outcome) {
	q.mu.Lock()
	e.settle(o.rcpt, o.result, q.cfg.Now())
	e.states[o.rcpt].To = o.to
	e.settled++
	q.mu.Unlock()
	q.logStatus(o.process, e, o.rcpt, o.to, o.relay, o.delays)
}

// forward does what a recipient's .forward asks. It returns whether the mailbox is to have the message.
func (q *Queue) forward(ctx context.Context, e *entry, c copyFor, begin time.Time) (mailbox bool) {
	r, account := e.env.Recipients[c.rcpt], c.dest.account
	if e.wasAt(r.Full) {
		q.settleLocal(e, c, begin, result{State: stateBounced, DSN: "5.4.6", Text: "mail forwarding loop for " + r.Full})
		return false
	}
	targets, err := q.forwards(ctx, account.Name)
	if err != nil {
		q.settleLocal(e, c, begin, result{State: stateDeferred, DSN: "4.3.0", Text: "cannot read .forward: " + cause(err)})
		return false
	}
	if len(targets) == 0 {
		return true
	}
	var others []mail.Recipient
	for _, t := range targets {
		address := q.Complete(t.Address)
		if d := q.resolve(address); d.kind == toMailbox && d.account.Name == account.Name {
			mailbox = true
			continue
		}
		others = append(others, mail.Recipient{Address: mail.Address{Typed: r.Typed, Full: address}, Notify: r.Notify, ORcpt: r.ORcpt})
	}
	if len(others) == 0 {
		return true
	}
	id, err := q.sendOn(ctx, e, r.Full, others)
	if err != nil {
		q.settleLocal(e, c, begin, result{State: stateDeferred, DSN: "4.3.0", Text: "cannot forward: " + cause(err)})
		return false
	}
	sent := result{State: stateSent, DSN: "2.0.0", Text: "forwarded as " + id}
	if mailbox {
		// The mailbox's own copy decides what becomes of the recipient; that it was forwarded is only told.
		return q.forwardedToo(e, c, begin, sent)
	}
	q.settleLocal(e, c, begin, sent)
	return false
}

// forwardedToo logs that a message went on besides staying here.
func (q *Queue) forwardedToo(e *entry, c copyFor, begin time.Time, r result) bool {
	st := mail.Status{To: addrspec.Quote(c.dest.address), Relay: "local", Delays: e.delays(begin, q.cfg.Now()), DSN: r.DSN, State: r.State, Text: r.Text}
	if typed := e.env.Recipients[c.rcpt].Typed; typed != st.To {
		st.OrigTo = addrspec.Quote(typed)
	}
	q.cfg.Log.Status("local", e.env.ID, st)
	return true
}

// sendOn puts a copy of a message into the queue for the addresses of a .forward. The copy tells whose mailbox it was
// at, which is how a loop is found when it comes back.
func (q *Queue) sendOn(ctx context.Context, e *entry, at string, to []mail.Recipient) (id string, err error) {
	text, err := q.store.text(e)
	if err != nil {
		return "", err
	}
	now := q.cfg.Now()
	env := &mail.Envelope{ID: q.NewID(), Sender: e.env.Sender, Recipients: to, Arrived: now, EnvID: e.env.EnvID, Ret: e.env.Ret,
		UTF8: e.env.UTF8, Spared: e.env.Spared}
	c := &composer{q: q, env: env}
	c.received()
	c.out.put("Delivered-To: " + oneLine(addrspec.Quote(at)))
	size := c.out.size + e.size
	c.out.write(text)
	next := q.entryFor(env, &message{size: size, messageID: e.messageID})
	next.deliveredTo = append(next.deliveredTo, e.deliveredTo...)
	next.deliveredTo = append(next.deliveredTo, lower(at))
	return env.ID, q.enqueue(next, c.out.b)
}

// attemptLocal delivers to mailboxes here.
func (q *Queue) attemptLocal(ctx context.Context, e *entry, copies []copyFor, begin time.Time) {
	if len(copies) == 0 || ctx.Err() != nil {
		return
	}
	text, err := q.store.text(e)
	o := &outcomes{settled: make([]bool, len(copies)), settle: func(i int, err error) {
		if err == nil || ctx.Err() == nil { // what was cut short was never tried
			q.settleLocal(e, copies[i], begin, localResult(err, copies[i].dest.kind, e.env.Box))
		}
	}, keep: func() { q.keep(e) }}
	errs := slices.Repeat([]error{err}, len(copies))
	if err == nil && len(copies) > 1 {
		errs = q.deliver(ctx, e, copies, text, o.early)
	} else if err == nil {
		errs = q.deliver(ctx, e, copies, text, nil)
	}
	for i, err := range errs {
		o.late(i, err)
	}
}

// outcomes are what becomes of several copies. While one waits for its mailbox, what became of the others is written
// down: a daemon that is killed meanwhile must not deliver those again.
type outcomes struct {
	settle func(i int, err error)
	keep   func()

	mu      sync.Mutex
	settled []bool
}

// early is told of a copy before all have ended.
func (o *outcomes) early(i int, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.settled[i] = true
	o.settle(i, err)
	if slices.Contains(o.settled, false) {
		o.keep()
	}
}

// late is told of all copies in the end.
func (o *outcomes) late(i int, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.settled[i] {
		o.settle(i, err)
	}
}

// attemptServers speaks to all servers side by side.
func (q *Queue) attemptServers(ctx context.Context, e *entry, servers map[server][]copyFor, begin time.Time) {
	if ctx.Err() != nil {
		return
	}
	results := make(chan []outcome)
	for s, copies := range servers {
		go func() { results <- q.speak(ctx, e, s, copies, begin) }()
	}
	for range servers {
		for _, o := range <-results {
			if ctx.Err() == nil || o.State == stateSent { // what was cut short was never tried
				q.settle(e, o)
			}
		}
	}
}

// close ends an attempt: expiry, reports to the sender, and what comes next.
func (q *Queue) close(ctx context.Context, e *entry) {
	now := q.cfg.Now()
	if len(e.pending()) > 0 && since(e.queued, now) >= q.cfg.Times.Expire {
		q.cfg.Log.Expired(e.env.ID, addrspec.Quote(e.env.Sender.Full))
		q.mu.Lock()
		for _, i := range e.pending() {
			e.states[i].State = stateBounced
		}
		q.mu.Unlock()
	}
	q.keep(e) // before the reports: told twice is better than never
	if (notices{q}).report(ctx, e) && len(e.pending()) == 0 {
		q.drop(e)
		return
	}
	q.mu.Lock()
	e.tries++
	e.due = now.Add(q.backOff(e, now))
	q.mu.Unlock()
	q.keep(e)
}

// keep writes down what is known of an entry. If it cannot, mail may be delivered twice after a crash, not lost.
func (q *Queue) keep(e *entry) {
	if err := q.store.update(e); err != nil {
		q.cfg.Logger.Error("queue file cannot be updated", "id", e.env.ID, "error", err)
	}
}

// backOff is the time to the next attempt: as long as the message has been here, within bounds (Postfix's way).
func (q *schedule) backOff(e *entry, now time.Time) time.Duration {
	t := q.cfg.Times
	for _, i := range e.pending() {
		if d := q.resolve(e.env.Recipients[i].Full); d.kind == toServer && d.server.route {
			return t.Route
		}
	}
	return min(max(since(e.queued, now), t.Retry), t.Longest)
}
