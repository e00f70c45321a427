package nameserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"maillab/internal/between"
)

// village is a class of servers that ask each other without a gateway.
type village struct {
	t       *testing.T
	mu      sync.Mutex
	now     time.Time
	files   map[string]string // zone files by domain
	unread  map[string]error
	down    map[string]bool
	asked   map[string]int // questions at a domain's server
	warned  []string
	servers map[string]*Server
	seats   map[string]int
}

func newVillage(t *testing.T, names ...string) *village {
	v := &village{t: t, now: time.Unix(1_700_000_000, 0), files: map[string]string{}, unread: map[string]error{}, down: map[string]bool{},
		asked: map[string]int{}, servers: map[string]*Server{}, seats: map[string]int{}}
	for i, name := range names {
		domain := name + ".lab"
		v.seats[domain] = i + 1
		v.servers[domain] = New(Config{
			Domain: domain, Host: "mx." + domain, Address: between.Address(i + 1), Parent: "lab",
			File: func(context.Context, int64) ([]byte, error) {
				v.mu.Lock()
				defer v.mu.Unlock()
				text, is := v.files[domain]
				if err := v.unread[domain]; err != nil || !is {
					return nil, err
				}
				return []byte(text), nil
			},
			Ask: v.ask,
			Warn: func(text string) {
				v.mu.Lock()
				defer v.mu.Unlock()
				v.warned = append(v.warned, text)
			},
			Now: func() time.Time { return v.now },
		})
	}
	return v
}

func (v *village) ask(ctx context.Context, to, service string) (net.Conn, between.Server, error) {
	for domain, seat := range v.seats {
		who := between.Server{Domain: domain, Address: between.Address(seat)}
		if to != domain && to != who.Address.String() {
			continue
		}
		if service == "" {
			return nil, who, nil
		}
		if v.down[domain] {
			return nil, who, errors.New("it is down")
		}
		v.mu.Lock()
		v.asked[domain]++
		v.mu.Unlock()
		here, there := net.Pipe()
		go v.servers[domain].Neighbour(ctx, there)
		return here, who, nil
	}
	return nil, between.Server{}, between.ErrNobody
}

// query asks alice's server as programs do, over UDP, and returns the rcode with the records, and whose SOA came.
func (v *village) query(name, kind string) string {
	v.t.Helper()
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		v.t.Fatal(err)
	}
	streams, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		v.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(v.t.Context())
	served := make(chan error)
	go func() { served <- v.servers["alice.lab"].Serve(ctx, packets, streams) }()
	m := new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.StringToType[kind])
	r, _, err := new(dns.Client).Exchange(m, packets.LocalAddr().String())
	if err != nil {
		v.t.Fatalf("%s %s: %v", name, kind, err)
	}
	over, _, err := (&dns.Client{Net: "tcp"}).Exchange(m, streams.Addr().String())
	if err != nil || over.Rcode != r.Rcode || len(over.Answer) != len(r.Answer) {
		v.t.Errorf("%s %s over TCP: %v, %v", name, kind, over, err)
	}
	cancel()
	if err := <-served; err != nil {
		v.t.Error(err)
	}
	return told(r)
}

func told(r *dns.Msg) string {
	words := []string{dns.RcodeToString[r.Rcode]}
	for _, record := range r.Answer {
		words = append(words, strings.Join(strings.Fields(record.String()), " "))
	}
	for _, record := range r.Ns {
		words = append(words, "SOA "+record.Header().Name)
	}
	return strings.Join(words, "; ")
}

func TestAnswers(t *testing.T) {
	v := newVillage(t, "alice", "bob", "carol")
	v.files["alice.lab"] = "@ MX 10 mx\nmx 60 A 198.18.0.1\nfriend CNAME mx.bob.lab.\nround CNAME round.carol.lab.\n@ TXT \"v=spf1 mx -all\"\n"
	v.files["carol.lab"] = "@ MX 0 .\nround CNAME round.alice.lab.\nlost CNAME nobody\nmx.bob.lab. A 198.18.0.3\n"
	for _, test := range []struct{ name, kind, want string }{
		{"alice.lab", "MX", "NOERROR; alice.lab. 300 IN MX 10 mx.alice.lab."},
		{"MX.Alice.Lab", "A", "NOERROR; mx.alice.lab. 60 IN A 198.18.0.1"},
		{"alice.lab", "TXT", `NOERROR; alice.lab. 300 IN TXT "v=spf1 mx -all"`},
		{"mx.alice.lab", "AAAA", "NOERROR; SOA alice.lab."},
		{"www.alice.lab", "A", "NXDOMAIN; SOA alice.lab."},
		{"bob.lab", "MX", "NOERROR; bob.lab. 300 IN MX 10 mx.bob.lab."}, // bob has no file
		{"mx.bob.lab", "A", "NOERROR; mx.bob.lab. 300 IN A 198.18.0.2"},
		{"mx.bob.lab", "AAAA", "NOERROR; SOA bob.lab."},
		{"friend.alice.lab", "A", "NOERROR; friend.alice.lab. 300 IN CNAME mx.bob.lab.; mx.bob.lab. 300 IN A 198.18.0.2"},
		{"friend.alice.lab", "CNAME", "NOERROR; friend.alice.lab. 300 IN CNAME mx.bob.lab."},
		{"round.alice.lab", "A", "SERVFAIL"},
		{"carol.lab", "MX", "SERVFAIL"}, // a file with a mistake is not served
		{"lab", "SOA", "NOERROR; lab. 300 IN SOA ns.lab. postmaster.lab. 1 3600 600 86400 30"},
		{"lab", "MX", "NOERROR; SOA lab."},
		{"dave.lab", "MX", "NXDOMAIN; SOA lab."},
		{"mx.dave.lab", "A", "NXDOMAIN; SOA lab."},
		{"2.0.18.198.in-addr.arpa", "PTR", "NOERROR; 2.0.18.198.in-addr.arpa. 300 IN PTR mx.bob.lab."},
		{"2.0.18.198.in-addr.arpa", "A", "NOERROR; SOA 18.198.in-addr.arpa."},
		{"9.0.18.198.in-addr.arpa", "PTR", "NXDOMAIN; SOA 18.198.in-addr.arpa."},
		{"0.18.198.in-addr.arpa", "PTR", "NOERROR; SOA 18.198.in-addr.arpa."},
		{"1.0.0.127.in-addr.arpa", "PTR", "NXDOMAIN; SOA ."},
		{"example.com", "A", "NXDOMAIN; SOA ."},
		{".", "NS", "NOERROR; . 300 IN NS ns.lab."},
	} {
		if got := v.query(test.name, test.kind); got != test.want {
			t.Errorf("%s %s:\ngot  %s\nwant %s", test.name, test.kind, got, test.want)
		}
	}
	v.files["carol.lab"] = "@ MX 0 .\nlost CNAME nobody\nround CNAME round.alice.lab.\n"
	if got, want := v.query("round.alice.lab", "A"), "SERVFAIL; round.alice.lab. 300 IN CNAME round.carol.lab.; round.carol.lab. 300 IN CNAME round.alice.lab."; got != want {
		t.Errorf("a circle:\ngot  %s\nwant %s", got, want)
	}
	if got, want := v.query("lost.carol.lab", "A"), "NXDOMAIN; lost.carol.lab. 300 IN CNAME nobody.carol.lab.; SOA carol.lab."; got != want {
		t.Errorf("after it was mended:\ngot  %s\nwant %s", got, want)
	}
}

// TestNobodyPublishesForOthers: what a server says of another's domain is not heard.
func TestNobodyPublishesForOthers(t *testing.T) {
	v := newVillage(t, "alice", "bob", "mallory")
	ask := v.ask
	v.servers["alice.lab"].cfg.Ask = func(ctx context.Context, to, service string) (net.Conn, between.Server, error) {
		if to != "mallory.lab" || service == "" {
			return ask(ctx, to, service)
		}
		here, there := net.Pipe()
		go lie(there)
		return here, between.Server{Domain: to}, nil
	}
	if got := v.query("www.mallory.lab", "A"); got != "NOERROR; www.mallory.lab. 300 IN A 198.18.0.3" {
		t.Errorf("her own: %s", got)
	}
	if got := v.query("mx.bob.lab", "A"); got != "NOERROR; mx.bob.lab. 300 IN A 198.18.0.2" {
		t.Errorf("bob's, after she was asked: %s", got)
	}
	r := v.servers["bob.lab"].reply(t.Context(), new(dns.Msg).SetQuestion("alice.lab.", dns.TypeMX), v.servers["bob.lab"].authority)
	if len(r.Answer) != 0 {
		t.Errorf("bob answers for alice: %v", r)
	}
}

// lie answers with records of a neighbour's beside one's own.
func lie(conn net.Conn) {
	stream := &dns.Conn{Conn: conn}
	r, err := stream.ReadMsg()
	if err != nil {
		return
	}
	m := new(dns.Msg).SetReply(r)
	for _, text := range []string{"www.mallory.lab. 300 IN A 198.18.0.3", "mx.bob.lab. 9999 IN A 198.18.0.3", "bob.lab. 9999 IN MX 1 www.mallory.lab.", "www.mallory.lab. 300 IN PTR x."} {
		record, _ := dns.NewRR(text)
		m.Answer = append(m.Answer, record)
	}
	_ = stream.WriteMsg(m)
}

// TestMemory: an answer is remembered as long as its records say, and no longer; what failed is asked again.
func TestMemory(t *testing.T) {
	v := newVillage(t, "alice", "bob")
	s := v.servers["alice.lab"]
	v.files["bob.lab"] = "mx 60 A 198.18.0.2\nnow 0 A 198.18.0.2\n"
	look := func(name string) string {
		return told(s.reply(t.Context(), new(dns.Msg).SetQuestion(name, dns.TypeA), s.resolve))
	}
	steps := []struct {
		after time.Duration
		name  string
		want  string
		asked int
	}{
		{0, "mx.bob.lab.", "NOERROR; mx.bob.lab. 60 IN A 198.18.0.2", 1},
		{20 * time.Second, "mx.bob.lab.", "NOERROR; mx.bob.lab. 40 IN A 198.18.0.2", 1},
		{39 * time.Second, "mx.bob.lab.", "NOERROR; mx.bob.lab. 1 IN A 198.18.0.2", 1},
		{time.Second, "mx.bob.lab.", "NOERROR; mx.bob.lab. 60 IN A 198.18.0.2", 2},
		{0, "now.bob.lab.", "NOERROR; now.bob.lab. 0 IN A 198.18.0.2", 3},
		{0, "now.bob.lab.", "NOERROR; now.bob.lab. 0 IN A 198.18.0.2", 4},
		{0, "no.bob.lab.", "NXDOMAIN; SOA bob.lab.", 5},
		{29 * time.Second, "no.bob.lab.", "NXDOMAIN; SOA bob.lab.", 5},
		{time.Second, "no.bob.lab.", "NXDOMAIN; SOA bob.lab.", 6},
	}
	for i, step := range steps {
		v.now = v.now.Add(step.after)
		if got := look(step.name); got != step.want || v.asked["bob.lab"] != step.asked {
			t.Errorf("%d. %s: %s, asked %d times, want %s and %d", i, step.name, got, v.asked["bob.lab"], step.want, step.asked)
		}
	}
	v.down["bob.lab"] = true
	v.now = v.now.Add(time.Hour)
	if got := look("mx.bob.lab."); got != "SERVFAIL" {
		t.Errorf("while it is down: %s", got)
	}
	v.down["bob.lab"] = false
	if got := look("mx.bob.lab."); got != "NOERROR; mx.bob.lab. 60 IN A 198.18.0.2" {
		t.Errorf("when it is back: %s", got)
	}
}

// TestMistakesAreTold: once for each text, with the line.
func TestMistakesAreTold(t *testing.T) {
	v := newVillage(t, "alice")
	v.files["alice.lab"] = "@ MX mx\nmx A 198.18.0.1\n"
	for range 2 {
		if got := v.query("mx.alice.lab", "A"); got != "SERVFAIL" {
			t.Errorf("with a mistake in it: %s", got)
		}
	}
	want := []string{"zone:1: an MX record holds a preference and a name", "zone alice.lab/IN: not loaded due to errors."}
	if diff := cmp.Diff(want, v.warned); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	v.files["alice.lab"] = strings.Repeat("x\n", 100)
	v.query("mx.alice.lab", "A")
	if n := len(v.warned) - len(want); n != mostTold+2 {
		t.Errorf("of a hundred mistakes the log has %d lines", n)
	}
	v.files["alice.lab"] = "@ MX 10 mx\nmx A 198.18.0.1\n"
	v.unread["alice.lab"] = errors.New("not a plain file of its user's own")
	if got := v.query("mx.alice.lab", "A"); got != "SERVFAIL" {
		t.Errorf("unread: %s", got)
	}
	delete(v.unread, "alice.lab")
	if got := v.query("mx.alice.lab", "A"); got != "NOERROR; mx.alice.lab. 300 IN A 198.18.0.1" {
		t.Errorf("mended: %s", got)
	}
}

// TestLookups: the errors are net.Resolver's, by which callers tell what is not there from what may come.
func TestLookups(t *testing.T) {
	v := newVillage(t, "alice", "bob")
	s, ctx := v.servers["alice.lab"], t.Context()
	v.files["bob.lab"] = "@ MX 20 two\n@ MX 10 one\none A 198.18.0.2\none A 198.18.0.9\n@ TXT \"v=spf1 \" \"-all\"\nnull MX 0 .\n"
	mx, err := s.LookupMX(ctx, "bob.lab")
	if diff := cmp.Diff([]*net.MX{{Host: "one.bob.lab", Pref: 10}, {Host: "two.bob.lab", Pref: 20}}, mx); diff != "" || err != nil {
		t.Errorf("MX: %v\n%s", err, diff)
	}
	if mx, err := s.LookupMX(ctx, "null.bob.lab"); err != nil || len(mx) != 1 || mx[0].Host != "." {
		t.Errorf("null MX: %v, %v", mx, err)
	}
	if a, err := s.LookupIP4(ctx, "one.bob.lab"); err != nil || len(a) != 2 {
		t.Errorf("A: %v, %v", a, err)
	}
	if txt, err := s.LookupTXT(ctx, "bob.lab"); err != nil || len(txt) != 1 || txt[0] != "v=spf1 -all" {
		t.Errorf("TXT: %q, %v", txt, err)
	}
	if name, err := s.LookupAddr(ctx, netip.MustParseAddr("198.18.0.2")); err != nil || name != "mx.bob.lab" {
		t.Errorf("PTR: %q, %v", name, err)
	}
	for name, want := range map[string]string{"two.bob.lab": "Host not found", "bob.lab": "Host found but no data record of requested type", "x.carol.lab": "Host not found"} {
		_, err := s.LookupIP4(ctx, name)
		var failed *net.DNSError
		if !errors.As(err, &failed) || !failed.IsNotFound || failed.Err != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	v.down["bob.lab"] = true
	var failed *net.DNSError
	if _, err := s.LookupIP4(ctx, "three.bob.lab"); !errors.As(err, &failed) || !failed.IsTemporary || failed.IsNotFound {
		t.Errorf("a server that is down: %v", err)
	}
}

// TestAFlood: a program that asks without an end gets answers for so many questions at once; when those are through, it and
// others are answered again.
func TestAFlood(t *testing.T) {
	v := newVillage(t, "alice", "bob")
	s := v.servers["alice.lab"]
	stuck, ask := make(chan struct{}), s.cfg.Ask
	var waiting sync.WaitGroup
	waiting.Add(mostAtOnce)
	s.cfg.Ask = func(ctx context.Context, to, service string) (net.Conn, between.Server, error) {
		waiting.Done()
		<-stuck
		return ask(ctx, to, service)
	}
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	streams, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(t.Context(), packets, streams)
	flood, err := net.Dial("udp", packets.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer flood.Close()
	for i := range mostAtOnce {
		text, err := new(dns.Msg).SetQuestion(fmt.Sprintf("x%d.bob.lab.", i), dns.TypeA).Pack()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := flood.Write(text); err != nil {
			t.Fatal(err)
		}
	}
	waiting.Wait() // all have their room
	one := new(dns.Msg).SetQuestion("alice.lab.", dns.TypeMX)
	if r, _, err := (&dns.Client{Timeout: 200 * time.Millisecond}).Exchange(one, packets.LocalAddr().String()); err == nil {
		t.Errorf("one more is answered: %v", r)
	}
	s.cfg.Ask = ask
	close(stuck)
	for r, _, err := new(dns.Client).Exchange(one, packets.LocalAddr().String()); err != nil || len(r.Answer) != 1; {
		r, _, err = new(dns.Client).Exchange(one, packets.LocalAddr().String())
	}
}

// FuzzMessages: whatever a neighbour says over its connection, the daemon goes on, and an answer can be packed.
func FuzzMessages(f *testing.F) {
	m, _ := new(dns.Msg).SetQuestion("alice.lab.", dns.TypeMX).Pack()
	f.Add(m)
	f.Add([]byte{0, 12, 1, 2, 1, 0})
	v := newVillage(&testing.T{}, "alice")
	f.Fuzz(func(t *testing.T, message []byte) {
		r := new(dns.Msg)
		if r.Unpack(message) != nil {
			return
		}
		s := v.servers["alice.lab"]
		if _, err := s.reply(t.Context(), r, s.resolve).Pack(); err != nil {
			t.Errorf("%v: %v", r, err)
		}
	})
}
