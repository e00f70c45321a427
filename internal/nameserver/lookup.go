package nameserver

import (
	"cmp"
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// The methods of net.Resolver that mail needs, with its errors.

// LookupMX is the mail exchangers of a domain, the best first. One whose host is "." says that there are none (RFC 7505).
func (s *Server) LookupMX(ctx context.Context, domain string) ([]*net.MX, error) {
	records, err := s.find(ctx, domain, dns.TypeMX)
	var all []*net.MX
	for _, r := range records {
		if mx, is := r.(*dns.MX); is {
			all = append(all, &net.MX{Host: cmp.Or(strings.TrimSuffix(mx.Mx, "."), "."), Pref: mx.Preference})
		}
	}
	slices.SortStableFunc(all, func(a, b *net.MX) int { return cmp.Compare(a.Pref, b.Pref) })
	return all, err
}

// LookupIP4 is a host's addresses.
func (s *Server) LookupIP4(ctx context.Context, host string) ([]netip.Addr, error) {
	records, err := s.find(ctx, host, dns.TypeA)
	var all []netip.Addr
	for _, r := range records {
		if a, is := r.(*dns.A); is {
			if address, ok := netip.AddrFromSlice(a.A.To4()); ok {
				all = append(all, address)
			}
		}
	}
	return all, err
}

// LookupTXT is a name's texts.
func (s *Server) LookupTXT(ctx context.Context, name string) ([]string, error) {
	records, err := s.find(ctx, name, dns.TypeTXT)
	var all []string
	for _, r := range records {
		if t, is := r.(*dns.TXT); is {
			all = append(all, strings.Join(t.Txt, ""))
		}
	}
	return all, err
}

// LookupAddr is an address's name.
func (s *Server) LookupAddr(ctx context.Context, address netip.Addr) (string, error) {
	name, err := dns.ReverseAddr(address.String())
	if err != nil {
		return "", err
	}
	records, err := s.find(ctx, name, dns.TypePTR)
	for _, r := range records {
		if p, is := r.(*dns.PTR); is {
			return strings.TrimSuffix(p.Ptr, "."), nil
		}
	}
	return "", err
}

// find is the records for a name, or a *net.DNSError: not found where there are none, temporary where a server failed.
func (s *Server) find(ctx context.Context, name string, kind uint16) ([]dns.RR, error) {
	q := question{dns.CanonicalName(name), kind}
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	a := failed()
	if s.late(ctx) {
		a = s.resolve(ctx, q)
	}
	switch {
	case a.code == dns.RcodeNameError:
		return nil, &net.DNSError{Err: "Host not found", Name: name, IsNotFound: true}
	case a.code != dns.RcodeSuccess:
		return nil, &net.DNSError{Err: "Host not found, try again", Name: name, IsTemporary: true}
	case !answers(a.records, q):
		return nil, &net.DNSError{Err: "Host found but no data record of requested type", Name: name, IsNotFound: true}
	}
	return a.records, nil
}
