package spec

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// A spec in an environment variable, for a container that nobody will tell it later: JSON, gzip (RFC 1952), base64
// (RFC 4648) in lines.

// Sizes of a packed spec. Linux takes 128 KiB for one variable, its name included (execve(2)).
const (
	packedMost   = 120 << 10
	unpackedMost = 64 << 20
	packedLine   = 120
)

// Pack packs a sealed spec. The same spec gives the same text.
func Pack(s Sandbox) (string, error) {
	plain, err := json.Marshal(s)
	if err != nil {
		return "", err
	}
	var squeezed bytes.Buffer
	w, err := gzip.NewWriterLevel(&squeezed, gzip.BestCompression)
	if err != nil {
		return "", err
	}
	if _, err := w.Write(plain); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	text := base64.StdEncoding.EncodeToString(squeezed.Bytes())
	if len(text) > packedMost {
		return "", fmt.Errorf("the sandbox of seat %d does not fit into an environment variable: %d octets, %d at most", s.Seat, len(text), packedMost)
	}
	var lines strings.Builder
	for len(text) > packedLine {
		lines.WriteString(text[:packedLine] + "\n")
		text = text[packedLine:]
	}
	lines.WriteString(text + "\n")
	return lines.String(), nil
}

// Unpack gives the JSON that was packed.
func Unpack(packed string) ([]byte, error) {
	squeezed, err := base64.StdEncoding.DecodeString(packed) // which skips line ends
	if err != nil {
		return nil, err
	}
	r, err := gzip.NewReader(bytes.NewReader(squeezed))
	if err != nil {
		return nil, err
	}
	plain, err := io.ReadAll(io.LimitReader(r, unpackedMost+1))
	if err == nil && len(plain) > unpackedMost {
		err = fmt.Errorf("more than %d octets", unpackedMost)
	}
	return plain, err
}
