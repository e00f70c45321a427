package imap

import (
	"bytes"
	"errors"
	"io"

	"maillab/internal/mail"
	"maillab/internal/mail/imap/entity"
)

// maxHeader is how much of a header is ever held in memory; what is behind it is served, but not looked at.
const maxHeader = 4 << 20

// message is a message that is being looked at; nothing of it is read before it is needed.
type message struct {
	mail.Message
	raw    mail.Raw
	size   int64  // of the header with its empty line; -1: not known yet
	header []byte // in the scratch: only one message is looked at at a time
	tree   *entity.Part
	box    *selected
}

// scratch are buffers that are used for one message after another.
type scratch struct {
	header, body []byte
}

// get gives n octets.
func (s *scratch) get(buf *[]byte, n int) []byte {
	if cap(*buf) < n {
		*buf = make([]byte, n)
	}
	return (*buf)[:n]
}

func (b *selected) open(m mail.Message) (*message, error) {
	raw, err := b.mb.Open(m.UID)
	if err != nil {
		return nil, err
	}
	msg := &message{Message: m, raw: raw, size: -1, box: b}
	if m.HeaderSize > 0 && m.HeaderSize <= raw.Size() {
		msg.size = m.HeaderSize
	}
	return msg, nil
}

func (m *message) close() {
	if m != nil && m.raw != nil {
		_ = m.raw.Close()
	}
}

// headerSize finds where the body begins.
func (m *message) headerSize() (int64, error) {
	if m.size < 0 {
		if _, err := m.loadHeader(); err != nil {
			return 0, err
		}
	}
	return m.size, nil
}

// loadHeader reads the header with its empty line, or as much of it as is ever held.
func (m *message) loadHeader() ([]byte, error) {
	if m.header != nil {
		return m.header, nil
	}
	if m.size >= 0 {
		buf := m.box.scratch.get(&m.box.scratch.header, int(min(m.size, maxHeader)))
		n, err := readAt(m.raw, buf, 0)
		m.header = buf[:n]
		return m.header, err
	}
	return m.findHeader()
}

// findHeader reads piece by piece until the empty line, or as much as is ever held; the rest is only looked through.
func (m *message) findHeader() ([]byte, error) {
	keep, total := &m.box.scratch.header, m.raw.Size()
	for n := 2 << 10; ; n *= 2 {
		buf := (*keep)[:cap(*keep)]
		if len(buf) < n {
			buf = make([]byte, n)
			*keep = buf
		}
		got, err := readAt(m.raw, buf[:min(int64(len(buf)), total)], 0)
		if err != nil {
			return nil, err
		}
		end := bodyStart(buf[:got], 0, true)
		switch {
		case end >= 0:
			m.size, m.header = int64(end), buf[:end]
			return m.header, nil
		case int64(got) >= total:
			m.size, m.header = total, buf[:got]
			return m.header, nil
		case got >= maxHeader:
			m.header = buf[:got]
			m.size, err = m.skipHeader(int64(got))
			return m.header, err
		}
	}
}

// skipHeader looks for the empty line behind a gigantic header's held part.
func (m *message) skipHeader(from int64) (int64, error) {
	const overlap = 3 // the empty line may lie across two pieces
	buf := m.box.scratch.get(&m.box.scratch.body, scanPiece)
	for off := from - overlap; ; off += int64(len(buf) - overlap) {
		n, err := readAt(m.raw, buf, off)
		if err != nil {
			return 0, err
		}
		if end := bodyStart(buf[:n], 0, false); end >= 0 {
			return off + int64(end), nil
		}
		if off+int64(n) >= m.raw.Size() {
			return m.raw.Size(), nil
		}
	}
}

// bodyStart finds the end of the first empty line, looking from from on; -1 when there is none. The very first line of
// a message may be empty too.
func bodyStart(buf []byte, from int, atStart bool) int {
	if atStart {
		if bytes.HasPrefix(buf, []byte("\r\n")) {
			return 2
		}
		if bytes.HasPrefix(buf, []byte("\n")) {
			return 1
		}
	}
	for i := from; ; {
		nl := bytes.IndexByte(buf[i:], '\n')
		if nl < 0 {
			return -1
		}
		i += nl + 1
		switch rest := buf[i:]; {
		case bytes.HasPrefix(rest, []byte("\r\n")):
			return i + 2
		case bytes.HasPrefix(rest, []byte("\n")):
			return i + 1
		}
	}
}

// structure parses the whole message.
func (m *message) structure() (*entity.Part, error) {
	if m.tree != nil {
		return m.tree, nil
	}
	tree, err := m.box.parser.Parse(io.NewSectionReader(m.raw, 0, m.raw.Size()))
	if err != nil {
		return nil, err
	}
	m.tree = tree
	return tree, nil
}

// readAt fills buf from off on, as far as there is something.
func readAt(r io.ReaderAt, buf []byte, off int64) (int, error) {
	n, err := r.ReadAt(buf, off)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

func readRange(r io.ReaderAt, off, n int64) ([]byte, error) {
	buf := make([]byte, n)
	got, err := readAt(r, buf, off)
	return buf[:got], err
}

// holder is a Mailbox that can be kept as it is while many of its messages are read, which is cheaper. It must not be
// held for long.
type holder interface {
	Hold() (release func())
}

// holdAtMost is how many octets of mail one hold is for.
const holdAtMost = 1 << 20

// holding holds a mailbox now and then anew, so that others get their turn.
type holding struct {
	mb      Mailbox
	octets  int64
	release func()
}

// read says that a message of some size is read next. Nothing is held for one that takes long by itself.
func (h *holding) read(size int64) {
	if h.octets += size; h.release != nil && h.octets < holdAtMost {
		return
	}
	h.end()
	if mb, ok := h.mb.(holder); ok && size < holdAtMost {
		h.release = mb.Hold()
	}
}

func (h *holding) end() {
	if h.release != nil {
		h.release()
	}
	h.octets, h.release = 0, nil
}
