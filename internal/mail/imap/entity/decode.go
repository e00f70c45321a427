package entity

import (
	"bufio"
	"io"
	"mime"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/transform"
)

// Decode undoes a Content-Transfer-Encoding; ok is false when it is not known (RFC 3516, UNKNOWN-CTE). What is not
// valid in the encoding is left out or left as it is; nothing is an error but r's own.
func Decode(enc string, r io.Reader) (_ io.Reader, ok bool) {
	switch strings.ToLower(enc) {
	case "", "7bit", "8bit", "binary":
		return r, true
	case "base64":
		return &base64Reader{in: bufio.NewReaderSize(r, 32<<10)}, true
	case "quoted-printable":
		return &quotedReader{in: bufio.NewReaderSize(r, 32<<10)}, true
	}
	return nil, false
}

// base64Reader decodes base64 and skips what is not of its alphabet.
type base64Reader struct {
	in   *bufio.Reader
	acc  uint32
	bits int
}

func (d *base64Reader) Read(out []byte) (int, error) {
	for n := 0; ; {
		if n == len(out) {
			return n, nil
		}
		b, err := d.in.ReadByte()
		if err != nil {
			if n > 0 {
				err = nil
			}
			return n, err
		}
		v := base64Value(b)
		if b == '=' {
			d.bits = 0 // what follows is another piece
		}
		if v < 0 {
			continue
		}
		d.acc, d.bits = d.acc<<6|uint32(v), d.bits+6
		if d.bits >= 8 {
			d.bits -= 8
			out[n] = byte(d.acc >> d.bits)
			n++
		}
	}
}

func base64Value(b byte) int {
	switch {
	case b >= 'A' && b <= 'Z':
		return int(b - 'A')
	case b >= 'a' && b <= 'z':
		return int(b-'a') + 26
	case b >= '0' && b <= '9':
		return int(b-'0') + 52
	case b == '+':
		return 62
	case b == '/':
		return 63
	}
	return -1
}

// quotedReader decodes quoted-printable (RFC 2045, section 6.7).
type quotedReader struct {
	in      *bufio.Reader
	pending []byte // decoded, not yet read
}

func (d *quotedReader) Read(out []byte) (int, error) {
	for len(d.pending) == 0 {
		line, err := d.in.ReadSlice('\n')
		if len(line) == 0 && err != nil {
			return 0, err
		}
		d.pending = unquote(d.pending[:0], line, err == bufio.ErrBufferFull)
	}
	n := copy(out, d.pending)
	d.pending = d.pending[n:]
	return n, nil
}

// unquote appends a decoded line; a partial one has no end yet.
func unquote(out, line []byte, partial bool) []byte {
	text := line
	if !partial {
		text = trimRight(line, " \t\r\n")
	}
	end := line[len(trimRight(line, "\r\n")):]
	soft := !partial && len(text) > 0 && text[len(text)-1] == '='
	if soft {
		text = text[:len(text)-1]
	}
	for i := 0; i < len(text); i++ {
		if text[i] == '=' && i+2 < len(text) {
			hi, lo := hexValue(text[i+1]), hexValue(text[i+2])
			if hi >= 0 && lo >= 0 {
				out = append(out, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		out = append(out, text[i])
	}
	if soft || partial {
		return out
	}
	return append(out, end...)
}

func trimRight(b []byte, cutset string) []byte {
	for len(b) > 0 && strings.IndexByte(cutset, b[len(b)-1]) >= 0 {
		b = b[:len(b)-1]
	}
	return b
}

func hexValue(b byte) int {
	switch {
	case b >= '0' && b <= '9':
		return int(b - '0')
	case b >= 'A' && b <= 'F':
		return int(b-'A') + 10
	case b >= 'a' && b <= 'f':
		return int(b-'a') + 10
	}
	return -1
}

// Charset finds a character set by its name; nil for those that are UTF-8 already, ok is false for unknown ones.
func Charset(name string) (_ encoding.Encoding, ok bool) {
	switch strings.ToLower(name) {
	case "", "us-ascii", "ascii", "utf-8", "utf8":
		return nil, true
	}
	e, err := htmlindex.Get(name)
	if err != nil {
		return nil, false
	}
	return e, true
}

// Text gives r as UTF-8. An unknown character set is taken for UTF-8.
func Text(charset string, r io.Reader) io.Reader {
	if e, ok := Charset(charset); ok && e != nil {
		return transform.NewReader(r, e.NewDecoder())
	}
	return r
}

// Words decodes the encoded words of a header field's value (RFC 2047). Octets that are not UTF-8 are taken for Latin-1:
// what people have always sent.
func Words(value string) string {
	if !utf8.ValidString(value) {
		if s, err := charmap.Windows1252.NewDecoder().String(value); err == nil {
			value = s
		}
	}
	if !strings.Contains(value, "=?") {
		return value
	}
	d := mime.WordDecoder{CharsetReader: func(charset string, r io.Reader) (io.Reader, error) { return Text(charset, r), nil }}
	if s, err := d.DecodeHeader(value); err == nil {
		return s
	}
	return value
}
