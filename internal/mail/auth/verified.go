package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"sync"
)

// verified remembers, for each account, the login that was right last: a keyed hash over the account's whole shadow line
// and the password. When the line changes it matches nothing any more, and the next right login takes its place; so it
// never holds more than one hash an account.
type verified struct {
	key [32]byte // of this process

	mu   sync.Mutex
	last map[string][sha256.Size]byte
}

func newVerified() *verified {
	v := &verified{last: map[string][sha256.Size]byte{}}
	_, _ = rand.Read(v.key[:]) // never fails: see crypto/rand
	return v
}

func (v *verified) has(e Entry, password string) bool {
	sum := v.sum(e, password)
	v.mu.Lock()
	defer v.mu.Unlock()
	last, ok := v.last[e.Name]
	return ok && hmac.Equal(last[:], sum[:])
}

func (v *verified) add(e Entry, password string) {
	sum := v.sum(e, password)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.last[e.Name] = sum
}

func (v *verified) sum(e Entry, password string) (sum [sha256.Size]byte) {
	mac := hmac.New(sha256.New, v.key[:])
	line := []byte(e.line())
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(line)))) // so that line and password cannot run together
	mac.Write(line)
	mac.Write([]byte(password))
	mac.Sum(sum[:0])
	return sum
}
