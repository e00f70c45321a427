package nameserver

import (
	"sync"
	"time"

	"github.com/miekg/dns"
)

// memory keeps what neighbours have answered, each as long as its records allow (RFC 1034 section 5.3.3), and for as long as
// an SOA says that there is nothing (RFC 2308). What failed is asked again.
type memory struct {
	now func() time.Time

	mu    sync.Mutex
	known map[question]entry
}

type entry struct {
	answer
	since, until time.Time
}

// most bounds what is kept.
const most = 1000

// keep remembers an answer.
func (m *memory) keep(q question, a answer) {
	ttl, ok := lifetime(a)
	if !ok || ttl == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	if len(m.known) >= most {
		clear(m.known) // rare, and it is only asked again
	}
	m.known[q] = entry{a, now, now.Add(time.Duration(ttl) * time.Second)}
}

// lifetime is how long an answer may be kept, in seconds.
func lifetime(a answer) (ttl uint32, ok bool) {
	if a.code == dns.RcodeServerFailure {
		return 0, false
	}
	if soa, is := a.soa.(*dns.SOA); is && len(a.records) == 0 {
		return min(soa.Hdr.Ttl, soa.Minttl), true
	}
	for i, r := range a.records {
		if i == 0 || r.Header().Ttl < ttl {
			ttl = r.Header().Ttl
		}
	}
	return ttl, len(a.records) > 0
}

// recall is an answer that is still good, with the time that its records have left.
func (m *memory) recall(q question) (answer, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, known := m.known[q]
	now := m.now()
	if !known || !now.Before(e.until) {
		delete(m.known, q)
		return answer{}, false
	}
	age := uint32(now.Sub(e.since) / time.Second)
	a := e.answer
	a.records = nil
	for _, r := range e.records {
		r = dns.Copy(r)
		r.Header().Ttl -= min(age, r.Header().Ttl)
		a.records = append(a.records, r)
	}
	return a, true
}
