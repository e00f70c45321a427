package maild

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"maillab/internal/mail/filter"
	"maillab/internal/mail/queue"
)

// filterOf is what a message goes through on its way, nil where the lab has none.
func filterOf(c Config, zone *time.Location) queue.Filter {
	s := c.Spec
	if s.Services.SMTP == nil || s.Services.SMTP.Filter == nil {
		return nil
	}
	set := s.Services.SMTP.Filter
	settings := filter.Settings{Host: s.Hostname, Domain: s.Domain, Tagged: set.Tagged, Required: set.Required, Bayes: set.Bayes, Location: zone}
	onBoard := func(m filter.Message) filter.Verdict { return filter.Judge(settings, m, nil) }
	if !set.Spamd {
		return func(_ context.Context, m filter.Message) filter.Verdict { return onBoard(m) }
	}
	far := &spamd{dial: c.Spamd, now: c.Now}
	return func(ctx context.Context, m filter.Message) filter.Verdict {
		if until, resting := far.rests(); resting {
			v := onBoard(m)
			v.Aside = "spamd does not answer: the rules on board judge, and it is asked again at " + until.In(zone).Format(time.TimeOnly)
			return v
		}
		return filter.Judge(settings, m, func(text []byte) (filter.Opinion, error) { return far.consult(ctx, text) })
	}
}

// spamd is the class's SpamAssassin as one server knows it. One that does not answer is left alone for a while, so that one message waits for
// it in vain and not each.
type spamd struct {
	dial func(context.Context) (net.Conn, error)
	now  func() time.Time

	mu    sync.Mutex
	until time.Time // it is left alone; zero: it answers
}

const (
	consulting = 30 * time.Second // how long a message waits: what is not judged by then goes on without points
	rest       = 30 * time.Second // how long one that did not answer is left alone
)

// rests tells whether it is left alone. Who is the first to come afterwards asks it, while others still do not.
func (s *spamd) rests() (until time.Time, resting bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if now.Before(s.until) {
		return s.until, true
	}
	if !s.until.IsZero() {
		s.until = now.Add(rest)
	}
	return s.until, false
}

// consult asks it. One that says nonsense has answered.
func (s *spamd) consult(ctx context.Context, text []byte) (o filter.Opinion, err error) {
	ctx, cancel := context.WithTimeout(ctx, consulting)
	defer cancel()
	away := false
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.until = (time.Time{}); away {
			s.until = s.now().Add(rest)
		}
	}()
	conn, err := s.dial(ctx)
	if err != nil {
		away = true
		var no syscall.Errno
		if errors.As(err, &no) { // the gateway's own words are not a student's
			err = no
		}
		return filter.Opinion{}, fmt.Errorf("can't connect to spamd: %w", err)
	}
	defer conn.Close()
	if by, has := ctx.Deadline(); has {
		_ = conn.SetDeadline(by)
	}
	o, err = filter.Consult(conn, text)
	var late net.Error
	away = errors.As(err, &late) && late.Timeout()
	return o, err
}
