package mbox

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// A redo file holds the new end of a mailbox while it is copied into place:
//
//	redoHeader, little endian, then its CRC-32C
//	the new end of the mailbox
//	CRC-32C of each page of the old end, from Start on, pages as in the mailbox
//
// It is done again only when the mailbox is what a rewrite that was cut off leaves: each page old or new, except for one
// that may be both. Anything else means that somebody wrote to it since, and then the file is theirs.

const redoMagic = "maillab redo 1\n\x00"

type redoHeader struct {
	Magic    [16]byte
	Ino      uint64
	Start    int64 // where the new end goes
	OldSize  int64 // of the mailbox before
	NewLen   int64 // of the new end
	CRC      uint32
	PagesCRC uint32
}

var redoHeaderSize = int64(binary.Size(redoHeader{}) + 4)

const page = 4096

func (b rewriter) redoPath() string { return b.spool.statePath(b.user, b.name, ".redo") }

// redo is an open redo file.
type redo struct {
	redoHeader
	f     *os.File
	pages []uint32
}

// writeRedo writes and syncs the redo file of a plan.
func (b rewriter) writeRedo(p *rewriting) (r *redo, err error) {
	path := b.redoPath()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), os.Remove(path))
		}
	}()
	r = &redo{f: f}
	r.Ino, r.Start, r.OldSize = b.known.ino, p.start, b.known.size
	copy(r.Magic[:], redoMagic)
	var sum extent
	out := &fileWriter{disk: b.spool.cfg.disk, f: f, off: redoHeaderSize}
	buf := bufio.NewWriterSize(io.MultiWriter(&sum, out), writeBuffer)
	if err := errors.Join(p.compose(buf, b.f), buf.Flush()); err != nil {
		return nil, err
	}
	r.CRC, r.NewLen = sum.crc, sum.len
	if r.pages, err = pageSums(b.f, r.Start, r.OldSize); err != nil {
		return nil, err
	}
	pages := r.encodePages()
	r.PagesCRC = crc32.Checksum(pages, castagnoli)
	if _, err := out.Write(pages); err != nil {
		return nil, err
	}
	if err := b.spool.cfg.disk.WriteAt(f, r.encode(), 0); err != nil {
		return nil, err
	}
	if err := b.spool.cfg.disk.Sync(f); err != nil {
		return nil, err
	}
	return r, syncDir(filepath.Dir(path))
}

func (r *redo) encode() []byte {
	var b bytes.Buffer
	_ = binary.Write(&b, binary.LittleEndian, r.redoHeader) // a Buffer does not fail
	return binary.LittleEndian.AppendUint32(b.Bytes(), crc32.Checksum(b.Bytes(), castagnoli))
}

func (r *redo) encodePages() (b []byte) {
	for _, sum := range r.pages {
		b = binary.LittleEndian.AppendUint32(b, sum)
	}
	return b
}

// pageSums are the checksums of a range, cut where the file's pages are.
func pageSums(f io.ReaderAt, from, to int64) (sums []uint32, err error) {
	in := bufio.NewReaderSize(io.NewSectionReader(f, from, to-from), writeBuffer)
	buf := make([]byte, page)
	for from < to {
		n := min(page-from%page, to-from)
		if _, err := io.ReadFull(in, buf[:n]); err != nil {
			return nil, err
		}
		sums = append(sums, crc32.Checksum(buf[:n], castagnoli))
		from += n
	}
	return sums, nil
}

// applyRedo copies the new end into the mailbox and removes the redo file. Space is reserved first, so that a full disk
// is found out before a byte is changed. The mailbox is parked meanwhile.
func (b rewriter) applyRedo(r *redo) error {
	defer r.f.Close()
	defer b.spool.cfg.Parking.leave(b.box)()
	disk, end := b.spool.cfg.disk, r.Start+r.NewLen
	if end > r.OldSize {
		if err := reserve(b.f, r.OldSize, end); err != nil {
			return errors.Join(err, disk.Truncate(b.f, r.OldSize), r.remove())
		}
	}
	buf := bufio.NewWriterSize(&fileWriter{disk: disk, f: b.f, off: r.Start}, writeBuffer)
	_, err := io.Copy(buf, io.NewSectionReader(r.f, redoHeaderSize, r.NewLen))
	if err := errors.Join(err, buf.Flush()); err != nil {
		return err
	}
	if err := disk.Truncate(b.f, end); err != nil {
		return err
	}
	if err := disk.Sync(b.f); err != nil {
		return err
	}
	return r.remove()
}

// remove closes the file first: Windows removes none that is open.
func (r *redo) remove() error { return errors.Join(r.f.Close(), os.Remove(r.f.Name())) }

// replay does a rewrite again that was cut off. Needs the write lock. It does not ask for a lease: where there was a
// parking it is still held; where there was none (the machine went down) nobody has the file open from before, and who
// opened it since has half a rewrite in hand, which only gets better.
func (b rewriter) replay() error {
	f, err := os.Open(b.redoPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	r, err := readRedo(f)
	if err != nil || r == nil {
		return errors.Join(err, f.Close(), os.Remove(f.Name())) // never finished, so nothing was changed
	}
	fits, err := r.fits(b.f)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	if !fits {
		b.spool.cfg.Log.Error("mailbox was changed after a rewrite was cut off", "user", b.user, "box", b.name)
		aside := f.Name() + "-" + strconv.FormatInt(b.spool.cfg.Now().UnixNano(), 10)
		return errors.Join(f.Close(), os.Rename(f.Name(), aside))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spool.cfg.Log.Warn("rewrite that was cut off is done again", "user", b.user, "box", b.name)
	return b.applyRedo(r)
}

// readRedo reads a redo file; nil when it was never finished.
func readRedo(f *os.File) (*redo, error) {
	r := &redo{f: f}
	head := make([]byte, redoHeaderSize)
	if _, err := io.ReadFull(f, head); err == io.EOF || err == io.ErrUnexpectedEOF {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	_ = binary.Read(bytes.NewReader(head), binary.LittleEndian, &r.redoHeader)
	if !bytes.Equal(r.encode(), head) || string(r.Magic[:]) != redoMagic {
		return nil, nil
	}
	crc, err := checksum(f, redoHeaderSize, r.NewLen)
	if err != nil || crc != r.CRC {
		return nil, err
	}
	pages, err := io.ReadAll(io.NewSectionReader(f, redoHeaderSize+r.NewLen, 1<<40))
	if err != nil || crc32.Checksum(pages, castagnoli) != r.PagesCRC {
		return nil, err
	}
	for ; len(pages) >= 4; pages = pages[4:] {
		r.pages = append(r.pages, binary.LittleEndian.Uint32(pages))
	}
	return r, nil
}

// fits tells whether a mailbox is what this rewrite, cut off anywhere, leaves.
func (r *redo) fits(f *os.File) (bool, error) {
	now, _, err := stampFile(f)
	if err != nil {
		return false, err
	}
	newEnd := r.Start + r.NewLen
	if now.ino != r.Ino || now.size != r.OldSize && now.size != newEnd {
		return false, nil
	}
	both := 0
	var is, will [page]byte
	for i, off := 0, r.Start; off < now.size; i++ {
		n := min(page-off%page, now.size-off)
		if _, err := f.ReadAt(is[:n], off); err != nil {
			return false, err
		}
		m := max(min(n, newEnd-off), 0)
		if _, err := r.f.ReadAt(will[:m], redoHeaderSize+off-r.Start); err != nil && err != io.EOF {
			return false, err
		}
		if !bytes.Equal(is[:m], will[:m]) && !r.isOld(i, off, is[:n]) {
			both++
		}
		off += n
	}
	return both <= 1, nil
}

// isOld tells whether page i is as it was before. Where the mailbox grew, reserved space reads as zeros.
func (r *redo) isOld(i int, off int64, is []byte) bool {
	if room := r.OldSize - off; room < int64(len(is)) {
		if len(bytes.Trim(is[max(room, 0):], "\x00")) > 0 {
			return false
		}
		is = is[:max(room, 0)]
	}
	return len(is) == 0 || i < len(r.pages) && crc32.Checksum(is, castagnoli) == r.pages[i]
}
