package imap

import (
	"bufio"
	"bytes"
	"io"
	"slices"

	"maillab/internal/mail/imap/syntax"
	"maillab/internal/mail/telnet"
)

// errLineTooLong is a command line over the limit; it has been read to its end and thrown away.
var errLineTooLong = syntax.Error("Too long command line")

// keepOfLong is how much of a line that is too long is looked at: its tag and command.
const keepOfLong = 256

// reader reads command lines and literals. Telnet's negotiation is taken out of lines, never out of literals, where a
// 0xFF is mail.
type reader struct {
	br     *bufio.Reader
	count  int64 // octets read
	telnet telnet.Filter
	marked func() // is called when telnet waits for its answer
}

func newReader(r io.Reader) *reader {
	return &reader{br: bufio.NewReaderSize(r, 4096)}
}

func (r *reader) readByte() (byte, error) {
	b, err := r.br.ReadByte()
	if err == nil {
		r.count++
	}
	return b, err
}

// line appends the next line to buf, without its end: CRLF, a bare LF, or telnet's CR NUL (RFC 854).
func (r *reader) line(buf []byte, limit int) ([]byte, error) {
	start, tooLong := len(buf), false
	var head []byte
	for {
		b, err := r.readByte()
		if err != nil {
			return buf, err
		}
		if typed, mark := r.telnet.Take(b); !typed || b == 0xff { // no command has the octet 255
			if mark && r.marked != nil {
				r.marked()
			}
			continue
		}
		afterCR := len(buf) > start && buf[len(buf)-1] == '\r'
		if b == '\n' || b == 0 && afterCR {
			if afterCR {
				buf = buf[:len(buf)-1]
			}
			if tooLong {
				return append(buf[:start], head...), errLineTooLong
			}
			return buf, nil
		}
		if len(buf)-start >= limit {
			// Keep the beginning, for the answer, and the last octet, which tells CR LF and CR NUL from their like.
			if !tooLong {
				head = bytes.Clone(buf[start:min(len(buf), start+keepOfLong)])
			}
			tooLong, buf = true, buf[:start]
		}
		buf = append(buf, b)
	}
}

// literal appends n octets to buf. The buffer grows with what comes, not with what was announced.
func (r *reader) literal(buf []byte, n int64) ([]byte, error) {
	const step = 64 << 10
	for n > 0 {
		chunk := int(min(n, step))
		buf = slices.Grow(buf, chunk)
		got, err := io.ReadFull(r.br, buf[len(buf):len(buf)+chunk])
		buf = buf[:len(buf)+got]
		r.count += int64(got)
		n -= int64(got)
		if err != nil {
			return buf, err
		}
	}
	return buf, nil
}

// copy gives n octets of a literal away.
func (r *reader) copy(w io.Writer, n int64) error {
	got, err := io.CopyN(w, r.br, n)
	r.count += got
	return err
}
