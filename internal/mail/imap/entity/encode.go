package entity

import (
	"bytes"
	"encoding/base64"
	"io"
)

// EncodeParts copies a message with these parts in base64.
func EncodeParts(w io.Writer, text io.ReaderAt, size int64, parts []*Part) error {
	at := int64(0)
	for _, p := range parts {
		if _, err := io.Copy(w, io.NewSectionReader(text, at, p.Start-at)); err != nil {
			return err
		}
		header := make([]byte, p.Body-p.Start)
		_, err := io.ReadFull(io.NewSectionReader(text, p.Start, p.Body-p.Start), header)
		if err == nil {
			_, err = w.Write(encodedHeader(header))
		}
		if err != nil {
			return err
		}
		lines := &wrapper{w: w}
		encoder := base64.NewEncoder(base64.StdEncoding, lines)
		if _, err := io.Copy(encoder, io.NewSectionReader(text, p.Body, p.Size())); err != nil {
			return err
		}
		if err := encoder.Close(); err != nil {
			return err
		}
		at = p.End
	}
	if at == size { // a part that is the whole message ends with a line's end
		_, err := io.WriteString(w, "\r\n")
		return err
	}
	_, err := io.Copy(w, io.NewSectionReader(text, at, size-at))
	return err
}

// encodedHeader is a part's header that says base64.
func encodedHeader(header []byte) []byte {
	var out bytes.Buffer
	for f := range Fields(header) {
		if !f.Is("Content-Transfer-Encoding") {
			out.Write(bytes.TrimRight(f.Raw, "\r\n"))
			out.WriteString("\r\n")
		}
	}
	out.WriteString("Content-Transfer-Encoding: base64\r\n\r\n")
	return out.Bytes()
}

// wrapper breaks base64 into lines of 76 (RFC 2045, section 6.8).
type wrapper struct {
	w   io.Writer
	col int
}

func (l *wrapper) Write(b []byte) (int, error) {
	for rest := b; len(rest) > 0; {
		if l.col == 76 {
			if _, err := io.WriteString(l.w, "\r\n"); err != nil {
				return 0, err
			}
			l.col = 0
		}
		n := min(len(rest), 76-l.col)
		if _, err := l.w.Write(rest[:n]); err != nil {
			return 0, err
		}
		l.col += n
		rest = rest[n:]
	}
	return len(b), nil
}
