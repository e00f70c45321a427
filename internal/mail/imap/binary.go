package imap

import (
	"bytes"
	"encoding/base64"
	"io"
	"strings"

	"maillab/internal/mail"
	"maillab/internal/mail/imap/entity"
)

// A message that comes as a literal8 may have parts that are no text (RFC 3516, section 4.4). A mailbox is a file of lines, in
// which NUL, a lone CR and a lone LF would not come back as they were: such parts are kept in base64, which FETCH BINARY
// undoes.

// keepBinary puts a message's binary parts into base64.
func (c *conn) keepBinary(m *mail.Delivery) error {
	var text io.ReaderAt = bytes.NewReader(m.Body)
	if m.Large != nil {
		text = m.Large
	}
	tree, err := new(entity.Parser).Parse(io.NewSectionReader(text, 0, m.Size()))
	if err != nil {
		return err
	}
	parts, err := binaryLeaves(nil, tree, text)
	if err != nil || len(parts) == 0 {
		return err
	}
	if m.Large == nil {
		var out bytes.Buffer
		err := encodeParts(&out, text, m.Size(), parts)
		m.Body = out.Bytes()
		return err
	}
	f, err := c.cfg.Stage()
	if err != nil {
		return err
	}
	c.spill.second = f
	if err := encodeParts(f, text, m.Size(), parts); err != nil {
		return err
	}
	size, err := f.Seek(0, io.SeekEnd)
	m.Large = io.NewSectionReader(f, 0, size)
	return err
}

// binaryLeaves finds the parts that say that they are binary, or that have a NUL, in the message's order.
func binaryLeaves(found []*entity.Part, p *entity.Part, text io.ReaderAt) (_ []*entity.Part, err error) {
	for _, inner := range p.Parts {
		if found, err = binaryLeaves(found, inner, text); err != nil {
			return nil, err
		}
	}
	switch {
	case len(p.Parts) > 0:
		return found, nil
	case p.Message != nil && !p.Encoded():
		return binaryLeaves(found, p.Message, text)
	case strings.EqualFold(p.Encoding, "binary"):
		return append(found, p), nil
	case p.Encoding != "" && !strings.EqualFold(p.Encoding, "7bit") && !strings.EqualFold(p.Encoding, "8bit"):
		return found, nil
	}
	count := &counter{}
	if _, err := io.Copy(count, io.NewSectionReader(text, p.Body, p.Size())); err != nil {
		return nil, err
	}
	if count.nul {
		found = append(found, p)
	}
	return found, nil
}

// encodeParts copies a message with these parts in base64.
func encodeParts(w io.Writer, text io.ReaderAt, size int64, parts []*entity.Part) error {
	at := int64(0)
	for _, p := range parts {
		if _, err := io.Copy(w, io.NewSectionReader(text, at, p.Start-at)); err != nil {
			return err
		}
		header, err := readRange(text, p.Start, p.Body-p.Start)
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
	for f := range entity.Fields(header) {
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
