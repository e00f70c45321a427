package senders

import (
	"context"
	"errors"
	"strings"

	"blitiri.com.ar/go/spf"
)

// SPF is whether an address may send for a domain.
type SPF struct {
	Result   Result
	Helo     bool   // the identity that was looked at is HELO's
	Identity string // it: "alice@alice.lab", or of HELO "mx.alice.lab"
	Domain   string
	Asked    []Question
	Why      error // of the library: what matched, or what is wrong
}

// Envelope checks what the client says before its message: HELO's name and MAIL FROM's address, as policyd-spf does. A name
// without a dot is nobody's, and is not looked at.
func (j *Judge) Envelope(ctx context.Context, c Client) (helo, mailFrom SPF) {
	if strings.Contains(c.Helo, ".") && !strings.ContainsAny(c.Helo, "[]:") {
		helo = j.spf(ctx, c, "postmaster@"+c.Helo)
		helo.Helo, helo.Identity = true, c.Helo
	}
	if c.Sender == "" {
		if mailFrom = helo; helo.Result == "" {
			mailFrom = SPF{Result: None, Helo: true, Identity: c.Helo}
		}
		return helo, mailFrom
	}
	return helo, j.spf(ctx, c, c.Sender)
}

// spf checks one identity.
func (j *Judge) spf(ctx context.Context, c Client, sender string) SPF {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s := SPF{Identity: sender, Domain: domainOf(sender)}
	if s.Domain == "" {
		s.Result = None
		return s
	}
	q := &inquiry{names: j.Names}
	result, err := spf.CheckHostWithSender(c.Address.AsSlice(), c.Helo, sender, spf.WithContext(ctx), spf.WithResolver(q))
	s.Result, s.Why, s.Asked = Result(result), err, q.take()
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		s.Result, s.Why = TempError, ctx.Err()
	}
	return s
}

// domainOf is what is behind an address's last at sign, in small letters.
func domainOf(address string) string {
	return strings.ToLower(strings.TrimSuffix(address[strings.LastIndexByte(address, '@')+1:], "."))
}
