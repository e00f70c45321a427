package auth

import (
	"fmt"

	"github.com/go-crypt/crypt"
	"github.com/go-crypt/crypt/algorithm"
	"github.com/go-crypt/crypt/algorithm/bcrypt"
	"github.com/go-crypt/crypt/algorithm/md5crypt"
	"github.com/go-crypt/crypt/algorithm/scrypt"
	"github.com/go-crypt/crypt/algorithm/shacrypt"
)

// Debian's yescrypt parameters, $y$j9T$ (libxcrypt's default cost, 5): N = 4096, r = 32, 16 MiB.
const (
	yescryptLogN = 12
	yescryptR    = 32
)

// decoy is checked in place of what there is not. It has Debian's parameters, as all hashes of a sandbox have, and nobody knows its password.
const decoy = "$y$j9T$3yc3daU2NhC74r0xa1x1K1$mv0hlveGBJxU128khramSfPvpx2dcIg28VSlMxzWtmB"

// Hash makes a crypt(5) hash of a new password, as Debian's passwd does: yescrypt, $y$j9T$.
func Hash(password string) (string, error) {
	if password == "" || len(password) > maxPassword {
		return "", fmt.Errorf("a password has 1 to %d octets, this one has %d", maxPassword, len(password))
	}
	h, err := scrypt.NewYescrypt(scrypt.WithLN(yescryptLogN), scrypt.WithR(yescryptR), scrypt.WithP(1))
	if err != nil {
		return "", fmt.Errorf("yescrypt: %w", err)
	}
	digest, err := h.Hash(password)
	if err != nil {
		return "", fmt.Errorf("yescrypt: %w", err)
	}
	return digest.Encode(), nil
}

// matches checks a password against a hash of any kind that Debian's passwd writes or wrote. A hash that it cannot read
// matches nothing.
func matches(hash, password string) bool {
	digest, err := decode(hash)
	if err != nil {
		return false
	}
	ok, err := digest.MatchBytesAdvanced([]byte(password))
	return ok && err == nil
}

// decode names the kinds one by one: go-crypt's own selection leaves out md5crypt and takes in plain text.
func decode(hash string) (algorithm.Digest, error) {
	d := crypt.NewDecoder()
	for _, register := range []func(algorithm.DecoderRegister) error{
		scrypt.RegisterDecoderYescrypt, shacrypt.RegisterDecoder, bcrypt.RegisterDecoder, md5crypt.RegisterDecoder,
	} {
		if err := register(d); err != nil {
			return nil, err
		}
	}
	return d.Decode(hash)
}
