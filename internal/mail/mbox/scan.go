package mbox

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"hash"
	"io"
	"slices"
	"strings"
	"time"

	"maillab/internal/mail"
)

// record is a message as it lies in the file.
type record struct {
	start, head, end int64 // its From_ line; its first header; the next From_ line or the end of the file
	size, header     int64 // wire octets of all, and of the header with its empty line
	blanks           int   // empty lines at the end of the body; the file's format needs one
	digest           mail.Digest
	date             time.Time  // zero without a From_ line
	mark             mail.Flags // what Status and X-Status say
	keywords         []string   // what X-Keywords says, sorted
}

// scanner reads messages one after the other, in constant memory, and takes whatever it finds for mail: text before
// the first From_ line is a message without one.
type scanner struct {
	lines  *lines
	zone   *time.Location
	hash   hash.Hash
	digest *bufio.Writer // of hash: lines are short
	out    served
	cur    record
	inside bool   // cur is a message
	blank  bool   // the line before was empty, or there is none
	value  []byte // of the hidden header that we are in
}

// scanBuffer bounds the memory of a scan; lines may be longer.
const scanBuffer = 128 << 10

// newScanner scans [from, to), which starts at a From_ line or at the beginning of the file.
func newScanner(r io.ReaderAt, from, to int64, zone *time.Location) *scanner {
	h := sha256.New()
	return &scanner{
		lines: newLines(r, from, to, make([]byte, scanBuffer)),
		zone:  zone, hash: h, digest: bufio.NewWriterSize(h, 8<<10), blank: true,
	}
}

// next returns the next message, or io.EOF.
func (s *scanner) next() (record, error) {
	for {
		p, err := s.lines.read()
		if err == io.EOF && s.inside {
			return s.finish(s.lines.off + int64(s.lines.pos)), nil
		}
		if err != nil {
			return record{}, err
		}
		date, isFrom := time.Time{}, false
		if p.begins && s.blank && bytes.HasPrefix(p.text, fromPrefix) {
			date, isFrom = parseFrom(p.text, s.zone)
		}
		s.blank = p.begins && p.ends && len(p.text) == 0
		var done record
		found := false
		switch {
		case isFrom:
			if s.inside {
				done, found = s.finish(p.off), true
			}
			s.begin(record{start: p.off, head: p.next, date: date})
		case s.inside:
			s.line(p)
		case !s.blank:
			s.begin(record{start: p.off, head: p.off})
			s.line(p)
		}
		if found {
			return done, nil
		}
	}
}

func (s *scanner) begin(r record) {
	s.cur, s.inside, s.out, s.value = r, true, served{}, nil
	s.hash.Reset()
	s.digest.Reset(s.hash)
}

// line accounts for one piece of the current message.
func (s *scanner) line(p piece) {
	wasBody, wasName := s.out.body, s.out.name
	text, keep := s.out.line(p)
	if !wasBody && p.begins {
		s.note(wasName, p)
	}
	if !keep {
		return
	}
	s.cur.size += int64(len(text))
	if p.ends {
		s.cur.size += 2
	}
	if wasBody != s.out.body { // the header's empty line
		s.cur.header = s.cur.size
		s.cur.blanks = 0
		_ = s.digest.WriteByte('\n')
		return
	}
	if p.begins && p.ends && len(text) == 0 {
		s.cur.blanks++
		return
	}
	s.sum(text, p.ends)
}

// sum adds to the digest. Empty lines count once something follows them.
func (s *scanner) sum(text []byte, ends bool) {
	for ; s.cur.blanks > 0; s.cur.blanks-- {
		_ = s.digest.WriteByte('\n')
	}
	_, _ = s.digest.Write(text)
	if ends {
		_ = s.digest.WriteByte('\n')
	}
}

// note collects the value of a hidden header, which ends where another line begins that is not folded.
func (s *scanner) note(name string, p piece) {
	folded := !s.out.body && len(p.text) > 0 && (p.text[0] == ' ' || p.text[0] == '\t')
	if folded && s.out.name != "" {
		s.value = append(s.value, p.text...)
		return
	}
	s.keep(name)
	if s.out.name != "" {
		_, value, _ := bytes.Cut(p.text, []byte(":"))
		s.value = append(s.value[:0], value...)
	}
}

// keep takes over what a hidden header said.
func (s *scanner) keep(name string) {
	switch name {
	case "Status", "X-Status":
		s.cur.mark |= parseStatus(s.value)
	case "X-Keywords":
		s.cur.keywords = append(s.cur.keywords, strings.Fields(string(s.value))...)
	}
	s.value = s.value[:0]
}

// finish closes the current message, which ends at an offset.
func (s *scanner) finish(end int64) record {
	r := &s.cur
	r.end = end
	if !s.out.body {
		s.keep(s.out.name)
		r.size += 2 // the empty line that every message is served with
		r.header = r.size
		_ = s.digest.WriteByte('\n')
	}
	if r.blanks > 0 {
		r.size -= 2 // the empty line before the next From_ line is the file's, not the message's
	}
	_ = s.digest.Flush()
	copy(r.digest[:], s.hash.Sum(nil))
	slices.Sort(r.keywords)
	r.keywords = slices.Compact(r.keywords)
	s.inside = false
	return *r
}
