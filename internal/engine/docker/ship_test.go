package docker

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/docker/docker/api/types/image"
)

// TestInRegistry: HOST/PREFIX and the hash of what is in the image.
func TestInRegistry(t *testing.T) {
	for registry, want := range map[string]string{
		"registry.lab:5000/mail": "registry.lab:5000/mail/sandbox:1a2b", "registry.lab/a/b/": "registry.lab/a/b/sandbox:1a2b",
		"someone/x": "docker.io/someone/x/sandbox:1a2b", "": "", "Registry/UPPER": "", "a/b c": "",
	} {
		got, err := inRegistry(registry, "maillab/sandbox:1a2b")
		switch {
		case want == "" && err == nil:
			t.Errorf("%q is taken for %s", registry, got)
		case want != "" && (err != nil || got.String() != want):
			t.Errorf("%q: %v, %v", registry, got, err)
		}
	}
}

// TestNamed: nodes are told the digest in the registry to which the image was pushed; one that was only pulled under another name,
// or whose name there was taken away, is named by its ID.
func TestNamed(t *testing.T) {
	const tag = "maillab/sandbox:1a2b"
	for name, test := range map[string]struct {
		tags, digests []string
		want          string
	}{
		"built here":      {[]string{tag}, nil, "sha256:id"},
		"pushed":          {[]string{tag, "registry.lab:5000/mail/sandbox:1a2b"}, []string{"registry.lab:5000/mail/sandbox@sha256:d1"}, "registry.lab:5000/mail/sandbox@sha256:d1"},
		"forgotten there": {[]string{tag}, []string{"registry.lab/mail/sandbox@sha256:d1"}, "sha256:id"},
		"tagged alone":    {[]string{tag, "registry.lab/mail/sandbox:1a2b"}, nil, "sha256:id"},
	} {
		if got := named(image.InspectResponse{ID: "sha256:id", RepoTags: test.tags, RepoDigests: test.digests}, tag); got != test.want {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestAuthIn: what docker login has kept, and credential helpers, are what docker's own command would show; nobody is asked who was
// not named.
func TestAuthIn(t *testing.T) {
	bin, config := t.TempDir(), t.TempDir()
	script := "#!/bin/sh\nread host\ncase $host in\nkept.lab) echo '{\"Username\":\"%s\",\"Secret\":\"of '$host'\"}';;\n*) echo 'credentials not found in native keychain'; exit 1;;\nesac\n"
	for helper, user := range map[string]string{"t-store": "stored", "t-token": "<token>", "secretservice": "nobody", "pass": "nobody"} {
		if err := os.WriteFile(filepath.Join(bin, "docker-credential-"+helper), fmt.Appendf(nil, script, user), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	for name, test := range map[string]struct{ config, host, user, secret string }{
		"no file":             {"", "kept.lab", "", ""},
		"nothing for it":      {`{"auths":{"other.lab":{"auth":"YTpi"}}}`, "kept.lab", "", ""},
		"written":             {`{"auths":{"kept.lab:5000":{"auth":"YW5uYTpzZXNhbWU6eA=="}}}`, "kept.lab:5000", "anna", "sesame:x"},
		"written as a URL":    {`{"auths":{"https://kept.lab/v1/":{"auth":"YTpi"}}}`, "kept.lab", "a", "b"},
		"the Hub":             {`{"auths":{"https://index.docker.io/v1/":{"auth":"YTpi"}}}`, "docker.io", "a", "b"},
		"a token":             {`{"auths":{"kept.lab":{"identitytoken":"tok"}}}`, "kept.lab", "", "tok"},
		"a store":             {`{"auths":{"kept.lab":{}},"credsStore":"t-store"}`, "kept.lab", "stored", "of kept.lab"},
		"a store without it":  {`{"credsStore":"t-store"}`, "other.lab", "", ""},
		"a helper":            {`{"credHelpers":{"kept.lab":"t-token"},"credsStore":"t-store"}`, "kept.lab", "", "of kept.lab"},
		"a helper of another": {`{"credHelpers":{"other.lab":"t-token"}}`, "kept.lab", "", ""},
	} {
		file := filepath.Join(config, "config.json")
		os.Remove(file)
		if test.config != "" {
			if err := os.WriteFile(file, []byte(test.config), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		user, secret, err := authIn(config)(test.host)
		if user != test.user || secret != test.secret || err != nil {
			t.Errorf("%s: %q, %q, %v", name, user, secret, err)
		}
	}
}
