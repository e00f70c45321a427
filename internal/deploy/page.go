package deploy

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"maillab/internal/control"
)

// PageTold is what an up is told of how the class's page is served; what it is not told stays as it was.
type PageTold struct {
	TLS         *bool
	Certificate string    // with its chain and key, in PEM; "": the instance's authority issues one
	Proxies     *[]string // addresses and prefixes
}

// any tells whether something was said that only a page can be.
func (t PageTold) any() bool {
	return t.TLS != nil && *t.TLS || t.Proxies != nil && len(*t.Proxies) > 0
}

// over is how the page is served from now on.
func (t PageTold) over(before control.Page) control.Page {
	if t.TLS != nil {
		before.TLS, before.Certificate = *t.TLS, t.Certificate
	}
	if t.Proxies != nil {
		before.Proxies = *t.Proxies
	}
	return before
}

// PageFlags are the flags that say it.
type PageFlags struct {
	flags     *pflag.FlagSet
	tls       bool
	cert, key string
	proxies   []string
}

// Add adds them to a command's.
func (p *PageFlags) Add(flags *pflag.FlagSet) {
	p.flags = flags
	flags.BoolVar(&p.tls, "web-tls", false, "serve the page over TLS, with a certificate of the instance's authority (maillab ca); remembered")
	flags.StringVar(&p.cert, "web-cert", "", "serve the page over TLS with this certificate and its chain, a file in PEM; kept, until another is given")
	flags.StringVar(&p.key, "web-key", "", "the key of --web-cert, a file in PEM")
	flags.StringSliceVar(&p.proxies, "web-proxy", nil, "addresses of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed, such as 127.0.0.1,10.0.0.0/24; remembered, none takes them away")
}

// Read reads what was given, and the files. What it refuses is the user's to mend.
func (p PageFlags) Read() (told PageTold, err error) {
	if p.flags == nil {
		return told, nil
	}
	if p.flags.Changed("web-tls") {
		told.TLS = &p.tls
	}
	if p.cert != "" || p.key != "" {
		if told.Certificate, err = readPair(p.cert, p.key); err != nil {
			return told, err
		}
		if told.TLS != nil && !*told.TLS {
			return told, errors.New("--web-tls=false and --web-cert: one or the other")
		}
		yes := true
		told.TLS = &yes
	}
	if !p.flags.Changed("web-proxy") {
		return told, nil
	}
	proxies := []string{}
	for _, one := range p.proxies {
		if one == "none" {
			continue
		}
		_, err := netip.ParseAddr(one)
		if _, err2 := netip.ParsePrefix(one); err != nil && err2 != nil {
			return told, fmt.Errorf("--web-proxy %s: that is no address, and no prefix such as 10.0.0.0/24", one)
		}
		proxies = append(proxies, one)
	}
	told.Proxies = &proxies
	return told, nil
}

// readPair is a certificate with its key, which belong together.
func readPair(cert, key string) (string, error) {
	if cert == "" || key == "" {
		return "", errors.New("--web-cert and --web-key go together")
	}
	text, err := os.ReadFile(cert)
	secret, err2 := os.ReadFile(key)
	if err := errors.Join(err, err2); err != nil {
		return "", err
	}
	if _, err := tls.X509KeyPair(text, secret); err != nil {
		return "", fmt.Errorf("--web-cert %s, --web-key %s: %w", cert, key, err)
	}
	return strings.TrimRight(string(text), "\n") + "\n" + string(secret), nil
}
