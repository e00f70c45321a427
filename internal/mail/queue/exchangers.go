package queue

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// Which hosts take the mail of a domain, as Postfix finds it out and says it (its smtp_addr.c; RFC 5321 section 5.1).

// Where the words for what cannot be found come from: net.DNSError's own, where they are the resolver's.
const (
	notFound = "Host not found"
	tryAgain = "Host not found, try again"
)

// hostsOf is the servers to try, in order; with none, why.
func (r *resolver) hostsOf(ctx context.Context, s server) ([]server, result) {
	if s.mx == "" {
		return []server{s}, result{}
	}
	exchangers, err := r.cfg.Names.LookupMX(ctx, s.mx)
	switch {
	case err != nil && !isNotFound(err):
		return nil, unresolved(s.mx, "MX", err)
	case err != nil: // without an MX record, the domain's own address counts
		return r.pick(ctx, s.mx, []*net.MX{{Host: s.mx}})
	case len(exchangers) == 1 && exchangers[0].Host == ".":
		return nil, result{State: stateBounced, DSN: "5.1.0", Text: fmt.Sprintf("Domain %s does not accept mail (nullMX)", s.mx)}
	}
	return r.pick(ctx, s.mx, exchangers)
}

// mostHosts is how many addresses one attempt tries (Postfix's smtp_mx_address_limit).
const mostHosts = 5

// pick is the servers of a domain's exchangers, which are in order. If we are one of them, only those count that are better:
// else mail would go in a circle.
func (r *resolver) pick(ctx context.Context, domain string, exchangers []*net.MX) (hosts []server, why result) {
	type candidate struct {
		server
		preference uint16
	}
	var found []candidate
	ourselves, ours := false, uint16(0)
	for _, mx := range exchangers {
		addresses, err := r.cfg.Names.LookupIP4(ctx, mx.Host)
		if err != nil {
			if why.State != stateDeferred { // what may yet be found is worth waiting for
				why = unresolved(mx.Host, "A", err)
			}
			continue
		}
		for _, a := range addresses {
			if (r.cfg.isOwn(a) || strings.EqualFold(mx.Host, r.cfg.Hostname)) && (!ourselves || mx.Pref < ours) {
				ourselves, ours = true, mx.Pref
			}
			found = append(found, candidate{server{name: mx.Host, dial: net.JoinHostPort(a.String(), "25"), tls: true}, mx.Pref})
		}
	}
	for _, c := range found {
		if (!ourselves || c.preference < ours) && len(hosts) < mostHosts {
			hosts = append(hosts, c.server)
		}
	}
	if len(hosts) == 0 && ourselves {
		why = result{State: stateBounced, DSN: "5.4.6", Text: fmt.Sprintf("mail for %s loops back to myself", domain)}
	}
	return hosts, why
}

// isOwn says whether an address is this server's.
func (c Config) isOwn(a netip.Addr) bool {
	return a.IsLoopback() || slices.Contains(c.Addresses, a)
}

func isNotFound(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns) && dns.IsNotFound
}

// unresolved is the result for a name that is not found: it goes back, unless it may be found later.
func unresolved(name, kind string, err error) result {
	state, code, text := stateDeferred, "4.4.3", tryAgain
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		state, code, text = stateBounced, "5.4.4", notFound
		if dns.Err != "" {
			text = dns.Err
		}
	}
	return result{State: state, DSN: code,
		Text: fmt.Sprintf("Host or domain name not found. Name service error for name=%s type=%s: %s", name, kind, text)}
}
