// Package ring keeps records in numbered files that are bounded together, and shares the room out fairly: when there is
// none left, the oldest thing goes of whoever has most. So nobody can push another's records out, however much comes.
//
// A thing (a dialogue, a message) is one or more records under one key. It belongs to an owner, a path of names such as
// "account/util1": of the owners at one level the one that has most loses, then of those below it, and so on down.
//
// The files are 00000001 and so on with a suffix, 0600 in a directory 0700. They are numbered upwards, only the last one is
// written, and from its beginning: a file that an earlier run left, perhaps torn, is never added to. What is to be kept of a
// file whose room is needed is written again at the end, and then the file is removed whole.
package ring

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// segments is how many files there are when the bound is reached.
	segments = 16
	// maxWaiting is how much may wait to be written, in octets.
	maxWaiting = 64 << 10
)

// Config of a Ring.
type Config struct {
	Dir    string // made when it is not there
	Suffix string // of the files' names, with its dot
	Octets int64  // of all files; three sixteenths of it are room to work in
	Count  int    // things
	// Split finds the first record in a text of an earlier run: how long it is, and what it says of itself. A record
	// without a key only takes room.
	Split func(text []byte) (r Record, size int)
	// Lost is told of each thing that goes.
	Lost func(key string)
}

// Record is what a ring knows of one.
type Record struct {
	Key   string
	Owner string    // "/" parts its levels
	At    time.Time // of the thing: of its first record
	Part  int       // of the thing, from 0: one that is there twice counts once
}

// Ring is not safe for concurrent use.
//
// Invariants: the records of a thing are in order of their parts; live is the octets of all things; what waits belongs
// behind the last file's end, and its spans say so already.
type Ring struct {
	cfg Config

	files   []*segment // the oldest first
	out     *os.File   // the last of files; nil: the next record begins another
	waiting []byte
	total   int64 // of files
	things  map[string]*thing
	came    int // things
	owners  node
}

// segment is one file.
type segment struct {
	number     int
	size, live int64 // with what waits
}

// thing is what stands under one key.
type thing struct {
	Record     // of the last one
	nth    int // to come
	spans  []span
	size   int64
}

// span is where a record is.
type span struct {
	part      int
	file      *segment
	from, len int64
}

// Open makes the directory, or takes over what is in it.
func Open(cfg Config) (*Ring, error) {
	if cfg.Lost == nil {
		cfg.Lost = func(string) {}
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, err
	}
	list, err := os.ReadDir(cfg.Dir)
	if err != nil {
		return nil, err
	}
	r := &Ring{cfg: cfg, things: map[string]*thing{}}
	for _, f := range list { // sorted
		name, ours := strings.CutSuffix(f.Name(), cfg.Suffix)
		number, err := strconv.Atoi(name)
		if !ours || err != nil || len(name) != 8 || !f.Type().IsRegular() {
			continue
		}
		if err := r.scan(number); err != nil {
			return nil, err
		}
	}
	return r, r.shrink("")
}

func (r *Ring) path(number int) string {
	return filepath.Join(r.cfg.Dir, fmt.Sprintf("%08d%s", number, r.cfg.Suffix))
}

// scan finds the records in a file of an earlier run.
func (r *Ring) scan(number int) error {
	text, err := os.ReadFile(r.path(number))
	if err != nil {
		return err
	}
	r.files = append(r.files, &segment{number: number})
	for len(text) > 0 {
		record, size := r.cfg.Split(text)
		r.enter(record, int64(size))
		text = text[size:]
	}
	return nil
}

// enter notes a record at the end of the last file.
func (r *Ring) enter(record Record, size int64) {
	last := r.files[len(r.files)-1]
	at := span{record.Part, last, last.size, size}
	last.size += size
	r.total += size
	if record.Key == "" {
		return
	}
	t := r.things[record.Key]
	if t == nil {
		r.came++
		t = &thing{Record: record, nth: r.came}
		r.things[record.Key] = t
	} else {
		if slices.ContainsFunc(t.spans, func(s span) bool { return s.part == record.Part }) {
			return // a kill left it in two files
		}
		r.owners.leave(t)
		record.At = t.At
		t.Record = record
	}
	last.live += size
	t.size += size
	t.spans = append(t.spans, at)
	if n := len(t.spans); n > 1 && t.spans[n-2].part > at.part {
		slices.SortFunc(t.spans, func(a, b span) int { return cmp.Compare(a.part, b.part) })
	}
	r.owners.join(t)
}

// Put takes a record, in parts that are written behind each other, with others.
func (r *Ring) Put(record Record, parts ...[]byte) error {
	if err := r.append(record, r.enter, parts...); err != nil {
		return err
	}
	return r.shrink(record.Key)
}

// append puts a text, in parts, behind all others, and has it entered.
func (r *Ring) append(record Record, enter func(Record, int64), parts ...[]byte) error {
	size := int64(0)
	for _, part := range parts {
		size += int64(len(part))
	}
	if r.out != nil && r.files[len(r.files)-1].size+size > r.cfg.Octets/segments {
		if err := errors.Join(r.Flush(), r.give()); err != nil {
			return err
		}
	}
	if r.out == nil {
		if err := r.begin(); err != nil {
			return err
		}
	}
	enter(record, size)
	for _, part := range parts {
		r.waiting = append(r.waiting, part...)
	}
	if len(r.waiting) < maxWaiting {
		return nil
	}
	return r.Flush()
}

// begin begins another file.
func (r *Ring) begin() error {
	number := 1
	if n := len(r.files); n > 0 {
		number = r.files[n-1].number + 1
	}
	f, err := os.OpenFile(r.path(number), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	r.out = f
	r.files = append(r.files, &segment{number: number})
	return nil
}

// Flush writes what waits. When it fails, what was to be written is lost, and the file is given up: a later record would
// not be where its span says.
func (r *Ring) Flush() error {
	if len(r.waiting) == 0 {
		return nil
	}
	_, err := r.out.Write(r.waiting)
	r.waiting = r.waiting[:0]
	if cap(r.waiting) > 4*maxWaiting {
		r.waiting = nil // one large record must not cost memory for ever
	}
	if err != nil {
		return errors.Join(err, r.give())
	}
	return nil
}

// give gives up the last file, with what waits.
func (r *Ring) give() error {
	if r.out == nil {
		return nil
	}
	err := r.out.Close()
	r.out, r.waiting = nil, r.waiting[:0]
	return err
}

// Close writes what waits.
func (r *Ring) Close() error { return errors.Join(r.Flush(), r.give()) }

// Clear removes everything.
func (r *Ring) Clear() error {
	errs := []error{r.give()}
	for key := range r.things {
		r.lose(r.things[key])
	}
	for _, f := range r.files {
		errs = append(errs, os.Remove(r.path(f.number)))
	}
	r.files, r.total = nil, 0
	return errors.Join(errs...)
}

// Has tells whether there is a thing.
func (r *Ring) Has(key string) bool { return r.things[key] != nil }

// Size is how many octets of files there are.
func (r *Ring) Size() int64 { return r.total }

// Get returns a thing's records. One that is not there, because a write failed, is left out; one that is torn is short.
func (r *Ring) Get(key string) (records [][]byte, err error) {
	t := r.things[key]
	if t == nil {
		return nil, nil
	}
	err = r.Flush()
	for _, s := range t.spans {
		text, readErr := r.read(s)
		err = errors.Join(err, readErr)
		if len(text) > 0 {
			records = append(records, text)
		}
	}
	return records, err
}

// Part returns one record of a thing, nil when it is gone.
func (r *Ring) Part(key string, part int) ([]byte, error) {
	t := r.things[key]
	if t == nil {
		return nil, nil
	}
	i := slices.IndexFunc(t.spans, func(s span) bool { return s.part == part })
	if i < 0 {
		return nil, nil
	}
	if err := r.Flush(); err != nil {
		return nil, err
	}
	return r.read(t.spans[i])
}

func (r *Ring) read(s span) ([]byte, error) {
	f, err := os.Open(r.path(s.file.number))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text := make([]byte, s.len)
	n, err := f.ReadAt(text, s.from)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return text[:n], err
}
