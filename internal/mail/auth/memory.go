package auth

import (
	"maps"
	"sync"
)

// Memory are accounts without a system: those of a lab in the embedded engine. Its methods may be called at the same
// time.
type Memory struct {
	mu     sync.RWMutex
	hashes map[string]string
}

// NewMemory holds accounts by name, with their crypt(5) hashes.
func NewMemory(hashes map[string]string) *Memory { return &Memory{hashes: maps.Clone(hashes)} }

// Find returns an account.
func (m *Memory) Find(name string) (Entry, bool, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	hash, ok := m.hashes[name]
	return Entry{Name: name, Hash: hash, Changed: -1, MaxAge: -1, Expire: -1}, ok, nil
}

// Replace puts other accounts in place of all that there are.
func (m *Memory) Replace(hashes map[string]string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hashes = maps.Clone(hashes)
}

// SetHash gives an account a password, by its crypt(5) hash. It is false for an account that there is not.
func (m *Memory) SetHash(name, hash string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.hashes[name]; !ok {
		return false
	}
	m.hashes[name] = hash
	return true
}
