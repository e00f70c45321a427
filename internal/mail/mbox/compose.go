package mbox

import (
	"bufio"
	"bytes"
	"hash/crc32"
	"os"
	"time"
)

// Delivery is a message on its way into a mailbox.
type Delivery struct {
	User   string
	Box    string    // "" is INBOX
	Sender string    // of the envelope, for the From_ line; "" is MAILER-DAEMON
	Time   time.Time // of the From_ line; zero is now
	// Raw is the message with all its headers, lines ending in LF (CRLF is borne). It is not changed, and must not be
	// until Deliver returns. An empty line after the header and a line end at the end are added when missing.
	Raw      []byte
	Flags    Flags    // for copied and appended messages
	Keywords []string // without blanks, sorted
}

// compose writes a message as the file holds it: From_ line, mboxrd quoting, an empty line at the end.
func compose(w *bufio.Writer, d *Delivery, zone *time.Location) {
	_, _ = w.WriteString(fromLine(d.Sender, d.Time.In(zone)))
	header, body := splitHeader(d.Raw)
	writeQuoted(w, header)
	_, _ = w.WriteString(statusHeaders(d.Flags, d.Keywords))
	_ = w.WriteByte('\n')
	writeQuoted(w, body)
	_ = w.WriteByte('\n')
}

// splitHeader cuts a message at its first empty line, which belongs to neither part.
func splitHeader(raw []byte) (header, body []byte) {
	pos := 0
	for line := range bytes.Lines(raw) {
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			return raw[:pos], raw[pos+len(line):]
		}
		pos += len(line)
	}
	return raw, nil
}

// writeQuoted writes lines with LF ends, each ">…>From " one level deeper (mboxrd).
func writeQuoted(w *bufio.Writer, text []byte) {
	if len(text) == 0 {
		return
	}
	if bytes.IndexByte(text, '\r') < 0 && !bytes.Contains(text, fromPrefix) { // nearly all mail
		_, _ = w.Write(bytes.TrimSuffix(text, []byte("\n")))
		_ = w.WriteByte('\n')
		return
	}
	for line := range bytes.Lines(text) {
		line = bytes.TrimRight(line, "\r\n") // a CR left before the LF would be read back as part of the line's end
		if isQuotable(line) {
			_ = w.WriteByte('>')
		}
		_, _ = w.Write(line)
		_ = w.WriteByte('\n')
	}
}

// extent is a checksum and a length of what is going to be written.
type extent struct {
	crc uint32
	len int64
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (e *extent) Write(b []byte) (int, error) {
	e.crc = crc32.Update(e.crc, castagnoli, b)
	e.len += int64(len(b))
	return len(b), nil
}

// fileWriter writes to a file from an offset on.
type fileWriter struct {
	disk disk
	f    *os.File
	off  int64
}

func (w *fileWriter) Write(b []byte) (int, error) {
	if err := w.disk.WriteAt(w.f, b, w.off); err != nil {
		return 0, err
	}
	w.off += int64(len(b))
	return len(b), nil
}

// writeBuffer is the size of one write; messages of a group that fit are written at once.
const writeBuffer = 256 << 10

// composeAll writes a group, after the line ends that the file needs at its end first.
func composeAll(w *bufio.Writer, gap string, group []*Delivery, zone *time.Location) error {
	_, _ = w.WriteString(gap)
	for _, d := range group {
		compose(w, d, zone)
	}
	return w.Flush()
}

// measure composes a group for its checksum, and tells where each message will start behind an offset.
func measure(w *bufio.Writer, off int64, gap string, group []*Delivery, zone *time.Location) (starts []int64, total extent) {
	w.Reset(&total)
	_, _ = w.WriteString(gap)
	for _, d := range group {
		starts = append(starts, off+total.len+int64(w.Buffered()))
		compose(w, d, zone)
	}
	_ = w.Flush() // an extent does not fail
	return starts, total
}
