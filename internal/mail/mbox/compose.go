package mbox

import (
	"bufio"
	"bytes"
	"hash/crc32"
	"io"
	"os"
	"time"

	"maillab/internal/mail"
)

// compose writes a message as the file holds it: From_ line, mboxrd quoting, an empty line at the end. What w does not
// take it tells when it is flushed.
func compose(w *bufio.Writer, d *mail.Delivery, zone *time.Location) error {
	_, _ = w.WriteString(fromLine(d.Sender, d.At.In(zone)))
	if d.Large != nil {
		return composeLarge(w, d)
	}
	header, body := splitHeader(d.Body)
	writeQuoted(w, d.Head)
	writeQuoted(w, header)
	_, _ = w.WriteString(statusHeaders(d.Flags, d.Keywords))
	_ = w.WriteByte('\n')
	writeQuoted(w, body)
	_ = w.WriteByte('\n')
	return nil
}

// composeLarge is compose behind the From_ line for a message that is not in memory.
func composeLarge(w *bufio.Writer, d *mail.Delivery) error {
	size := d.Large.Size()
	in := newLines(d.Large, 0, size, make([]byte, min(rawBuffer, size+1)))
	inBody, crs := false, 0 // crs: held back, for at a line's end they go
	for {
		p, err := in.read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		text := bytes.TrimRight(p.text, "\r")
		if p.begins && p.ends && len(text) == 0 && !inBody {
			inBody = true
			_, _ = w.WriteString(statusHeaders(d.Flags, d.Keywords))
		}
		if p.begins && isQuotable(text) {
			_ = w.WriteByte('>')
		}
		if len(text) > 0 {
			for ; crs > 0; crs-- {
				_ = w.WriteByte('\r')
			}
			_, _ = w.Write(text)
		}
		if crs += len(p.text) - len(text); p.ends {
			_ = w.WriteByte('\n')
			crs = 0
		}
	}
	if in.middle {
		_ = w.WriteByte('\n')
	}
	if !inBody {
		_, _ = w.WriteString(statusHeaders(d.Flags, d.Keywords) + "\n")
	}
	return w.WriteByte('\n')
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
func composeAll(w *bufio.Writer, gap string, group []*mail.Delivery, zone *time.Location) error {
	_, _ = w.WriteString(gap)
	for _, d := range group {
		if err := compose(w, d, zone); err != nil {
			return err
		}
	}
	return w.Flush()
}

// measure composes a group for its checksum, and tells where each message will start behind an offset.
func measure(w *bufio.Writer, off int64, gap string, group []*mail.Delivery, zone *time.Location) (starts []int64, total extent, err error) {
	w.Reset(&total)
	_, _ = w.WriteString(gap)
	for _, d := range group {
		starts = append(starts, off+total.len+int64(w.Buffered()))
		if err := compose(w, d, zone); err != nil {
			return nil, total, err
		}
	}
	return starts, total, w.Flush()
}
