package dialogue

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	suffix = ".jsonl"
	// segments is how many files there are when the bounds are reached.
	segments = 16
	// maxWaiting is how much may wait to be written, in octets.
	maxWaiting = 64 << 10
)

// disk is the files and what is in them. It is not safe for concurrent use.
//
// Invariants: files are numbered upwards, and only the last one is written, from its beginning: a file that an earlier
// run left, perhaps torn, is never added to. spans of a dialogue are in order of their parts. What waits belongs behind
// the last file's end, and its spans say so already.
type disk struct {
	dir      string
	maxTotal int64
	maxCount int

	files   []segment // the oldest first
	out     *os.File  // the last of files; nil: the next piece begins another
	waiting []byte
	total   int64
	found   map[string]*place
	order   []string // ids as they came
}

// segment is one file.
type segment struct {
	number int
	size   int64 // with what waits
	begun  int   // dialogues whose first piece is here
}

// place is where a dialogue is.
type place struct {
	head  header // of the last piece
	spans []span
}

// span is a piece.
type span struct {
	file      int // number
	from, len int64
}

func openDisk(dir string, maxTotal int64, maxCount int) (*disk, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	d := &disk{dir: dir, maxTotal: maxTotal, maxCount: maxCount, found: map[string]*place{}}
	for _, f := range list { // sorted
		name, ours := strings.CutSuffix(f.Name(), suffix)
		number, err := strconv.Atoi(name)
		if !ours || err != nil || len(name) != 8 || !f.Type().IsRegular() {
			continue
		}
		if err := d.scan(number); err != nil {
			return nil, err
		}
	}
	return d, d.prune()
}

func (d *disk) path(number int) string {
	return filepath.Join(d.dir, fmt.Sprintf("%08d%s", number, suffix))
}

// scan finds the pieces in a file of an earlier run. What belongs to no dialogue only takes room.
func (d *disk) scan(number int) error {
	text, err := os.ReadFile(d.path(number))
	if err != nil {
		return err
	}
	d.scanText(number, text)
	return nil
}

func (d *disk) scanText(number int, text []byte) {
	d.files = append(d.files, segment{number: number})
	for len(text) > 0 {
		piece := firstPiece(text)
		line, _, _ := bytes.Cut(piece, []byte{'\n'})
		h, _ := parseHeader(line) // one that is torn names no dialogue
		d.enter(h, int64(len(piece)))
		text = text[len(piece):]
	}
}

// firstPiece is text up to the next piece's header.
func firstPiece(text []byte) []byte {
	if i := bytes.Index(text, []byte("\n"+headMark)); i >= 0 {
		return text[:i+1]
	}
	return text
}

// enter notes a piece at the end of the last file. One without a dialogue only takes room.
func (d *disk) enter(h header, size int64) {
	last := &d.files[len(d.files)-1]
	defer func() {
		last.size += size
		d.total += size
	}()
	if h.ID == "" {
		return
	}
	p := d.found[h.ID]
	if p == nil {
		p = &place{}
		d.found[h.ID] = p
		d.order = append(d.order, h.ID)
		last.begun++
	}
	p.head = h
	p.spans = append(p.spans, span{last.number, last.size, size})
}

// put takes a piece, and writes when there is enough to write.
func (d *disk) put(h header, piece []byte) error {
	if err := d.room(int64(len(piece))); err != nil {
		return err
	}
	d.enter(h, int64(len(piece)))
	d.waiting = append(d.waiting, piece...)
	if len(d.waiting) < maxWaiting {
		return nil
	}
	return d.write()
}

// room begins another file when the last one is full, and removes the oldest when there are too many.
func (d *disk) room(size int64) error {
	if d.out != nil {
		last := d.files[len(d.files)-1]
		if last.size+size <= d.maxTotal/segments && last.begun < max(1, d.maxCount/segments) {
			return nil
		}
		if err := errors.Join(d.write(), d.close()); err != nil {
			return err
		}
	}
	number := 1
	if n := len(d.files); n > 0 {
		number = d.files[n-1].number + 1
	}
	f, err := os.OpenFile(d.path(number), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	d.out = f
	d.files = append(d.files, segment{number: number})
	return d.prune()
}

// write writes what waits. When it fails, what was to be written is lost, and the file is given up: a later piece would
// not be where its span says.
func (d *disk) write() error {
	if len(d.waiting) == 0 {
		return nil
	}
	_, err := d.out.Write(d.waiting)
	d.waiting = d.waiting[:0]
	if err != nil {
		return errors.Join(err, d.close())
	}
	return nil
}

// close gives up the last file, with what waits.
func (d *disk) close() error {
	if d.out == nil {
		return nil
	}
	err := d.out.Close()
	d.out, d.waiting = nil, nil
	return err
}

// prune removes the oldest files until there is room for what the last one may take. The last one stays.
func (d *disk) prune() error {
	var errs []error
	for len(d.files) > 1 && (d.total > d.maxTotal-d.maxTotal/segments || len(d.order) > d.maxCount-d.maxCount/segments) {
		errs = append(errs, d.drop(d.files[0]))
	}
	return errors.Join(errs...)
}

// drop forgets the first file and removes it.
func (d *disk) drop(s segment) error {
	d.files = d.files[1:]
	d.total -= s.size
	kept := d.order[:0]
	for _, id := range d.order {
		p := d.found[id]
		for len(p.spans) > 0 && p.spans[0].file == s.number {
			p.spans = p.spans[1:]
		}
		if len(p.spans) == 0 {
			delete(d.found, id)
		} else {
			kept = append(kept, id)
		}
	}
	d.order = kept
	return os.Remove(d.path(s.number))
}

func (d *disk) clear() error {
	errs := []error{d.close()}
	for len(d.files) > 0 {
		errs = append(errs, d.drop(d.files[0]))
	}
	d.total = 0
	return errors.Join(errs...)
}

// read returns what the last piece says of a dialogue, and its pieces. A piece that is not there, because a write failed,
// is left out.
func (d *disk) read(id string) (last header, pieces [][]byte, err error) {
	p := d.found[id]
	if p == nil {
		return header{}, nil, ErrNotFound
	}
	for _, s := range p.spans {
		piece := make([]byte, s.len)
		n, err := d.readAt(s, piece)
		if err != nil && !errors.Is(err, io.EOF) {
			return header{}, nil, err
		}
		if n > 0 {
			pieces = append(pieces, piece[:n])
		}
	}
	return p.head, pieces, nil
}

func (d *disk) readAt(s span, piece []byte) (int, error) {
	f, err := os.Open(d.path(s.file))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return f.ReadAt(piece, s.from)
}
