package imap

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
)

// errLineTooLong is a command line over the limit; it has been read to its end and thrown away.
var errLineTooLong = errors.New("line too long")

// reader reads command lines and literals. Telnet's negotiation is taken out of lines, never out of literals, where a
// 0xFF is mail.
type reader struct {
	br    *bufio.Reader
	count int64 // octets read
	// marked is called for telnet's DO TIMING-MARK. After a Ctrl-C telnet shows nothing that the server says until this is
	// answered: without an answer the student's screen stays dead.
	marked func()
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
	for {
		b, err := r.readByte()
		if err != nil {
			return buf, err
		}
		if b == iac {
			if err := r.skipTelnet(); err != nil {
				return buf, err
			}
			continue
		}
		afterCR := len(buf) > start && buf[len(buf)-1] == '\r'
		if b == '\n' || b == 0 && afterCR {
			if afterCR {
				buf = buf[:len(buf)-1]
			}
			if tooLong {
				return buf[:start], errLineTooLong
			}
			return buf, nil
		}
		if len(buf)-start >= limit {
			// Keep only the last octet, which tells CR LF and CR NUL from their like.
			tooLong, buf = true, buf[:start]
		}
		buf = append(buf, b)
	}
}

// Telnet's commands (RFC 854).
const (
	iac      = 255
	telnetSE = 240
	telnetSB = 250 // followed by an option, data, IAC SE
	willWont = 251 // 251 to 254 are WILL, WON'T, DO, DON'T, followed by an option
	wont     = 252
	do       = 253

	timingMark = 6 // RFC 860
)

// skipTelnet reads what follows an IAC. A doubled one stands for the octet 255, which no command has: dropped as well.
func (r *reader) skipTelnet() error {
	cmd, err := r.readByte()
	if err != nil {
		return err
	}
	switch {
	case cmd >= willWont && cmd < iac:
		option, err := r.readByte()
		if err == nil && cmd == do && option == timingMark && r.marked != nil {
			r.marked()
		}
		return err
	case cmd != telnetSB:
		return nil
	}
	for last := byte(0); ; {
		b, err := r.readByte()
		if err != nil {
			return err
		}
		if last == iac && b == telnetSE || b == '\n' { // a subnegotiation that never ends is a typing error
			return nil
		}
		last = b
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

// literalMark finds the announcement of a literal at the end of a line: {5}, {5+} (RFC 7888), ~{5} (RFC 3516).
func literalMark(line []byte) (n int64, sync, ok bool) {
	if len(line) < 3 || line[len(line)-1] != '}' {
		return 0, false, false
	}
	open := bytes.LastIndexByte(line, '{')
	if open < 0 {
		return 0, false, false
	}
	digits, plus := bytes.CutSuffix(line[open+1:len(line)-1], []byte("+"))
	if len(digits) == 0 || len(digits) > 18 {
		return 0, false, false
	}
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0, false, false
		}
		n = n*10 + int64(d-'0')
	}
	return n, !plus, true
}
