package imap

import (
	"errors"
	"io"
	"strings"

	"maillab/internal/mail/imap/entity"
	"maillab/internal/mail/imap/syntax"
)

// lastTree remembers the structure that was parsed last: clients ask for BODYSTRUCTURE and then for part after part.
type lastTree struct {
	uid  uint32
	tree *entity.Part
}

// structureOf parses a message, if it was not the last one that was parsed.
func (c viewer) structureOf(msg *message) (*entity.Part, error) {
	if last := &c.box.last; last.tree != nil && last.uid == msg.UID {
		msg.tree = last.tree
		return last.tree, nil
	}
	tree, err := msg.structure()
	if err == nil {
		c.box.last = lastTree{msg.UID, tree}
	}
	return tree, err
}

// writeItem writes one item with its name. Its bytes have been prepared: an error now can only end the connection.
func (f *fetcher) writeItem(msg *message, item syntax.Item) {
	w := f.out
	w.str(f.label(item))
	w.byte(' ')
	switch item.Kind {
	case syntax.ItemFlags:
		w.byte('(')
		f.writeFlags(msg.Message)
		w.byte(')')
	case syntax.ItemUID:
		w.num(uint64(msg.UID))
	case syntax.ItemDate:
		w.str(`"` + msg.Date.Format(syntax.InternalDate) + `"`)
	case syntax.ItemSize:
		w.num(uint64(msg.Size))
	case syntax.ItemModSeq:
		w.byte('(')
		w.num(msg.ModSeq)
		w.byte(')')
	case syntax.ItemEnvelope:
		f.writeEnvelope(msg.header)
	case syntax.ItemBody, syntax.ItemStructure:
		f.writeStructure(msg.tree, item.Kind == syntax.ItemStructure)
	case syntax.ItemSection:
		f.writeSection(msg, item)
	case syntax.ItemBinary, syntax.ItemBinarySize:
		f.writeBinary(msg, item)
	}
}

// writeSection writes BODY[…] from the message's own bytes; none when there is no such part.
func (f *fetcher) writeSection(msg *message, item syntax.Item) {
	p, ok, err := msg.piece(item.Section)
	if err != nil || !ok { // both servers have nothing there rather than NIL
		p = piece{made: true}
	}
	if item.Partial {
		p = p.cut(item.Off, item.N)
	}
	if p.header {
		f.stats.Header += p.size()
	} else {
		f.stats.Body += p.size()
	}
	if p.made {
		f.out.literal(p.data)
		return
	}
	if err := f.out.literalFrom(msg.raw, p.off, p.n); err != nil {
		f.cfg.Logger.Error("imap: a message could not be read to its end", "user", f.stats.User, "uid", msg.UID, "err", err)
	}
}

// errUnknownEncoding is a part whose encoding is not known (RFC 3516, section 4.3).
var errUnknownEncoding = errors.New("unknown content transfer encoding")

// decoded gives a part's decoded octets; nil when there is no such part. A multipart or a message has nothing to decode.
func (m *message) decoded(s syntax.Section) (io.Reader, error) {
	part := m.tree
	if len(s.Path) > 0 {
		part = m.tree.Find(s.Path)
	}
	if part == nil {
		return nil, nil
	}
	if len(s.Path) == 0 {
		return io.NewSectionReader(m.raw, 0, m.raw.Size()), nil
	}
	body := io.NewSectionReader(m.raw, part.Body, part.Size())
	if len(part.Parts) > 0 || part.Message != nil && !part.Encoded() {
		return body, nil
	}
	r, ok := entity.Decode(part.Encoding, body)
	if !ok {
		return nil, errUnknownEncoding
	}
	return r, nil
}

// decodable fails for a part that BINARY cannot serve.
func (m *message) decodable(s syntax.Section) error {
	_, err := m.decoded(s)
	return err
}

// writeBinary writes BINARY[…] or BINARY.SIZE[…]. The part is decoded twice, once to count, so that none is ever held.
func (f *fetcher) writeBinary(msg *message, item syntax.Item) {
	r, _ := msg.decoded(item.Section)
	if r == nil {
		r = strings.NewReader("")
	}
	count := &counter{}
	if _, err := io.Copy(count, r); err != nil {
		f.out.fail(err)
		return
	}
	if item.Kind == syntax.ItemBinarySize {
		f.out.num(uint64(count.n))
		return
	}
	off, n := int64(0), count.n
	if item.Partial {
		off = min(item.Off, n)
		n = min(item.N, n-off)
	}
	if count.nul {
		f.out.byte('~') // literal8
	}
	f.out.byte('{')
	f.out.num(uint64(n))
	f.out.str("}\r\n")
	f.out.summary(n)
	f.stats.Body += n
	if n == 0 {
		return
	}
	r, _ = msg.decoded(item.Section)
	if _, err := io.CopyN(io.Discard, r, off); err != nil {
		f.out.fail(err)
		return
	}
	if _, err := io.CopyN(rawWriter{f.out}, r, n); err != nil {
		f.out.fail(err)
	}
}

// counter counts octets and notices NULs.
type counter struct {
	n   int64
	nul bool
}

func (c *counter) Write(b []byte) (int, error) {
	for _, x := range b {
		if x == 0 {
			c.nul = true
			break
		}
	}
	c.n += int64(len(b))
	return len(b), nil
}

// rawWriter is a writer's way for a literal's octets.
type rawWriter struct{ w *writer }

func (r rawWriter) Write(b []byte) (int, error) {
	r.w.raw(b)
	return len(b), r.w.err
}

// label is an item as the response gives it back.
func (f *fetcher) label(item syntax.Item) string {
	return item.Label(func(name string, quoted bool) string {
		if f.w.upperFields {
			name = strings.ToUpper(name)
		}
		if f.w.quoteFields || quoted {
			name = `"` + strings.NewReplacer("\r", "", "\n", "", "\x00", "", `"`, `\"`, `\`, `\\`).Replace(name) + `"`
		}
		return name
	})
}
