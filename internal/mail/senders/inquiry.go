package senders

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
)

// Question is one that was asked of the name server, with what came back.
type Question struct {
	Name    string
	Type    string   // A, MX, PTR, TXT
	Answers []string // data of records, as a zone file has it; none where Failed says why
	Failed  string   // NXDOMAIN, SERVFAIL, or no such record
}

// Of what is answered, in place of records.
const (
	noName   = "NXDOMAIN"
	noRecord = "NODATA"
	noAnswer = "SERVFAIL"
)

// inquiry asks, and remembers what was asked. It is spf.DNSResolver.
type inquiry struct {
	names Names

	mu    sync.Mutex
	asked []Question
}

// take is what was asked since the last call.
func (q *inquiry) take() []Question {
	q.mu.Lock()
	defer q.mu.Unlock()
	asked := q.asked
	q.asked = nil
	return asked
}

func (q *inquiry) note(name, kind string, answers []string, err error) {
	asked := Question{Name: strings.TrimSuffix(name, "."), Type: kind, Answers: answers, Failed: failure(err)}
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.asked) < mostQuestions {
		q.asked = append(q.asked, asked)
	}
}

// failure is what an error of the name server's means.
func failure(err error) string {
	var dns *net.DNSError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &dns) && dns.IsNotFound && strings.Contains(dns.Err, "no data"):
		return noRecord
	case errors.As(err, &dns) && dns.IsNotFound:
		return noName
	}
	return noAnswer
}

// LookupTXT implements spf.DNSResolver.
func (q *inquiry) LookupTXT(ctx context.Context, name string) ([]string, error) {
	texts, err := q.names.LookupTXT(ctx, name)
	var quoted []string
	for i, t := range texts {
		texts[i] = t[:min(len(t), longestText)]
		quoted = append(quoted, fmt.Sprintf("%q", texts[i]))
	}
	q.note(name, "TXT", quoted, err)
	return texts, err
}

// LookupMX implements spf.DNSResolver.
func (q *inquiry) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	exchangers, err := q.names.LookupMX(ctx, name)
	var hosts []string
	for _, mx := range exchangers {
		hosts = append(hosts, fmt.Sprintf("%d %s", mx.Pref, mx.Host))
	}
	q.note(name, "MX", hosts, err)
	return exchangers, err
}

// LookupIPAddr implements spf.DNSResolver. The lab has IPv4 alone.
func (q *inquiry) LookupIPAddr(ctx context.Context, host string) (all []net.IPAddr, err error) {
	addresses, err := q.names.LookupIP4(ctx, host)
	var told []string
	for _, a := range addresses {
		told = append(told, a.String())
		all = append(all, net.IPAddr{IP: a.AsSlice()})
	}
	q.note(host, "A", told, err)
	return all, err
}

// LookupAddr implements spf.DNSResolver.
func (q *inquiry) LookupAddr(ctx context.Context, text string) ([]string, error) {
	address, err := netip.ParseAddr(text)
	if err != nil {
		return nil, &net.DNSError{Err: "Host not found", Name: text, IsNotFound: true}
	}
	name, err := q.names.LookupAddr(ctx, address.Unmap())
	if err != nil {
		q.note(text, "PTR", nil, err)
		return nil, err
	}
	q.note(text, "PTR", []string{name}, nil)
	return []string{name}, nil
}
