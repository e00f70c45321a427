package mbox

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"maillab/internal/mail"
)

// The tail note is a small file beside the index, written over in place and never synced, that tells of the last
// append: before it, what is going to be written where; after it, that it is complete. A process that is killed leaves
// the note as it was, so the next start knows a torn tail from somebody else's text exactly. After a power failure the
// note may be old; then the tail is judged by its looks, see torn.
//
// It also spares scans: as long as nobody else touches the file, from … to is a chain of our own appends, and who knows
// the file as of from has to read only what came after it.
//
// Format: magic, the fields of noteFields in little endian, CRC-32C of all that. A note that does not check is none.

const noteMagic = "maillab tail 1\n\x00"

// tailNote is what the note says.
type tailNote struct {
	Pending  uint64 // 1: the append was begun and not ended
	From, To tailStamp
	Off      int64  // where the pending append starts
	Len      int64  // its length
	CRC      uint64 // of its bytes
	LineCRC  uint64 // of its first line (with the line ends before it)
	LineLen  int64
}

type tailStamp struct {
	Ino         uint64
	Size, Mtime int64
}

func (t tailStamp) stamp() stamp      { return stamp{t.Ino, t.Size, t.Mtime} }
func noteStamp(s stamp) (t tailStamp) { return tailStamp{s.ino, s.size, s.mtime} }

func (t tailNote) encode() []byte {
	var b bytes.Buffer
	b.WriteString(noteMagic)
	_ = binary.Write(&b, binary.LittleEndian, t) // a Buffer does not fail
	return binary.LittleEndian.AppendUint32(b.Bytes(), crc32.Checksum(b.Bytes(), castagnoli))
}

// decodeNote returns the zero note for anything that is not one.
func decodeNote(text []byte) (t tailNote) {
	n := len(noteMagic) + binary.Size(t)
	if len(text) < n+4 || string(text[:len(noteMagic)]) != noteMagic ||
		crc32.Checksum(text[:n], castagnoli) != binary.LittleEndian.Uint32(text[n:]) {
		return t
	}
	_ = binary.Read(bytes.NewReader(text[len(noteMagic):n]), binary.LittleEndian, &t)
	return t
}

// openNote reads the note, making its file when there is none. Needs the turn.
func (b *box) openNote() error {
	if b.tailFile != nil {
		return nil
	}
	path := b.spool.statePath(b.user, b.name, ".tail")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(f, 1024))
	if err != nil {
		return errors.Join(err, f.Close())
	}
	b.tailFile, b.tail = f, decodeNote(text)
	return nil
}

func (b *box) writeNote(t tailNote) error {
	if err := b.spool.cfg.disk.WriteAt(b.tailFile, t.encode(), 0); err != nil {
		return err
	}
	b.tail = t
	return nil
}

// cutTail removes what an append left that was never acknowledged. Needs the write lock. ErrLocked: somebody has the file
// open. He may have read the torn message, and would later save it with octets of what was appended in its place; mail
// for this mailbox waits until he is through.
func (b *box) cutTail() error {
	now, _, err := stampFile(b.f)
	if err != nil {
		return err
	}
	from, err := b.torn(now)
	if err != nil || from < 0 {
		return err
	}
	release, alone := setAlone(b.f)
	if !alone {
		return mail.ErrLocked
	}
	defer release()
	if err := b.keepAside(from, now.size); err != nil {
		return err
	}
	b.spool.cfg.Log.Warn("mailbox had a torn tail", "user", b.user, "box", b.name, "from", from, "size", now.size)
	if err := b.spool.cfg.disk.Truncate(b.f, from); err != nil {
		return err
	}
	return b.spool.cfg.disk.Sync(b.f)
}

// torn returns where a torn append starts, or -1.
func (b *box) torn(now stamp) (int64, error) {
	t := b.tail
	if t.Pending == 0 || t.From.Ino != now.ino || now.size <= t.Off {
		return b.tornByLooks(now)
	}
	if crc, err := checksum(b.f, t.Off, t.LineLen); err != nil || crc != uint32(t.LineCRC) && now.size >= t.Off+t.LineLen {
		return -1, err // somebody rewrote the file since: there is nothing of ours to take back
	}
	if now.size < t.Off+t.Len {
		return t.Off, nil
	}
	crc, err := checksum(b.f, t.Off, t.Len)
	if err != nil || crc == uint32(t.CRC) || now.size > t.Off+t.Len {
		return -1, err
	}
	return t.Off, nil // all there, but not what was written: blocks that never reached the disk
}

// tornByLooks judges a tail that no note tells of: the machine went down. What was acknowledged was synced, so only
// bytes behind the last committed length can be torn, and only a message that we wrote: mailutils leaves one blank in
// the From_ line and ends every message with an empty line, people do not write Return-Path.
func (b *box) tornByLooks(now stamp) (int64, error) {
	end := make([]byte, 2)
	if now.size < 2 {
		return -1, nil
	}
	if _, err := b.f.ReadAt(end, now.size-2); err != nil || string(end) == "\n\n" {
		return -1, err
	}
	from := b.committed(now)
	last, err := lastRecord(newScanner(b.f, from, now.size, b.spool.cfg.Zone))
	if err != nil || last.head == last.start {
		return -1, err
	}
	first := make([]byte, min(last.end-last.start, 4096))
	if _, err := b.f.ReadAt(first, last.start); err != nil {
		return -1, err
	}
	line, rest, _ := bytes.Cut(first, []byte("\n"))
	if !bytes.Contains(line, []byte("  ")) || !bytes.HasPrefix(rest, []byte("Return-Path: ")) {
		return -1, nil
	}
	return last.start, nil
}

func lastRecord(s *scanner) (last record, err error) {
	for {
		r, err := s.next()
		if err == io.EOF {
			return last, nil
		}
		if err != nil {
			return last, err
		}
		last = r
	}
}

func checksum(f *os.File, off, n int64) (uint32, error) {
	var e extent
	_, err := io.Copy(&e, io.NewSectionReader(f, off, n))
	return e.crc, err
}

// keepAside saves what is going to be cut off, so that nothing a student has is ever thrown away for good.
func (b *box) keepAside(from, to int64) error {
	name := b.spool.statePath(b.user, b.name, ".torn-"+strconv.FormatInt(b.spool.cfg.Now().UnixNano(), 10))
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(f, io.NewSectionReader(b.f, from, to-from))
	return errors.Join(err, f.Close())
}

// appended notes the end of an append and tells whether the file was, before it, as the note left it.
func (b *box) appended(before stamp, after stamp) error {
	t := tailNote{From: noteStamp(before), To: noteStamp(after)}
	if b.tail.To.stamp() == before {
		t.From = b.tail.From
	}
	return b.writeNote(t)
}
