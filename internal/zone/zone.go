// Package zone reads a student's zone file: the master file of RFC 1035 section 5, so far as a domain with a mail server
// needs it, and read strictly, so that what is wrong is told with its line and how to mend it.
//
//	; mail for alice.lab
//	$TTL 300
//	@      MX   10 mx
//	mx     A    198.18.0.1
//	www    60   IN CNAME mx
//	@      TXT  "v=spf1 mx -all"
//
// A record is one line: name, TTL and class if wanted, type, data. A name without a dot at its end is completed with the
// domain; a line that begins with a blank has the name of the one before. SOA and NS are the lab's.
package zone

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"maillab/internal/lab/task"
)

// Bounds of a zone: a file that no lesson needs must not take the daemon's memory.
const (
	MaxFile    = 64 << 10 // octets
	maxRecords = 500
)

// TTL is how long a record may be remembered that says nothing itself, in seconds: short, as one waits for it in a lesson.
const TTL = 300

// Zone is the records of a domain, with what the lab adds.
type Zone struct {
	Origin  string // full, in small letters: "alice.lab."
	Records []dns.RR
}

// New is the zone of a domain that has the records which the lab gives to each: who serves it.
func New(domain, host string) Zone {
	z := Zone{Origin: dns.CanonicalName(domain)}
	z.Records = []dns.RR{
		&dns.SOA{Hdr: z.header(z.Origin, dns.TypeSOA, TTL), Ns: dns.CanonicalName(host), Mbox: strings.TrimRight("postmaster."+z.Origin, ".") + ".",
			Serial: 1, Refresh: 3600, Retry: 600, Expire: 86400, Minttl: NegativeTTL},
		&dns.NS{Hdr: z.header(z.Origin, dns.TypeNS, TTL), Ns: dns.CanonicalName(host)},
	}
	return z
}

// NegativeTTL is how long it may be remembered that there is no such name (RFC 2308), in seconds.
const NegativeTTL = 30

func (z Zone) header(name string, kind uint16, ttl uint32) dns.RR_Header {
	return dns.RR_Header{Name: name, Rrtype: kind, Class: dns.ClassINET, Ttl: ttl}
}

// Given is the file that a domain has as long as its owner has written none: mail goes to its own server.
func Given(domain, host string, address netip.Addr) []byte {
	short := strings.TrimSuffix(host, "."+domain)
	return fmt.Appendf(nil, "@\tMX\t10 %s\n%s\tA\t%s\n", short, short, address)
}

// Has tells whether a full name is in the zone.
func (z Zone) Has(name string) bool { return dns.IsSubDomain(z.Origin, name) }

// SOA is the record that goes with the word that there is no such name: it may be kept as long as that (RFC 2308 section 3).
func (z Zone) SOA() dns.RR {
	soa := dns.Copy(z.Records[0])
	soa.Header().Ttl = NegativeTTL
	return soa
}

// maxAliases bounds a chain of CNAMEs in a zone.
const maxAliases = 8

// Find answers for a name of the zone: the records of a type there, those of CNAMEs on the way first, as far as they stay in
// the zone. exists is false where there is no such name, nor any below it. A chain that is too long, or leads back, is endless; of one
// that leads back, answer is what is on it.
func (z Zone) Find(name string, kind uint16) (answer []dns.RR, exists, endless bool) {
	name = dns.CanonicalName(name)
	for range maxAliases {
		var alias *dns.CNAME
		exists = false
		for _, r := range z.Records {
			h := r.Header()
			exists = exists || dns.IsSubDomain(name, h.Name)
			if h.Name != name {
				continue
			}
			if c, is := r.(*dns.CNAME); is && kind != dns.TypeCNAME {
				alias = c
			}
			if h.Rrtype == kind || kind == dns.TypeANY || r == alias {
				answer = append(answer, r)
			}
		}
		if alias == nil || kind == dns.TypeANY {
			return answer, exists, false
		}
		name = alias.Target
		switch {
		case !z.Has(name):
			return answer, true, false // whoever asks goes on from there
		case slices.ContainsFunc(answer, func(r dns.RR) bool { return r.Header().Name == name }):
			return answer, true, true
		}
	}
	return nil, true, true
}

// Problem is one thing that is wrong in a zone file, in English and French.
type Problem struct {
	Line    int       `json:"line"` // from 1; 0 is the file as a whole
	Message task.Text `json:"message"`
	Mend    task.Text `json:"mend"` // what to do about it
}

// Report is a zone file as its owner is told of it.
type Report struct {
	Domain   string    `json:"domain"`
	Given    bool      `json:"given"` // there is no file: the records are the lab's
	Records  []string  `json:"records"`
	Problems []Problem `json:"problems"`
}

// Parse reads a file into a zone. With problems the zone has the lines that are right.
func Parse(z Zone, text []byte) (Zone, []Problem) {
	z.Records = slices.Clone(z.Records)
	p := &parser{zone: z, ttl: TTL, first: map[string]int{}}
	if len(text) > MaxFile {
		p.wrong(said("%d octets are too many: %d at most", len(text), MaxFile), said("a zone has some lines only"))
		return p.zone, p.problems
	}
	for i, line := range strings.Split(string(text), "\n") {
		p.line = i + 1
		if p.read(strings.TrimSuffix(line, "\r")); len(p.zone.Records) > maxRecords {
			p.wrong(said("more than %d records", maxRecords), said("a zone has some lines only"))
			break
		}
	}
	return p.zone, p.problems
}
