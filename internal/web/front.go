package web

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"maillab/internal/certificate"
	"maillab/internal/control"
	"maillab/internal/mail"
)

// How the page is served the gateway knows: the certificate, and which proxies may speak for a browser. It is asked again
// every few seconds, so that a renewed certificate is in force without a restart.

// serving is that, made ready.
type serving struct {
	page    control.Page
	tls     *tls.Config // nil: without
	proxies []netip.Prefix
}

// servings keeps it for a while.
type servings struct {
	asking sync.Mutex // the gateway; before mu
	mu     sync.Mutex
	last   serving
	heard  bool // from the gateway, ever
	at     time.Time
}

const (
	servingFresh    = 5 * time.Second
	servingPatience = 5 * time.Second
)

// serving asks the gateway, unless it has just been asked. While it does not answer all stays as it was: one request waits for it,
// and all do only until it has answered once, for what is to be private is not said in clear.
func (p *Page) serving(ctx context.Context) serving {
	s := &p.served
	last, heard, fresh := s.now(p.cfg.Now())
	switch {
	case fresh || heard && !s.asking.TryLock():
		return last
	case !heard:
		s.asking.Lock()
	}
	defer s.asking.Unlock()
	if last, _, fresh = s.now(p.cfg.Now()); fresh {
		return last
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), servingPatience) // others may wait
	defer cancel()
	page, err := p.desk.Page(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at = p.cfg.Now(); err != nil {
		p.cfg.Log.Warn("asking how the page is served", "err", err)
		return s.last
	}
	s.heard = true
	s.take(page, p)
	return s.last
}

// now is what is known, whether the gateway has said so, and whether it has just been asked.
func (s *servings) now(now time.Time) (last serving, heard, fresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last, s.heard, now.Sub(s.at) <= servingFresh
}

// take makes what is said ready. The lock is held.
func (s *servings) take(page control.Page, p *Page) {
	if page.TLS == s.last.page.TLS && page.Certificate == s.last.page.Certificate && slices.Equal(page.Proxies, s.last.page.Proxies) {
		return
	}
	s.last = serving{page: page}
	for _, text := range page.Proxies {
		if prefix, err := netip.ParsePrefix(text); err == nil {
			s.last.proxies = append(s.last.proxies, prefix.Masked())
		} else if addr, err := netip.ParseAddr(text); err == nil {
			s.last.proxies = append(s.last.proxies, netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()))
		}
	}
	if !page.TLS {
		return
	}
	config, err := certificate.Server(page.Certificate)
	if err != nil {
		p.cfg.Log.Error("the page's certificate", "err", err)
		config = &tls.Config{} // every handshake fails: what was to be private is not said in clear
	}
	s.last.tls = config.Clone()
	s.last.tls.NextProtos = []string{"h2", "http/1.1"}
}

// proxy tells whether an address is one of the proxies.
func (s serving) proxy(addr netip.Addr) bool {
	return slices.ContainsFunc(s.proxies, func(p netip.Prefix) bool { return p.Contains(addr.Unmap()) })
}

// front is a listener whose connections have been looked at: those that begin a TLS handshake are TLS. Plain HTTP at a page
// with TLS is answered by where it should have gone (Page.visited).
type front struct {
	net.Listener
	ready chan net.Conn
	ended chan struct{}
}

// newFront looks at what a listener accepts until that ends.
func (p *Page) newFront(ctx context.Context, l net.Listener) *front {
	f := &front{Listener: l, ready: make(chan net.Conn), ended: make(chan struct{})}
	go func() {
		defer close(f.ended)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go f.look(ctx, conn, p)
		}
	}()
	return f
}

// look has a connection wait for its first octet, where there is a choice.
func (f *front) look(ctx context.Context, conn net.Conn, p *Page) {
	s := p.serving(ctx)
	if s.tls != nil {
		peeked := &peeked{conn, bufio.NewReaderSize(conn, 16)}
		_ = conn.SetReadDeadline(time.Now().Add(headerPatience))
		first, err := peeked.in.Peek(1)
		_ = conn.SetReadDeadline(time.Time{})
		if err != nil {
			conn.Close()
			return
		}
		conn = peeked
		if first[0] == recordHandshake {
			conn = tls.Server(peeked, s.tls)
		}
	}
	select {
	case f.ready <- conn:
	case <-f.ended:
		conn.Close()
	}
}

// recordHandshake is the content type that a TLS connection begins with (RFC 8446 section 5.1).
const recordHandshake = 22

// Accept implements net.Listener.
func (f *front) Accept() (net.Conn, error) {
	select {
	case conn := <-f.ready:
		return conn, nil
	case <-f.ended:
		return nil, net.ErrClosed
	}
}

// peeked is a connection of which something has been read.
type peeked struct {
	net.Conn
	in *bufio.Reader
}

func (c *peeked) Read(to []byte) (int, error) { return c.in.Read(to) }

// caller is who a request is from.
type caller struct {
	peer   mail.Peer
	secure bool // the browser speaks TLS, to us or to a proxy that is believed
}

// callerKey is where a request's context has its caller.
type callerKey struct{}

func callerOf(r *http.Request) caller {
	v, _ := r.Context().Value(callerKey{}).(caller)
	return v
}

func peerOf(r *http.Request) mail.Peer { return callerOf(r).peer }

// visited finds out who a request is from. What a proxy says of that is believed only where the proxy is named. A browser
// that came without TLS to a page that has it is sent there.
func (p *Page) visited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := p.serving(r.Context())
		peer, _ := r.Context().Value(peerKey{}).(mail.Peer)
		v := caller{peer, r.TLS != nil}
		if byProxy := peer.Remote.IsValid() && s.proxy(peer.Remote.Addr()); byProxy {
			v = s.spokenFor(v, r.Header)
		} else if s.tls != nil && r.TLS == nil {
			w.Header().Set("Location", "https://"+r.Host+r.URL.RequestURI())
			w.WriteHeader(http.StatusPermanentRedirect)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, v)))
	})
}

// spokenFor is the caller that a proxy speaks for: the last address in X-Forwarded-For that is no proxy's. What stands
// before it the browser may have written itself.
func (s serving) spokenFor(v caller, h http.Header) caller {
	if proto := h.Values("X-Forwarded-Proto"); len(proto) > 0 {
		v.secure = strings.EqualFold(proto[len(proto)-1], "https")
	}
	for _, text := range slices.Backward(strings.Split(strings.Join(h.Values("X-Forwarded-For"), ","), ",")) {
		addr, err := netip.ParseAddr(strings.TrimSpace(text))
		if err != nil {
			return v
		}
		v.peer.Remote = netip.AddrPortFrom(addr.Unmap(), 0) // which port it had nobody says
		if !s.proxy(addr) {
			return v
		}
	}
	return v
}
