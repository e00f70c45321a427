package maild

import (
	"crypto/tls"

	"maillab/internal/certificate"
)

// secure is the TLS of the services, nil without STARTTLS: with the certificate that the spec has, else with one that the
// daemon makes, keeps and renews itself, for all that it knows itself to be called.
func (d *Daemon) secure() (*tls.Config, error) {
	s := d.cfg.Spec
	switch {
	case s.TLS != "starttls":
		return nil, nil
	case s.Certificate != "":
		return certificate.Server(s.Certificate)
	}
	hosts := append([]string{s.Hostname, "localhost"}, s.Hosts...)
	for _, address := range d.addresses() {
		hosts = append(hosts, address.String())
	}
	own, err := certificate.OpenOwn(d.cfg.StateDir, certificate.Names(append(hosts, "127.0.0.1")...), d.cfg.Now, d.cfg.Log)
	if err != nil {
		return nil, err
	}
	return own.Server(), nil
}
