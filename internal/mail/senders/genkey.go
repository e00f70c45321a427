package senders

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"strings"
)

// NewKey makes a key of so many bits, PEM.
func NewKey(bits int) ([]byte, error) {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// longestString bounds one string of a TXT record (RFC 1035 section 3.3.14).
const longestString = 255

// Record is what a key's owner publishes, a line of a zone file.
func Record(selector string, key crypto.Signer) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return "", err
	}
	kind := "rsa"
	if _, is := key.Public().(*rsa.PublicKey); !is {
		kind, der = "ed25519", der[len(der)-32:] // RFC 8463 section 4: the bare key
	}
	text := "p=" + base64.StdEncoding.EncodeToString(der)
	var b strings.Builder
	fmt.Fprintf(&b, "%s._domainkey TXT %q", selector, "v=DKIM1; h=sha256; k="+kind+"; ")
	for len(text) > 0 {
		n := min(len(text), longestString)
		fmt.Fprintf(&b, " %q", text[:n])
		text = text[n:]
	}
	return b.String() + "\n", nil
}

// Publishes tells whether a TXT record has a key's public half.
func Publishes(record string, key crypto.Signer) bool {
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	published, wrong := base64.StdEncoding.DecodeString(tagsOf(record)["p"])
	return err == nil && wrong == nil && len(published) > 0 && bytes.HasSuffix(der, published)
}
