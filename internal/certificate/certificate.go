// Package certificate is how a mail server proves who it is when a client says STARTTLS: an authority, which a client can be
// given once, and the certificates that it issued, each with its key. The controller has an authority for each instance, a
// daemon that is told no certificate one of its own. An instance on many machines has another, by which its gateways and its
// controller know each other.
//
// A certificate is valid for 397 days at most, which is what clients take, and is issued anew when fewer than sixty are left
// or when its names change (RFC 6125 section 6.4: a client compares the name that it was told, and nothing else). An
// authority is valid for ten years, and issues nothing that outlives it. All keys are of the curve P-256.
//
// It is kept as a Set in JSON; keys and certificates in it are PEM (RFC 7468), a certificate's key before it.
package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net/netip"
	"slices"
	"time"
)

const (
	day           = 24 * time.Hour
	life          = 397 * day // of a certificate, with its first and last second: CA/Browser Forum, Baseline Requirements 6.3.2
	renewal       = 60 * day  // before its end
	authorityLife = 3650 * day
	slow          = day // that a client's clock may be
)

// Set is an authority with what it issued. The zero Set has none yet.
type Set struct {
	Authority string            `json:"authority"`
	Issued    map[string]string `json:"issued"` // by whose they are
}

// CA is the authority's certificate alone, for clients; nil when there is none.
func (s Set) CA() []byte {
	for rest := []byte(s.Authority); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil
		}
		if block.Type == certificateBlock {
			return pem.EncodeToMemory(block)
		}
	}
}

// Renewed is a set with a certificate for each whose names are wanted: the one that there is as long as it is good, else a new
// one. Where there is no authority, or one that ends soon or was made by a clock that was wrong, all are new; of is whose it is.
func (s Set) Renewed(of string, wanted map[string][]string, now time.Time) (Set, error) {
	return s.renewed(of, wanted, now, x509.ExtKeyUsageServerAuth)
}

func (s Set) renewed(of string, wanted map[string][]string, now time.Time, usage ...x509.ExtKeyUsage) (Set, error) {
	next := Set{Authority: s.Authority, Issued: map[string]string{}}
	var authority pair
	var err error
	if s.Authority != "" {
		if authority, err = parse(s.Authority); err != nil {
			return s, fmt.Errorf("the authority: %w", err)
		}
	}
	if s.Authority == "" || now.Before(authority.cert.NotBefore) || authority.cert.NotAfter.Before(now.Add(life)) {
		if authority, err = newAuthority(of, now); err != nil {
			return s, fmt.Errorf("making an authority: %w", err)
		}
		if next.Authority, err = authority.encode(); err != nil {
			return s, err
		}
	}
	for _, who := range slices.Sorted(maps.Keys(wanted)) {
		if next.Issued[who] = s.Issued[who]; authority.stands(s.Issued[who], wanted[who], now) {
			continue
		}
		if next.Issued[who], err = authority.issue(wanted[who], now, usage); err != nil {
			return s, fmt.Errorf("issuing a certificate: %w", err)
		}
	}
	return next, nil
}

// Server is the TLS of a server with one certificate that does not change.
func Server(text string) (*tls.Config, error) {
	certificate, err := tls.X509KeyPair([]byte(text), []byte(text))
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{certificate}}, nil
}

// Expired is the TLS of a server whose certificate has expired a day ago. Who issued it is not known to anybody: the authority's
// key is not where servers are.
func Expired(names []string, now time.Time) (*tls.Config, error) {
	then := now.Add(-life - 24*time.Hour)
	authority, err := newAuthority("expired", then)
	if err != nil {
		return nil, err
	}
	text, err := authority.issue(names, then, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth})
	if err != nil {
		return nil, err
	}
	return Server(text)
}

// pair is a certificate with its key.
type pair struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

const certificateBlock = "CERTIFICATE"

func parse(text string) (pair, error) {
	both, err := tls.X509KeyPair([]byte(text), []byte(text))
	if err != nil {
		return pair{}, err
	}
	key, ok := both.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return pair{}, errors.New("its key is not of an elliptic curve")
	}
	return pair{both.Leaf, key}, nil
}

func (p pair) encode() (string, error) {
	secret, err := x509.MarshalPKCS8PrivateKey(p.key)
	if err != nil {
		return "", err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
	return string(append(text, pem.EncodeToMemory(&pem.Block{Type: certificateBlock, Bytes: p.cert.Raw})...)), nil
}

// newAuthority signs itself. It issues no further authorities.
func newAuthority(of string, now time.Time) (pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair{}, err
	}
	template := &x509.Certificate{Subject: pkix.Name{Organization: []string{"maillab"}, CommonName: "maillab " + of},
		IsCA: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}
	return sign(template, now, now.Add(authorityLife), pair{template, key}, key)
}

// issue makes a certificate for names and addresses. The first is what it is called.
func (p pair) issue(names []string, now time.Time, usage []x509.ExtKeyUsage) (string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", err
	}
	template := &x509.Certificate{KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: usage}
	if len(names) > 0 && len(names[0]) <= commonNameMost {
		template.Subject.CommonName = names[0]
	}
	for _, name := range names {
		if ip, err := netip.ParseAddr(name); err == nil {
			template.IPAddresses = append(template.IPAddresses, ip.AsSlice())
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	leaf, err := sign(template, now, now.Add(life-slow-time.Second), p, key)
	if err != nil {
		return "", err
	}
	return leaf.encode()
}

// commonNameMost is ub-common-name of RFC 5280 appendix A.1; the names that count are elsewhere.
const commonNameMost = 64

// sign begins early, for clients whose clock is slow.
func sign(template *x509.Certificate, now, end time.Time, by pair, key *ecdsa.PrivateKey) (pair, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return pair{}, err
	}
	template.SerialNumber, template.NotBefore, template.NotAfter, template.BasicConstraintsValid = serial, now.Add(-slow), end, true
	der, err := x509.CreateCertificate(rand.Reader, template, by.cert, &key.PublicKey, by.key)
	if err != nil {
		return pair{}, err
	}
	cert, err := x509.ParseCertificate(der)
	return pair{cert, key}, err
}

// stands tells whether a certificate is this authority's, has exactly these names, and does not end soon.
func (p pair) stands(text string, names []string, now time.Time) bool {
	leaf, err := parse(text)
	if err != nil || leaf.cert.CheckSignatureFrom(p.cert) != nil || now.Before(leaf.cert.NotBefore) {
		return false
	}
	has := slices.Clone(leaf.cert.DNSNames)
	for _, ip := range leaf.cert.IPAddresses {
		has = append(has, ip.String())
	}
	return slices.Equal(sorted(has), sorted(names)) && leaf.cert.NotAfter.Sub(now) >= renewal
}

func sorted(names []string) []string { return slices.Sorted(slices.Values(names)) }
