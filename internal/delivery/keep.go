package delivery

import "io"

// Keep reads what it reads through from another reader and keeps its beginning.
type Keep struct {
	from io.Reader
	max  int
	text []byte
	size int
}

// NewKeep keeps up to max octets; 0 is MaxMessage.
func NewKeep(from io.Reader, max int) *Keep {
	if max == 0 {
		max = MaxMessage
	}
	return &Keep{from: from, max: max}
}

// Read implements io.Reader.
func (k *Keep) Read(p []byte) (int, error) {
	n, err := k.from.Read(p)
	k.size += n
	if room := k.max - len(k.text); room > 0 {
		k.text = append(k.text, p[:min(n, room)]...)
	}
	return n, err
}

// Kept is the beginning, and how many octets there were.
func (k *Keep) Kept() (text []byte, size int) { return k.text, k.size }
