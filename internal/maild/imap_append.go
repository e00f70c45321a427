package maild

import (
	"bytes"
	"io"
	"os"

	"maillab/internal/lesson"
)

// heldAtMost is how many octets of messages on their way into a mailbox are held in memory; what is more goes to a file,
// for somebody may copy a mailbox of a hundred megabytes.
const heldAtMost = 256 << 10

// copies are the messages of one APPEND, COPY or MOVE. They are all read before the mailbox is locked that they go to: it
// may be the one that they are in.
type copies struct {
	dir  string // where the file is made
	f    *os.File
	size int64
	held int64
}

// take reads a message of n octets to its end, unless it can be read again anyway.
func (c *copies) take(body io.Reader, n int64) (*io.SectionReader, error) {
	if section, ok := body.(*io.SectionReader); ok {
		return section, nil
	}
	if c.held += n; c.held <= heldAtMost {
		raw := make([]byte, n)
		_, err := io.ReadFull(body, raw)
		return io.NewSectionReader(bytes.NewReader(raw), 0, n), err
	}
	return c.spill(body, n)
}

// spill puts it behind the others in the file.
func (c *copies) spill(body io.Reader, n int64) (_ *io.SectionReader, err error) {
	if c.f == nil {
		if c.f, err = lesson.Stage(c.dir); err != nil {
			return nil, err
		}
	}
	if _, err := io.CopyN(c.f, body, n); err != nil {
		return nil, err
	}
	c.size += n
	return io.NewSectionReader(c.f, c.size-n, n), nil
}

func (c *copies) close() {
	if c.f != nil {
		_ = c.f.Close()
	}
}
