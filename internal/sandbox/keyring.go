//go:build linux

package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
)

// maxTTL bounds how long a key of "maillab ssh" can be good for.
const maxTTL = time.Hour

// keyring holds the short-lived public keys that let "maillab ssh" in without a password: one file an account in dir,
// which sshd's AuthorizedKeysFile names. Each key also carries its end for sshd itself (expiry-time, sshd(8)), to the
// minute; the file is rewritten when it has come.
type keyring struct {
	dir string
	now func() time.Time

	mu   sync.Mutex
	keys map[string]map[string]time.Time // account → key → end
}

func newKeyring(dir string, now func() time.Time) *keyring {
	return &keyring{dir: dir, now: now, keys: map[string]map[string]time.Time{}}
}

// add lets a key in for ttl.
func (k *keyring) add(account, publicKey string, ttl time.Duration) error {
	if ttl <= 0 || ttl > maxTTL {
		return fmt.Errorf("a key for %v: not within %v: %w", ttl, maxTTL, syscall.EINVAL)
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(publicKey))
	if err != nil {
		return fmt.Errorf("public key: %w", errors.Join(err, syscall.EINVAL))
	}
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))) // no options, no comment
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.keys[account] == nil {
		k.keys[account] = map[string]time.Time{}
	}
	k.keys[account][line] = k.now().Add(ttl)
	return k.write(account)
}

// expire forgets the keys whose time is over.
func (k *keyring) expire() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	var errs []error
	for account, keys := range k.keys {
		before := len(keys)
		for line, end := range keys {
			if !k.now().Before(end) {
				delete(keys, line)
			}
		}
		if len(keys) != before {
			errs = append(errs, k.write(account))
		}
		if len(keys) == 0 {
			delete(k.keys, account)
		}
	}
	return errors.Join(errs...)
}

func (k *keyring) write(account string) error {
	path := filepath.Join(k.dir, account)
	if len(k.keys[account]) == 0 {
		return os.Remove(path)
	}
	var text strings.Builder
	for line, end := range k.keys[account] {
		// sshd rounds to the minute: the one after the end.
		fmt.Fprintf(&text, "expiry-time=\"%sZ\" %s\n", end.UTC().Add(time.Minute).Format("200601021504"), line)
	}
	return replace(path, []byte(text.String()), 0o644, -1)
}
