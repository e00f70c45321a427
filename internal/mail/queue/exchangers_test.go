package queue

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// directory is Names in memory: MX records as "10 mx.bob.lab", addresses as they are; "?" is a server that does not answer.
type directory map[string][]string

func (d directory) find(name string, is func(string) bool) (found []string, err error) {
	records, there := d[name]
	switch {
	case !there:
		return nil, &net.DNSError{Err: "Host not found", Name: name, IsNotFound: true}
	case len(records) > 0 && records[0] == "?":
		return nil, &net.DNSError{Err: "Host not found, try again", Name: name, IsTemporary: true}
	}
	for _, r := range records {
		if is(r) {
			found = append(found, r)
		}
	}
	if found == nil {
		return nil, &net.DNSError{Err: "Host found but no data record of requested type", Name: name, IsNotFound: true}
	}
	return found, nil
}

func (d directory) LookupMX(_ context.Context, domain string) (all []*net.MX, err error) {
	records, err := d.find(domain, func(r string) bool { return strings.Contains(r, " ") })
	for _, r := range records {
		preference, host, _ := strings.Cut(r, " ")
		all = append(all, &net.MX{Host: host, Pref: map[string]uint16{"0": 0, "10": 10, "20": 20, "30": 30}[preference]})
	}
	return all, err
}

func (d directory) LookupIP4(_ context.Context, host string) (all []netip.Addr, err error) {
	records, err := d.find(host, func(r string) bool { return !strings.Contains(r, " ") })
	for _, r := range records {
		all = append(all, netip.MustParseAddr(r))
	}
	return all, err
}

// class is the names of three students, of whom we are alice.
func class() directory {
	return directory{
		"bob.lab": {"10 mx.bob.lab"}, "mx.bob.lab": {"198.18.0.2"},
		"two.bob.lab": {"10 down.bob.lab", "20 mx.bob.lab"}, "down.bob.lab": {"198.18.0.9"},
		"no-mx.bob.lab": {"198.18.0.2"},
		"null.bob.lab":  {"0 ."},
		"dead.bob.lab":  {"10 nobody.bob.lab"},
		"half.bob.lab":  {"10 nobody.bob.lab", "20 mx.bob.lab"},
		"later.bob.lab": {"?"}, "soon.bob.lab": {"10 later.bob.lab", "20 nobody.bob.lab"},
		"text.bob.lab": {},
		"me.bob.lab":   {"10 mx.alice.lab"}, "mx.alice.lab": {"198.18.0.1"},
		"backup.bob.lab": {"10 mx.bob.lab", "20 mx.alice.lab", "30 down.bob.lab"},
	}
}

// TestExchangers: which hosts a domain's mail goes to, and what is said of one that has none, as Postfix says it.
func TestExchangers(t *testing.T) {
	b := newBench(t, func(c *Config) {
		c.Hostname, c.Domain, c.Locals = "mx.alice.lab", "alice.lab", []string{"alice.lab", "mx.alice.lab"}
		c.Parent, c.Names, c.Addresses = "lab", class(), []netip.Addr{netip.MustParseAddr("198.18.0.1")}
	})
	for domain, want := range map[string]string{
		"bob.lab":        "mx.bob.lab 198.18.0.2:25",
		"two.bob.lab":    "down.bob.lab 198.18.0.9:25, mx.bob.lab 198.18.0.2:25",
		"no-mx.bob.lab":  "no-mx.bob.lab 198.18.0.2:25",
		"half.bob.lab":   "mx.bob.lab 198.18.0.2:25",
		"backup.bob.lab": "mx.bob.lab 198.18.0.2:25",
		"null.bob.lab":   "bounced 5.1.0 Domain null.bob.lab does not accept mail (nullMX)",
		"dead.bob.lab":   "bounced 5.4.4 Host or domain name not found. Name service error for name=nobody.bob.lab type=A: Host not found",
		"carol.lab":      "bounced 5.4.4 Host or domain name not found. Name service error for name=carol.lab type=A: Host not found",
		"text.bob.lab":   "bounced 5.4.4 Host or domain name not found. Name service error for name=text.bob.lab type=A: Host found but no data record of requested type",
		"later.bob.lab":  "deferred 4.4.3 Host or domain name not found. Name service error for name=later.bob.lab type=MX: Host not found, try again",
		"soon.bob.lab":   "deferred 4.4.3 Host or domain name not found. Name service error for name=later.bob.lab type=A: Host not found, try again",
		"me.bob.lab":     "bounced 5.4.6 mail for me.bob.lab loops back to myself",
	} {
		d := b.resolve("x@" + strings.ToUpper(domain))
		if d.kind != toServer || d.server.mx != domain {
			t.Errorf("%s leads to %+v", domain, d)
		}
		hosts, why := b.hostsOf(t.Context(), d.server)
		var said []string
		for _, h := range hosts {
			said = append(said, h.name+" "+h.dial)
		}
		if len(hosts) == 0 {
			said = []string{why.State + " " + why.DSN + " " + why.Text}
		}
		if diff := cmp.Diff(want, strings.Join(said, ", ")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", domain, diff)
		}
	}
	if d := b.resolve("x@[198.18.0.2]"); d.server.dial != "198.18.0.2:25" || d.server.name != "198.18.0.2" {
		t.Errorf("an address leads to %+v", d)
	}
	if d := b.resolve("util1@[198.18.0.1]"); d.kind != toMailbox {
		t.Errorf("our own address leads to %+v", d)
	}
	if d := b.resolve("x@label"); d.kind != toDenied {
		t.Errorf("a domain that only ends in the same letters leads to %+v", d)
	}
}

// TestToANeighbour: the best exchanger is tried first, the next one after it, and the log tells both.
func TestToANeighbour(t *testing.T) {
	s, address := startSink(t, nil)
	b := newBench(t, func(c *Config) {
		c.Parent, c.Names = "lab", class()
		c.Dial = func(ctx context.Context, network, to string) (net.Conn, error) {
			if to == "198.18.0.2:25" {
				return new(net.Dialer).DialContext(ctx, network, address)
			}
			return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
		}
	})
	b.run(t)
	id := b.send(t, "x\r\n", "util1", "bob@two.bob.lab")
	b.log.wait(t, "smtp: connect to down.bob.lab[198.18.0.9]:25: Connection refused")
	b.log.wait(t, id, "to=<bob@two.bob.lab>", "relay=mx.bob.lab[127.0.0.1]:25", "dsn=2.0.0, status=sent (250 2.0.0 ")
	nobody := b.send(t, "x\r\n", "util1", "bob@carol.lab")
	b.log.wait(t, nobody, "relay=none, dsn=5.4.4, status=bounced (Host or domain name not found.")
	b.log.wait(t, "to=<util1@local.isri.fr>", "status=sent (delivered to mailbox)")
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.mails) != 1 {
		t.Errorf("the server got %q", s.mails)
	}
}
