package imap

import (
	"bytes"
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
		err := entity.EncodeParts(&out, text, m.Size(), parts)
		m.Body = out.Bytes()
		return err
	}
	f, err := c.cfg.Stage()
	if err != nil {
		return err
	}
	c.spill.second = f
	if err := entity.EncodeParts(f, text, m.Size(), parts); err != nil {
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
