//go:build linux

package mailproof

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"maillab/internal/between"
	"maillab/internal/nameserver"
)

// namesConf is of two name servers in one container: alice's, that her programs ask, and on another address the one that has all that is
// not hers, which also answers on port 5353 outside.
const namesConf = `options {
	directory "/var/cache/bind"; pid-file none; session-keyfile none; listen-on-v6 { none; }; empty-zones-enable no;
	dnssec-validation no; minimal-responses yes; qname-minimization off; max-ncache-ttl 300; %s
};
controls { };
`

// zoneHead is what the lab gives each domain: zone.New's records.
func zoneHead(domain, host string) string {
	return fmt.Sprintf("$ORIGIN %s\n$TTL 300\n@ SOA %s %s 1 3600 600 86400 30\n@ NS %s\n", domain, host, strings.TrimRight("postmaster."+domain, ".")+".", host)
}

// newBIND starts both, and returns where they answer.
func newBIND(t *testing.T, texts map[string]string) (resolver, authority string) {
	t.Helper()
	needDocker(t)
	folder := t.TempDir()
	files := map[string]string{
		"root": zoneHead(".", "ns.lab.") + "ns.lab. A 127.0.0.1\n", "lab": zoneHead("lab.", "ns.lab.") + "ns A 127.0.0.1\n", "reverse": zoneHead("18.198.in-addr.arpa.", "ns.lab.")}
	own := fmt.Sprintf(namesConf, "recursion yes; forward only; forwarders { 127.0.0.1; }; listen-on { !127.0.0.1; any; };")
	others := fmt.Sprintf(namesConf, "recursion no; listen-on { 127.0.0.1; }; listen-on port 5353 { any; };")
	for zone, file := range map[string]string{".": "root", "lab": "lab", "18.198.in-addr.arpa": "reverse"} {
		others += fmt.Sprintf("zone %q { type primary; file \"/zones/%s\"; };\n", zone, file)
	}
	for i, domain := range inOrder(texts) {
		files[domain] = zoneHead(domain+".", "mx."+domain+".") + texts[domain]
		files["reverse"] += fmt.Sprintf("%d.0 PTR mx.%s.\n", i+1, domain)
		line := fmt.Sprintf("zone %q { type primary; file \"/zones/%s\"; };\n", domain, domain)
		if others += line; i == 0 {
			own += line
		}
	}
	files["own.conf"], files["others.conf"] = own, others
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("mailproof-names-%d", os.Getpid())
	image := buildPeer(t, "judges")
	t.Cleanup(func() {
		if t.Failed() {
			said, _ := exec.Command("docker", "logs", name).CombinedOutput()
			t.Logf("BIND said:\n%s", lastLines(string(said), 40))
		}
		_ = exec.Command("docker", "rm", "-f", name).Run()
	})
	docker(t, "run", "-d", "--init", "--name", name, "-v", folder+":/zones:ro", image, "sh", "-c", "named -4 -g -c /zones/others.conf & exec named -4 -g -c /zones/own.conf")
	address := docker(t, "inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", name)
	resolver, authority = net.JoinHostPort(address, "53"), net.JoinHostPort(address, "5353")
	for _, at := range []string{resolver, authority} {
		within(t, "BIND answers", func() bool {
			r, err := dns.Exchange(new(dns.Msg).SetQuestion("lab.", dns.TypeSOA), at)
			return err == nil && r.Rcode == dns.RcodeSuccess
		})
	}
	return resolver, authority
}

func inOrder(texts map[string]string) (domains []string) {
	for domain := range texts {
		domains = append(domains, domain)
	}
	slices.Sort(domains)
	return domains
}

// newNames are the daemons' name servers for the same domains; they ask each other without a gateway. The first answers programs.
func newNames(t *testing.T, texts map[string]string) (resolver string, ask between.Ask) {
	t.Helper()
	servers := map[string]*nameserver.Server{}
	domains := inOrder(texts)
	ask = func(ctx context.Context, to, service string) (net.Conn, between.Server, error) {
		for i, domain := range domains {
			who := between.Server{Domain: domain, Address: between.Address(i + 1)}
			if to != domain && to != who.Address.String() {
				continue
			}
			if service == "" {
				return nil, who, nil
			}
			here, there := net.Pipe()
			go servers[domain].Neighbour(ctx, there)
			return here, who, nil
		}
		return nil, between.Server{}, between.ErrNobody
	}
	for i, domain := range domains {
		servers[domain] = nameserver.New(nameserver.Config{Domain: domain, Host: "mx." + domain, Address: between.Address(i + 1), Parent: "lab",
			File: func(context.Context, int64) ([]byte, error) { return []byte(texts[domain]), nil },
			Ask:  ask, Warn: func(string) {}, Now: time.Now})
	}
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	streams, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = servers[domains[0]].Serve(t.Context(), packets, streams) }()
	return packets.LocalAddr().String(), ask
}

// answered is a message as it is compared: rcode, flags, and the records of both sections with their TTLs.
func answered(r *dns.Msg) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s aa=%t ra=%t tc=%t\n", dns.RcodeToString[r.Rcode], r.Authoritative, r.RecursionAvailable, r.Truncated)
	for _, section := range []struct {
		name    string
		records []dns.RR
	}{{"answer", r.Answer}, {"authority", r.Ns}} {
		var lines []string
		for _, record := range section.records {
			lines = append(lines, section.name+" "+strings.Join(strings.Fields(record.String()), " ")+"\n")
		}
		slices.Sort(lines) // records of a set have no order
		b.WriteString(strings.Join(lines, ""))
	}
	return b.String()
}

// aged gives records that BIND has had for some seconds the TTL that they had when they came.
func aged(theirs, ours *dns.Msg) {
	for _, pair := range [][2][]dns.RR{{theirs.Answer, ours.Answer}, {theirs.Ns, ours.Ns}} {
		for _, one := range pair[0] {
			for _, other := range pair[1] {
				h, o := one.Header(), other.Header()
				if h.Name == o.Name && h.Rrtype == o.Rrtype && h.Ttl < o.Ttl && o.Ttl-h.Ttl < uint32(patience/time.Second) {
					h.Ttl = o.Ttl
				}
			}
		}
	}
}

// asked are the questions: each a name and a type.
const asked = `
alice.lab MX, alice.lab TXT, alice.lab A, alice.lab SOA, alice.lab NS, aLiCe.LaB MX, mx.alice.lab A, mx.alice.lab AAAA, mx.alice.lab MX, www.alice.lab A, www.alice.lab CNAME,
www.alice.lab MX, x.www.alice.lab A, old.alice.lab MX, old.alice.lab A, self.alice.lab A, self.alice.lab CNAME, ping.alice.lab MX, there.alice.lab A, friend.alice.lab A,
friend.alice.lab MX, lost.alice.lab A, gone.alice.lab A, away.alice.lab A, empty.alice.lab MX, s1._domainkey.alice.lab TXT, _domainkey.alice.lab TXT, b.c.alice.lab A, c.alice.lab TXT,
broken.alice.lab A, nobody.alice.lab A, x.mx.alice.lab A, c1.alice.lab A,
bob.lab MX, bob.lab TXT, bob.lab A, bob.lab SOA, bob.lab NS, mx.bob.lab A, mx.bob.lab AAAA, www.bob.lab A, www.bob.lab MX, null.bob.lab MX, null.bob.lab A, wrong.bob.lab MX, nobody.bob.lab A,
back.bob.lab A, carol.lab MX, mx.carol.lab A, lab SOA, lab NS, lab MX, dave.lab MX, mx.dave.lab A, example.com A, . NS, . SOA,
1.0.18.198.in-addr.arpa PTR, x.18.198.in-addr.arpa PTR, 1.1.0.18.198.in-addr.arpa PTR, 2.0.18.198.in-addr.arpa PTR, x.18.198.in-addr.arpa PTR, 1.1.0.18.198.in-addr.arpa PTR, 2.0.18.198.in-addr.arpa A, 9.0.18.198.in-addr.arpa PTR, x.18.198.in-addr.arpa PTR, 1.1.0.18.198.in-addr.arpa PTR, 0.18.198.in-addr.arpa PTR, x.18.198.in-addr.arpa PTR, 1.1.0.18.198.in-addr.arpa PTR, 18.198.in-addr.arpa SOA, 1.0.0.127.in-addr.arpa PTR
`

// TestNamesBesideBIND asks a BIND that has the zones' files, and the daemons' name servers, the same: as a program of alice's does, and as
// a neighbour's server asks bob's.
func TestNamesBesideBIND(t *testing.T) {
	texts := map[string]string{}
	for _, domain := range []string{"alice.lab", "bob.lab", "carol.lab"} {
		text, err := os.ReadFile("testdata/names/" + domain)
		if err != nil {
			t.Fatal(err)
		}
		texts[domain] = string(text)
	}
	bind, authority := newBIND(t, texts)
	resolver, ask := newNames(t, texts)
	for question := range strings.SplitSeq(strings.ReplaceAll(strings.TrimSpace(asked), "\n", " "), ", ") {
		name, kind, _ := strings.Cut(strings.TrimSpace(question), " ")
		m := new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.StringToType[kind])
		t.Run(question, func(t *testing.T) {
			theirs, err := dns.Exchange(m, bind)
			if err != nil {
				t.Fatal(err)
			}
			ours, err := dns.Exchange(m, resolver)
			if err != nil {
				t.Fatal(err)
			}
			sameNames(t, question, theirs, ours)
		})
		if !strings.HasSuffix(dns.Fqdn(name), "bob.lab.") {
			continue
		}
		t.Run("bob is asked "+question, func(t *testing.T) {
			m := m.Copy()
			m.RecursionDesired = false
			theirs, err := dns.Exchange(m, authority)
			if err != nil {
				t.Fatal(err)
			}
			conn, _, err := ask(t.Context(), "bob.lab", between.DNS)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			ours, _, err := new(dns.Client).ExchangeWithConn(m, &dns.Conn{Conn: conn})
			if err != nil {
				t.Fatal(err)
			}
			sameNames(t, question, theirs, ours)
		})
	}
}

func sameNames(t *testing.T, question string, theirs, ours *dns.Msg) {
	t.Helper()
	aged(theirs, ours)
	if diff := cmp.Diff(strings.Split(answered(theirs), "\n"), strings.Split(answered(ours), "\n")); diff != "" {
		t.Errorf("-BIND +ours:\n%s", diff)
	}
}
