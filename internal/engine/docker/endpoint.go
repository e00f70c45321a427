package docker

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/docker/docker/client"
)

// Endpoint is which daemon to talk to, and how.
type Endpoint struct {
	Host       string // unix:///…, tcp://…, ssh://…; "" is the platform's own socket
	TLS        *TLS
	APIVersion string // "" negotiates
}

// TLS is PEM text; an empty CA trusts the system's, an empty Cert sends none.
type TLS struct {
	CA, Cert, Key []byte
	SkipVerify    bool
}

// FindEndpoint does what docker's own command does: DOCKER_HOST (with DOCKER_TLS_VERIFY and DOCKER_CERT_PATH) before
// DOCKER_CONTEXT before the current context of config.json. The file systems are handed in: config is docker's
// configuration folder (~/.docker, or $DOCKER_CONFIG), root is "/", for absolute paths in the environment.
func FindEndpoint(getenv func(string) string, config, root fs.FS) (Endpoint, error) {
	e := Endpoint{APIVersion: getenv("DOCKER_API_VERSION")}
	if host := getenv("DOCKER_HOST"); host != "" {
		e.Host = host
		var err error
		e.TLS, err = tlsFromEnv(getenv, config, root)
		return e, err
	}
	name := getenv("DOCKER_CONTEXT")
	if name == "" {
		var err error
		if name, err = currentContext(config); err != nil {
			return Endpoint{}, err
		}
	}
	if name == "" || name == "default" {
		return e, nil
	}
	return e, e.fromContext(name, config)
}

// OpenHere opens the engine that docker's own command would talk to from this process.
func OpenHere(ctx context.Context, build Build) (*Engine, error) {
	config := os.Getenv("DOCKER_CONFIG")
	if config == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil, err
		}
		config = filepath.Join(home, ".docker")
	}
	endpoint, err := FindEndpoint(os.Getenv, os.DirFS(config), os.DirFS("/"))
	if err != nil {
		return nil, err
	}
	return Open(ctx, Config{Endpoint: endpoint, Build: build, Auth: authIn(config)})
}

// tlsFromEnv follows docker: certificates are used when DOCKER_TLS_VERIFY or DOCKER_TLS is set to anything.
func tlsFromEnv(getenv func(string) string, config, root fs.FS) (*TLS, error) {
	verify := getenv("DOCKER_TLS_VERIFY") != ""
	if !verify && getenv("DOCKER_TLS") == "" {
		return nil, nil
	}
	tree, dir := config, "."
	if given := getenv("DOCKER_CERT_PATH"); given != "" {
		tree, dir = root, strings.TrimPrefix(path.Clean(given), "/")
	}
	t, err := readTLS(tree, dir)
	if err != nil {
		return nil, fmt.Errorf("DOCKER_CERT_PATH: %w", err)
	}
	t.SkipVerify = !verify
	return t, nil
}

// readTLS reads those of ca.pem, cert.pem and key.pem that are there.
func readTLS(tree fs.FS, dir string) (*TLS, error) {
	t := new(TLS)
	for name, text := range map[string]*[]byte{"ca.pem": &t.CA, "cert.pem": &t.Cert, "key.pem": &t.Key} {
		var err error
		if *text, err = fs.ReadFile(tree, path.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return t, nil
}

// currentContext is the one that config.json names; neither the file nor the name has to be there.
func currentContext(config fs.FS) (string, error) {
	text, err := fs.ReadFile(config, "config.json")
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("docker's config.json: %w", err)
	}
	var c struct {
		CurrentContext string `json:"currentContext"`
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return "", fmt.Errorf("docker's config.json: %w", err)
	}
	return c.CurrentContext, nil
}

// fromContext reads contexts/meta/ID/meta.json and the PEM files in contexts/tls/ID/docker; ID is the name's SHA-256.
func (e *Endpoint) fromContext(name string, config fs.FS) error {
	id := contextID(name)
	text, err := fs.ReadFile(config, path.Join("contexts/meta", id, "meta.json"))
	if err != nil {
		return fmt.Errorf("docker context %q: %w", name, err)
	}
	var meta struct {
		Endpoints struct {
			Docker struct {
				Host          string
				SkipTLSVerify bool
			} `json:"docker"`
		}
	}
	if err := json.Unmarshal(text, &meta); err != nil {
		return fmt.Errorf("docker context %q: %w", name, err)
	}
	e.Host = meta.Endpoints.Docker.Host
	if e.Host == "" {
		return fmt.Errorf("docker context %q: it has no docker endpoint", name)
	}
	t, err := readTLS(config, path.Join("contexts/tls", id, "docker"))
	if err != nil {
		return fmt.Errorf("docker context %q: %w", name, err)
	}
	t.SkipVerify = meta.Endpoints.Docker.SkipTLSVerify
	if t.SkipVerify || t.CA != nil || t.Cert != nil {
		e.TLS = t
	}
	return nil
}

func contextID(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])
}

// String is the host, for messages.
func (e Endpoint) String() string {
	if e.Host == "" {
		return client.DefaultDockerHost
	}
	return e.Host
}

// RemoteHost is the name of the machine on which the daemon runs, "" when it is this one: students of a remote engine
// are told to connect there.
func (e Endpoint) RemoteHost() string {
	u, err := url.Parse(e.Host)
	if err != nil || (u.Scheme != "tcp" && u.Scheme != "ssh" && u.Scheme != "http" && u.Scheme != "https") {
		return ""
	}
	switch host := u.Hostname(); host {
	case "localhost", "127.0.0.1", "::1":
		return ""
	default:
		return host
	}
}

// client makes one that speaks to the endpoint; nothing is dialled yet.
func (e Endpoint) client() (*client.Client, error) {
	options := []client.Opt{client.WithAPIVersionNegotiation(), client.WithUserAgent("maillab")}
	if e.APIVersion != "" {
		options = append(options, client.WithVersion(e.APIVersion))
	}
	if e.TLS != nil {
		config, err := e.TLS.config()
		if err != nil {
			return nil, err
		}
		options = append(options, client.WithHTTPClient(&http.Client{
			Transport: &http.Transport{TLSClientConfig: config}, CheckRedirect: client.CheckRedirect,
		}))
	}
	switch {
	case strings.HasPrefix(e.Host, "ssh://"):
		dial, err := sshDialer(e.Host)
		if err != nil {
			return nil, err
		}
		// The host is only a name for HTTP: everything goes through the dialer.
		options = append(options, client.WithHost("http://docker.example.com"), client.WithDialContext(dial))
	case e.Host != "":
		options = append(options, client.WithHost(e.Host))
	}
	return client.NewClientWithOpts(options...)
}

func (t *TLS) config() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: t.SkipVerify}
	if t.CA != nil {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(t.CA) {
			return nil, errors.New("ca.pem: no certificate in it")
		}
	}
	if t.Cert != nil || t.Key != nil {
		pair, err := tls.X509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, fmt.Errorf("cert.pem and key.pem: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
