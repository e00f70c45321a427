package queue

import (
	"context"
	"net"
	"slices"
	"strings"
)

// Verdict is what RCPT TO and VRFY are to be told.
type Verdict int

// Verdicts.
const (
	Accepted  Verdict = iota
	Unknown           // a local domain without such a user: 550 5.1.1
	Denied            // not ours, and nobody takes it: 554 5.7.1 Relay access denied
	Malformed         // no address, whoever's: 501 5.1.3
)

// resolver knows where addresses lead.
type resolver struct {
	cfg    *Config
	routes map[string]server // by lower-case address
	relay  server
}

func newResolver(cfg *Config) *resolver {
	r := &resolver{cfg: cfg, routes: make(map[string]server), relay: relayServer(cfg.Relay)}
	for _, route := range cfg.Routes {
		r.routes[strings.ToLower(route.To)] = server{name: hostOf(route.Via), dial: route.Via, route: true, owner: route.Account}
	}
	return r
}

// Check says whether mail for an address is taken, and the address completed. The address is as typed, without
// brackets.
func (q *resolver) Check(typed string) (Verdict, string) {
	address := q.canonical(complete(typed, q.cfg.Domain))
	switch q.resolve(address).kind {
	case toNobody:
		if q.Malformed(address) {
			return Malformed, address
		}
		return Unknown, address
	case toDenied:
		return Denied, address
	default:
		return Accepted, address
	}
}

// Leaves says whether mail for an address as typed would go to a server elsewhere.
func (q *resolver) Leaves(typed string) bool {
	d := q.resolve(complete(typed, q.cfg.Domain))
	return d.kind == toServer && !d.server.route
}

// Complete gives an address as typed its domain, as the log shows it; the null sender stays empty.
func (q *resolver) Complete(typed string) string { return complete(typed, q.cfg.Domain) }

// Malformed says that a completed address is none: one of a local domain, which leaves an empty one behind.
func (q *resolver) Malformed(address string) bool {
	local, domain := splitAddress(q.canonical(address))
	local = unquote(local)
	return q.isLocal(domain) && (strings.HasSuffix(local, "@") || strings.HasSuffix(local, "%"))
}

// kind is the way that mail for an address takes.
type kind int

const (
	toNobody  kind = iota // a local address without an account
	toDenied              // somebody else's, and we do not relay
	toMailbox             // a local account
	toNothing             // postmaster and the like: thrown away
	toServer              // an SMTP server: a route, outside or the relay
)

// destination is where an address leads.
type destination struct {
	kind    kind
	address string  // what the log calls the recipient
	account Account // toMailbox
	server  server  // toServer
}

// server is an SMTP server to be spoken to.
type server struct {
	name  string // host name in the log
	dial  string // host:port
	route bool   // a student's own: see route.go
	owner string // the account that must be listening there, "" any account's
	tls   bool   // use STARTTLS if offered
	mx    string // the domain whose mail exchangers these are: name and dial are looked up at each attempt
}

// unattended are the addresses that a mail server must have (RFC 5321 section 4.5.1, RFC 2142) and nobody reads here.
var unattended = []string{"postmaster", "mailer-daemon", "abuse", "root", "double-bounce"}

// resolve finds where a completed address leads. It follows at most one lab alias and reads no .forward.
func (q *resolver) resolve(address string) destination {
	address = q.canonical(address)
	local, domain := splitAddress(address)
	for _, a := range []string{address, base(local) + "@" + domain} {
		if r, ok := q.routes[strings.ToLower(a)]; ok {
			return destination{kind: toServer, address: address, server: r}
		}
	}
	if !q.isLocal(domain) {
		return q.resolveRemote(address, domain)
	}
	return q.resolveLocal(address, unquote(local))
}

// canonical takes the local domain off user%host@local and "user@host"@local, as often as it stands there.
func (q *resolver) canonical(address string) string {
	for {
		local, domain := splitAddress(address)
		if !q.isLocal(domain) {
			return address
		}
		if inner := unquote(local); strings.Contains(strings.Trim(inner, "@"), "@") {
			address = inner
			continue
		}
		user, host := percentHack(local)
		if strings.Trim(host, ".") == "" {
			return address
		}
		address = user + "@" + host
	}
}

// isLocal says whether a domain is delivered here.
func (q *resolver) isLocal(domain string) bool {
	if addr, ok := literal(domain); ok {
		return addr.IsLoopback() || slices.Contains(q.cfg.Addresses, addr)
	}
	domain = strings.ToLower(domain)
	return domain == strings.ToLower(q.cfg.Domain) || slices.Contains(q.cfg.Locals, domain)
}

// resolveLocal finds the account for a local part: by alias, as it is written, or in lower case, and the same without its
// extension.
func (q *resolver) resolveLocal(address, local string) destination {
	for _, local := range []string{local, base(local)} {
		lower := strings.ToLower(local)
		if name, ok := q.cfg.Aliases[lower]; ok {
			if a, ok := q.cfg.Accounts.Lookup(name); ok {
				return destination{kind: toMailbox, address: name + "@" + q.cfg.Domain, account: a}
			}
		}
		for _, name := range []string{local, lower} {
			if a, ok := q.cfg.Accounts.Lookup(name); ok {
				return destination{kind: toMailbox, address: address, account: a}
			}
		}
		if slices.Contains(unattended, lower) {
			return destination{kind: toNothing, address: address}
		}
	}
	return destination{kind: toNobody, address: address}
}

// resolveRemote finds the server for a domain that is not ours. Below Parent MX records say it, and an address is
// one. A relay, if the lab names
// one, is the rest of the world; the outside entry "*" is so only without one.
func (q *resolver) resolveRemote(address, domain string) destination {
	if lower := strings.ToLower(domain); q.cfg.Parent != "" && (lower == q.cfg.Parent || strings.HasSuffix(lower, "."+q.cfg.Parent)) {
		return destination{kind: toServer, address: address, server: server{mx: lower}}
	}
	if addr, is := literal(domain); is && q.cfg.Parent != "" { // a neighbour's, or one that nobody answers at
		return destination{kind: toServer, address: address, server: server{name: addr.String(), dial: net.JoinHostPort(addr.String(), "25")}}
	}
	named, all := server{}, server{}
	for _, o := range q.cfg.Outside {
		s := server{name: strings.ReplaceAll(o.MX, "{domain}", domain), dial: net.JoinHostPort(o.Address, "25")}
		switch {
		case o.Domain == "*":
			all = s
		case strings.EqualFold(o.Domain, domain):
			named = s
		}
	}
	for _, s := range []server{named, q.relay, all} {
		if s.dial != "" {
			return destination{kind: toServer, address: address, server: s}
		}
	}
	return destination{kind: toDenied, address: address}
}

// RelayAddress is where Config.Dial is asked to connect to for a relay.
func RelayAddress(relay string) string { return relayServer(relay).dial }

// relayServer reads the lab's relay: host, host:port, [host]:port. Port 25 is the default.
func relayServer(relay string) server {
	if relay == "" {
		return server{}
	}
	host, port, err := net.SplitHostPort(relay)
	if err != nil {
		host, port = strings.Trim(relay, "[]"), "25"
	}
	return server{name: host, dial: net.JoinHostPort(host, port), tls: true}
}

// forwards reads an account's .forward; nil when mail stays in the mailbox.
func (q *resolver) forwards(ctx context.Context, name string) ([]ForwardTarget, error) {
	text, err := q.cfg.Accounts.Forward(ctx, name)
	if err != nil || len(text) == 0 {
		return nil, err
	}
	targets, problems := ParseForward(text)
	for _, p := range problems {
		q.cfg.Log.Note("local", "warning: .forward of "+name+": "+p)
	}
	return targets, nil
}
