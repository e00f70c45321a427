package safeio

import (
	"bytes"
	"io"
)

// Mentions reads a stream to its end and tells whether one of these words is in it, in whatever case of its ASCII letters.
// Nothing is read whole.
func Mentions(r io.Reader, words []string) (found bool, err error) {
	longest := 0
	var lower [][]byte
	for _, word := range words {
		lower, longest = append(lower, bytes.ToLower([]byte(word))), max(longest, len(word))
	}
	piece := make([]byte, 64<<10+longest)
	kept := 0 // octets of the last piece that a word may have begun in
	for {
		n, err := io.ReadFull(r, piece[kept:])
		text := bytes.ToLower(piece[:kept+n])
		for _, word := range lower {
			found = found || len(word) > 0 && bytes.Contains(text, word)
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return found, nil
		}
		if err != nil {
			return found, err
		}
		kept = copy(piece, piece[kept+n-min(longest, kept+n):kept+n])
	}
}
