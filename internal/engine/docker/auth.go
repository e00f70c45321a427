package docker

import (
	"errors"
	"io/fs"
	"net/url"
	"path/filepath"

	"github.com/cpuguy83/dockercfg"
)

// authIn is what docker's configuration folder has for registries, by host: a user and a password, or a token and no user. As with
// docker's own command, what is named for that host goes before what is named for all.
func authIn(config string) func(host string) (user, secret string, err error) {
	return func(host string) (string, string, error) {
		var c dockercfg.Config
		if err := dockercfg.FromFile(filepath.Join(config, "config.json"), &c); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return "", "", nil
			}
			return "", "", err
		}
		key := dockercfg.ResolveRegistryHost(host)
		if _, is := c.AuthConfigs[key]; !is {
			key = asWritten(c, key)
		}
		_, helped := c.CredentialHelpers[key]
		if _, is := c.AuthConfigs[key]; !is && !helped && c.CredentialsStore == "" {
			return "", "", nil // the library would ask a helper that nobody named
		}
		return c.GetRegistryCredentials(key)
	}
}

// asWritten is a host as config.json has it: by old versions as a URL.
func asWritten(c dockercfg.Config, host string) string {
	for key := range c.AuthConfigs {
		if u, err := url.Parse(key); err == nil && u.Scheme != "" && u.Host == host {
			return key
		}
	}
	return host
}
