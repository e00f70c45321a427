package certificate

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"maillab/internal/safeio"
)

// Own are the authority and the certificate of a server that makes them itself, kept in its directory:
//
//	tls.json  a Set, mode 0600
//	ca.pem    the authority's certificate alone, for clients
//
// The certificate is looked at when a client wants to see it, and renewed then.
type Own struct {
	dir   string
	names []string
	now   func() time.Time
	log   *slog.Logger

	mu      sync.Mutex
	set     Set
	current *tls.Certificate
	look    time.Time // when it is to be looked at again
}

// mine is the one name in an Own's Set.
const mine = "server"

// OpenOwn makes what is not there; the first of the names is the server's.
func OpenOwn(dir string, names []string, now func() time.Time, log *slog.Logger) (*Own, error) {
	o := &Own{dir: dir, names: names, now: now, log: log}
	file := filepath.Join(dir, "tls.json")
	if err := safeio.ReadJSON(file, &o.set); err != nil {
		return nil, err
	}
	if err := o.renew(now()); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return o, nil
}

// Server is the TLS of the server, with the certificate as it is at each time.
func (o *Own) Server() *tls.Config {
	return &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return o.Current(), nil }}
}

// Current is the certificate as it is now. One that cannot be renewed is shown as it is: the client decides.
func (o *Own) Current() *tls.Certificate {
	o.mu.Lock()
	defer o.mu.Unlock()
	if now := o.now(); !now.Before(o.look) {
		if err := o.renew(now); err != nil {
			o.log.Error("the certificate is not renewed", "err", err)
		}
	}
	return o.current
}

// renew looks at what there is, makes what is wanting, and keeps it before anybody sees it.
func (o *Own) renew(now time.Time) error {
	o.look = now.Add(time.Hour) // after a failure
	next, err := o.set.Renewed(o.names[0], map[string][]string{mine: o.names}, now)
	if err != nil {
		return err
	}
	current, err := tls.X509KeyPair([]byte(next.Issued[mine]), []byte(next.Issued[mine]))
	if err != nil {
		return err
	}
	if err := o.keep(next); err != nil {
		return err
	}
	o.set, o.current, o.look = next, &current, current.Leaf.NotAfter.Add(time.Second-renewal)
	return nil
}

func (o *Own) keep(next Set) error {
	if next.Authority == o.set.Authority && next.Issued[mine] == o.set.Issued[mine] {
		return nil
	}
	if err := safeio.WriteFile(filepath.Join(o.dir, "ca.pem"), next.CA(), 0o644, safeio.Durable); err != nil {
		return err
	}
	return safeio.WriteJSON(filepath.Join(o.dir, "tls.json"), next)
}
