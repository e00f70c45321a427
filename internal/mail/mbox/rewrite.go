package mbox

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"io"
	"slices"

	"maillab/internal/mail"
)

// A rewrite changes a mailbox in place, from its first message that is to be changed to its end. Others must not see
// it half done, nor keep a half-read file in their hands:
//
//  1. with all locks held, a write lease proves that no other descriptor of the file is open; whoever opens it from now
//     on waits (in the kernel) until we are through, and reads the new bytes;
//  2. the new end of the file is written to a redo file and synced;
//  3. it is copied into the mailbox, which is cut to its new length and synced; the redo file is removed.
//
// Killed before 2 is done, nothing happened; afterwards the next start does 3 again (redo.go). In place, not by
// rename: an opener that waits on the lease would hold the old file after a rename, and write its mail into nowhere.

// rewriter is a box that is rewritten.
type rewriter struct{ *box }

// rewrite brings the file in line with the picture. Needs the write lock. ErrLocked: somebody has the file open, or reads a
// message that is to go.
func (b rewriter) rewrite(ctx context.Context) error {
	release, alone := setAlone(b.f)
	if !alone {
		return mail.ErrLocked
	}
	defer release()
	if err := b.look(ctx); err != nil {
		return err
	}
	if b.pins.any(b.msgs) {
		return mail.ErrLocked
	}
	p := b.plan()
	if len(p.messages) == p.first {
		return nil
	}
	redo, err := b.writeRedo(p)
	if err != nil {
		return classify(b.what("preparing a rewrite of"), err)
	}
	b.mu.Lock() // no reader beyond this point
	defer b.mu.Unlock()
	if err := b.applyRedo(redo); err != nil {
		b.recovered = false // the redo file stays: whoever locks the mailbox next tries again
		b.known, b.sure = stamp{}, false
		return classify(b.what("rewriting"), err)
	}
	return b.settle(p)
}

// rewriting is what the file is going to be.
type rewriting struct {
	messages []message // in the order of the file, as they will be; expunged ones included until settled
	first    int       // of messages that changes
	start    int64     // its offset
}

// plan finds the first message in the file that has to be changed.
func (b rewriter) plan() *rewriting {
	p := &rewriting{messages: slices.Clone(b.msgs)}
	slices.SortFunc(p.messages, func(x, y message) int { return cmp.Compare(x.start, y.start) })
	p.first = slices.IndexFunc(p.messages, func(m message) bool { return m.dirty() })
	if p.first < 0 {
		p.first = len(p.messages)
		return p
	}
	p.start = p.messages[p.first].start
	return p
}

// compose writes the new end of the file and moves the messages to where they will be.
func (p *rewriting) compose(w *bufio.Writer, f io.ReaderAt) error {
	out := &counter{w: w, n: p.start}
	for i := p.first; i < len(p.messages); i++ {
		m := &p.messages[i]
		if m.expunged {
			continue
		}
		start := out.n
		head := start + m.head - m.start
		if _, err := io.Copy(out, io.NewSectionReader(f, m.start, m.head-m.start)); err != nil {
			return err
		}
		if err := m.rewrite(out, f); err != nil {
			return err
		}
		m.start, m.head, m.end = start, head, out.n
	}
	return nil
}

// rewrite writes a message behind its From_ line, with what we know of its flags.
func (m *message) rewrite(out *counter, f io.ReaderAt) error {
	if !m.dirty() {
		_, err := io.Copy(out, io.NewSectionReader(f, m.head, m.end-m.head))
		return err
	}
	m.mark = m.Flags & inFile
	if m.mark&mail.Seen != 0 {
		m.mark |= old // what was read is not new: all programs write RO
	}
	m.markWords = m.Keywords
	body, err := copyHeader(out, f, m.head, m.end)
	if err != nil {
		return err
	}
	_, _ = out.Write([]byte(statusHeaders(m.mark, m.markWords) + "\n"))
	if body == m.end {
		_, _ = out.Write([]byte("\n")) // mailutils glues a message without a body to the next one otherwise
	}
	_, err = io.Copy(out, io.NewSectionReader(f, body, m.end-body))
	return err
}

// copyHeader copies a header but for the lines that tell the flags, and returns where the body begins.
func copyHeader(w io.Writer, f io.ReaderAt, head, end int64) (body int64, err error) {
	in, out := newLines(f, head, end, make([]byte, 8<<10)), served{}
	for {
		p, err := in.read()
		if err == io.EOF {
			return end, nil
		}
		if err != nil {
			return 0, err
		}
		out.line(p)
		if out.body {
			return p.next, nil
		}
		if out.name == "Status" || out.name == "X-Status" || out.name == "X-Keywords" {
			continue
		}
		line := p.text
		if p.ends {
			line = append(bytes.Clone(line), '\n')
		}
		if _, err := w.Write(line); err != nil {
			return 0, err
		}
	}
}

// counter counts what goes through it.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// settle takes over what the file is now. Needs mu.
func (b rewriter) settle(p *rewriting) error {
	now, _, err := stampFile(b.f)
	if err != nil {
		b.known, b.sure = stamp{}, false
		return err
	}
	b.msgs = slices.DeleteFunc(p.messages, func(m message) bool { return m.expunged })
	slices.SortFunc(b.msgs, func(x, y message) int { return cmp.Compare(x.UID, y.UID) })
	b.known, b.sure = now, true
	b.moved++
	b.snapshot = nil
	if b.tailFile != nil {
		at := noteStamp(b.known)
		if err := b.writeNote(tailNote{From: at, To: at}); err != nil {
			return err
		}
	}
	return b.save()
}
