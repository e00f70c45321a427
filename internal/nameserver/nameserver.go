// Package nameserver is the name server of a sandbox in a lab between servers: it answers the sandbox's own programs on
// loopback, its mail queue, and its neighbours' name servers.
//
//	own domain         from the owner's zone file, read anew when it changes; SERVFAIL while there is a mistake in it
//	neighbours'        asked of their own servers through the gateway, and remembered as long as they allow
//	the parent domain  from the lab: it has an SOA and the students' domains, and no records besides
//	the addresses      their PTR records lead to the servers' names
//	all else           NXDOMAIN, at once
//
// Whose a domain is says the gateway, and an answer counts for that domain alone: nobody publishes records of another's.
package nameserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"maillab/internal/between"
	"maillab/internal/period"
	"maillab/internal/zone"
)

// Config is what a server is made of.
type Config struct {
	Domain  string // the server's own: "alice.lab"
	Host    string // its name: "mx.alice.lab"
	Address netip.Addr
	Parent  string // "lab"
	// File reads the owner's zone file, at most so many octets of it; nil text where there is none.
	File func(ctx context.Context, limit int64) ([]byte, error)
	Ask  between.Ask
	// Warn tells a line of the log, in the words of the name server that students may know.
	Warn func(text string)
	Now  func() time.Time
	// Late is how long an answer is to be late, and Exchanger what the MX record of a domain is to say, "" where it is right: faults on
	// purpose. nil: there are none.
	Late      func() time.Duration
	Exchanger func(domain string) string
}

// Server answers. It is safe for concurrent use.
type Server struct {
	cfg     Config
	parent  zone.Zone
	reverse zone.Zone
	root    zone.Zone
	memory  memory
	room    chan struct{} // has one for each question of a program's that is being answered

	mu     sync.Mutex
	told   string // the text whose mistakes were told last
	parsed zone.Zone
	broken bool
	read   bool // parsed and broken are of told
}

// New makes a server.
func New(cfg Config) *Server {
	return &Server{cfg: cfg, parent: zone.New(cfg.Parent, "ns."+cfg.Parent), reverse: zone.New(reverseDomain(), "ns."+cfg.Parent),
		root: zone.New(".", "ns."+cfg.Parent), memory: memory{now: cfg.Now, known: map[question]entry{}}, room: make(chan struct{}, mostAtOnce)}
}

// reverseDomain is where the PTR records of between.Range are.
func reverseDomain() string {
	a := between.Range().Addr().As4()
	return fmt.Sprintf("%d.%d.in-addr.arpa.", a[1], a[0])
}

// patience bounds one question at a neighbour.
const patience = 5 * time.Second

// maxAliases bounds a chain of CNAMEs over all domains.
const maxAliases = 8

// question is a full name, in small letters, and a type.
type question struct {
	name string
	kind uint16
}

// answer is what is known for a question.
type answer struct {
	code    int      // RcodeSuccess, RcodeNameError or RcodeServerFailure
	records []dns.RR // CNAMEs on the way first
	soa     dns.RR   // where there is nothing: who says so; nil for a server that failed
	own     bool     // this server's own word
}

func failed() answer { return answer{code: dns.RcodeServerFailure} }

// of is what a zone answers.
func of(z zone.Zone, q question) answer {
	records, exists, endless := z.Find(q.name, q.kind)
	switch target := leadsTo(records, q); {
	case endless: // what leads in a circle is shown
		return answer{code: dns.RcodeServerFailure, records: records}
	case !exists:
		return answer{code: dns.RcodeNameError, records: records, soa: z.SOA()}
	case len(records) == 0, target != "" && z.Has(target):
		return answer{records: records, soa: z.SOA()}
	}
	return answer{records: records}
}

// resolve answers a question, over as many domains as CNAMEs lead to. Whose word it is says the first (RFC 1035 section 4.1.1).
func (s *Server) resolve(ctx context.Context, q question) answer {
	var way answer
	for i := range maxAliases {
		a := s.lookup(ctx, q)
		if a.code == dns.RcodeServerFailure && len(a.records) == 0 {
			return failed()
		}
		if i == 0 {
			way.own = a.own
		}
		a.own, a.records = way.own, append(way.records, a.records...)
		target := leadsTo(a.records, q)
		if target == "" || a.code == dns.RcodeServerFailure {
			return a
		}
		if leadsBack(a.records, target) {
			return answer{code: dns.RcodeServerFailure, records: a.records, own: a.own}
		}
		way, q.name = a, target
	}
	return answer{code: dns.RcodeServerFailure, own: way.own}
}

// leadsBack tells whether a name is one that CNAMEs have led away from.
func leadsBack(records []dns.RR, name string) bool {
	return slices.ContainsFunc(records, func(r dns.RR) bool { return r.Header().Name == name })
}

// leadsTo is where the last of some records leads that is no answer yet, "" where there is nothing to follow.
func leadsTo(records []dns.RR, q question) string {
	if len(records) == 0 || q.kind == dns.TypeCNAME || q.kind == dns.TypeANY {
		return ""
	}
	if c, is := records[len(records)-1].(*dns.CNAME); is && dns.CanonicalName(c.Target) != q.name {
		return dns.CanonicalName(c.Target)
	}
	return ""
}

// lookup answers a question from the domain that it is of.
func (s *Server) lookup(ctx context.Context, q question) answer {
	if a, wrong := s.misled(q); wrong {
		return a
	}
	own := dns.CanonicalName(s.cfg.Domain)
	switch {
	case dns.IsSubDomain(own, q.name):
		return s.authority(ctx, q)
	case q.name == s.parent.Origin, q.name == s.reverse.Origin, q.name == ".":
		return of(map[string]zone.Zone{s.parent.Origin: s.parent, s.reverse.Origin: s.reverse, ".": s.root}[q.name], q)
	case s.parent.Has(q.name):
		return s.neighbour(ctx, q)
	case s.reverse.Has(q.name):
		return s.pointer(ctx, q)
	}
	return answer{code: dns.RcodeNameError, soa: s.root.SOA()}
}

// misled is a wrong answer on purpose.
func (s *Server) misled(q question) (answer, bool) {
	if s.cfg.Exchanger == nil || q.kind != dns.TypeMX {
		return answer{}, false
	}
	host := s.cfg.Exchanger(q.name)
	if host == "" {
		return answer{}, false
	}
	return answer{records: []dns.RR{&dns.MX{
		Hdr: dns.RR_Header{Name: q.name, Rrtype: dns.TypeMX, Class: dns.ClassINET, Ttl: misledTTL}, Preference: 10, Mx: dns.CanonicalName(host),
	}}}, true
}

// misledTTL is short, in seconds: once the fault is gone, the answer soon is.
const misledTTL = 5

// late waits as long as answers are late on purpose, and tells whether there still is somebody to answer.
func (s *Server) late(ctx context.Context) bool {
	if s.cfg.Late == nil {
		return true
	}
	d := s.cfg.Late()
	if d <= 0 {
		return true
	}
	return period.Wait(ctx, d) == nil
}

// authority answers for the own domain.
func (s *Server) authority(ctx context.Context, q question) answer {
	if a, wrong := s.misled(q); wrong {
		return a
	}
	z, ok := s.own(ctx)
	if !ok {
		return failed()
	}
	a := of(z, q)
	a.own = true
	return a
}

// own is the zone as its owner's file says; not ok while that has a mistake or cannot be read.
func (s *Server) own(ctx context.Context) (zone.Zone, bool) {
	text, err := s.cfg.File(ctx, zone.MaxFile+1)
	if text == nil && err == nil {
		text = zone.Given(s.cfg.Domain, s.cfg.Host, s.cfg.Address)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	said := string(text)
	if err != nil {
		said = err.Error()
	}
	if s.read && s.told == said {
		return s.parsed, !s.broken
	}
	s.read, s.told = true, said
	if err != nil {
		s.broken = true
		s.cfg.Warn(fmt.Sprintf("zone %s/IN: loading from master file zone failed: %v", s.cfg.Domain, err))
		return s.parsed, false
	}
	z, problems := zone.Parse(zone.New(s.cfg.Domain, s.cfg.Host), text)
	s.parsed, s.broken = z, len(problems) > 0
	for i, p := range problems {
		if i == mostTold {
			s.cfg.Warn(fmt.Sprintf("zone %s/IN: and %d more", s.cfg.Domain, len(problems)-mostTold))
			break
		}
		s.cfg.Warn(fmt.Sprintf("zone:%d: %s", p.Line, p.Message.In("en")))
	}
	if s.broken {
		s.cfg.Warn(fmt.Sprintf("zone %s/IN: not loaded due to errors.", s.cfg.Domain))
	}
	return z, !s.broken
}

// Report tells the owner of the zone as the file has it now.
func (s *Server) Report(ctx context.Context) (zone.Report, error) {
	text, err := s.cfg.File(ctx, zone.MaxFile+1)
	if err != nil {
		return zone.Report{}, err
	}
	r := zone.Report{Domain: s.cfg.Domain, Given: text == nil}
	if r.Given {
		text = zone.Given(s.cfg.Domain, s.cfg.Host, s.cfg.Address)
	}
	z, problems := zone.Parse(zone.New(s.cfg.Domain, s.cfg.Host), text)
	r.Problems = problems
	for _, record := range z.Records {
		r.Records = append(r.Records, record.String())
	}
	return r, nil
}

// mostTold is how many mistakes of one file the log is told.
const mostTold = 10

// neighbour answers for another student's domain, from memory or from that student's server.
func (s *Server) neighbour(ctx context.Context, q question) answer {
	if a, known := s.memory.recall(q); known {
		return a
	}
	labels := dns.SplitDomainName(strings.TrimSuffix(q.name, s.parent.Origin))
	domain := labels[len(labels)-1] + "." + s.parent.Origin
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, _, err := s.cfg.Ask(ctx, strings.TrimSuffix(domain, "."), between.DNS)
	if errors.Is(err, between.ErrNobody) {
		return answer{code: dns.RcodeNameError, soa: s.parent.SOA()}
	}
	if err != nil {
		return failed()
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	a := s.exchange(conn, domain, q)
	s.memory.keep(q, a)
	return a
}

// exchange asks one question and takes from the answer what is of the domain.
func (s *Server) exchange(conn net.Conn, domain string, q question) answer {
	m := new(dns.Msg).SetQuestion(q.name, q.kind)
	stream := &dns.Conn{Conn: conn}
	if err := stream.WriteMsg(m); err != nil {
		return failed()
	}
	r, err := stream.ReadMsg()
	if err != nil || r.Id != m.Id || r.Rcode != dns.RcodeSuccess && r.Rcode != dns.RcodeNameError {
		return failed()
	}
	a := answer{code: r.Rcode, soa: zone.New(domain, domain).SOA()}
	for _, record := range r.Answer {
		h := record.Header()
		if h.Name = dns.CanonicalName(h.Name); h.Class == dns.ClassINET && dns.IsSubDomain(domain, h.Name) && served(h.Rrtype) {
			a.records = append(a.records, record)
		}
	}
	for _, record := range r.Ns {
		if soa, is := record.(*dns.SOA); is && dns.CanonicalName(soa.Hdr.Name) == domain {
			a.soa = soa
		}
	}
	return a
}

// served tells whether a zone file can have such a record, or the lab gives it.
func served(kind uint16) bool {
	switch kind {
	case dns.TypeA, dns.TypeMX, dns.TypeCNAME, dns.TypeTXT, dns.TypeSOA, dns.TypeNS:
		return true
	}
	return false
}

// pointer answers for an address of between.Range.
func (s *Server) pointer(ctx context.Context, q question) answer {
	none := answer{code: dns.RcodeNameError, soa: s.reverse.SOA()}
	address, ok := addressOf(q.name)
	if labels := dns.SplitDomainName(q.name); !ok && len(labels) == dns.CountLabel(s.reverse.Origin)+1 {
		if _, err := strconv.ParseUint(labels[0], 10, 8); err == nil {
			return answer{soa: s.reverse.SOA()} // addresses are below it: it is there, and has nothing (RFC 8020)
		}
	}
	if !ok {
		return none
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, who, err := s.cfg.Ask(ctx, address.String(), "")
	switch {
	case errors.Is(err, between.ErrNobody):
		return none
	case err != nil:
		return failed()
	case q.kind != dns.TypePTR && q.kind != dns.TypeANY:
		return answer{soa: s.reverse.SOA()}
	}
	host := strings.TrimSuffix(s.cfg.Host, s.cfg.Domain) + who.Domain // a lab's servers have one name in their domains
	return answer{records: []dns.RR{&dns.PTR{
		Hdr: dns.RR_Header{Name: q.name, Rrtype: dns.TypePTR, Class: dns.ClassINET, Ttl: zone.TTL}, Ptr: dns.CanonicalName(host),
	}}}
}

// addressOf reads the name of a PTR record: "2.0.18.198.in-addr.arpa.".
func addressOf(name string) (netip.Addr, bool) {
	labels := strings.Split(strings.TrimSuffix(name, ".in-addr.arpa."), ".")
	if len(labels) != 4 {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(labels[3] + "." + labels[2] + "." + labels[1] + "." + labels[0])
	return a, err == nil
}
