package maild

import (
	"crypto/tls"

	"maillab/internal/certificate"
)

// secure is the TLS of the services, nil without STARTTLS: with the certificate that the spec has, else with one that the
// daemon makes, keeps and renews itself, for all that it knows itself to be called.
func secure(cfg Config) (*tls.Config, error) {
	s := cfg.Spec
	switch {
	case s.TLS != "starttls":
		return nil, nil
	case s.Certificate != "":
		return certificate.Server(s.Certificate)
	}
	own, err := certificate.OpenOwn(cfg.StateDir, certified(cfg), cfg.Now, cfg.Log)
	if err != nil {
		return nil, err
	}
	return own.Server(), nil
}

// certified is all that the daemon knows itself to be called.
func certified(cfg Config) []string {
	hosts := append([]string{cfg.Spec.Hostname, "localhost"}, cfg.Spec.Hosts...)
	for _, address := range addresses(cfg) {
		hosts = append(hosts, address.String())
	}
	return certificate.Names(append(hosts, "127.0.0.1")...)
}
