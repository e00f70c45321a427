package mbox

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"time"

	"maillab/internal/mail"
)

// The index of a mailbox is a log of frames: indexMagic, then for each frame the length of its payload, its CRC-32C
// (both 4 octets, little endian) and the payload, a list of operations on the picture. A frame is done whole or not at
// all; reading ends at the first one that does not check, as after a crash in the middle of writing it. The first
// frame starts with opReset.
//
//	opReset                         forget all messages
//	opState  validity next modseq ino size mtime
//	opPut    uid start head-start end-head size header date modseq flags mark expunged digest words… mark-words…
//	opSince  modseq, see picture.since
//	opGone   uid modseq
//
// Numbers are varints, lists and texts are led by their length.

const indexMagic = "maillab index 1\n"

const (
	opReset = 'R'
	opState = 'S'
	opPut   = 'M'
	opSince = 'H'
	opGone  = 'V'
)

// errIndex is an index that does not make sense although its checksum is right: another version's, or our bug.
var errIndex = errors.New("index is damaged")

// frame makes one frame of a payload.
func frame(payload []byte) []byte {
	b := make([]byte, 0, 8+len(payload))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(payload)))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(payload, castagnoli))
	return append(b, payload...)
}

// nextFrame cuts the first frame off; payload is nil when there is no whole one.
func nextFrame(text []byte) (payload, rest []byte) {
	if len(text) < 8 {
		return nil, nil
	}
	n := binary.LittleEndian.Uint32(text)
	if uint64(n) > uint64(len(text)-8) {
		return nil, nil
	}
	payload = text[8 : 8+n]
	if crc32.Checksum(payload, castagnoli) != binary.LittleEndian.Uint32(text[4:]) {
		return nil, nil
	}
	return payload, text[8+n:]
}

func (p *picture) appendState(b []byte) []byte {
	b = append(b, opState)
	for _, n := range []uint64{uint64(p.validity), uint64(p.next), p.modseq, p.known.ino} {
		b = binary.AppendUvarint(b, n)
	}
	b = binary.AppendVarint(b, p.known.size)
	if !p.sure {
		return binary.AppendVarint(b, 0) // so that who reads this looks at the file again
	}
	return binary.AppendVarint(b, p.known.mtime)
}

func appendPut(b []byte, m *message) []byte {
	b = append(b, opPut)
	b = binary.AppendUvarint(b, uint64(m.UID))
	for _, n := range []int64{m.start, m.head - m.start, m.end - m.head, m.Size, m.HeaderSize, m.Date.Unix()} {
		b = binary.AppendVarint(b, n)
	}
	b = binary.AppendUvarint(b, m.ModSeq)
	b = append(b, byte(m.Flags), byte(m.mark), byte(expunged(*m)))
	b = append(b, m.Digest[:]...)
	return appendWords(appendWords(b, m.Keywords), m.markWords)
}

func appendWords(b []byte, words []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(words)))
	for _, w := range words {
		b = binary.AppendUvarint(b, uint64(len(w)))
		b = append(b, w...)
	}
	return b
}

func appendGone(b []byte, gone []mail.Vanished) []byte {
	for _, v := range gone {
		b = binary.AppendUvarint(append(b, opGone), uint64(v.UID))
		b = binary.AppendUvarint(b, v.ModSeq)
	}
	return b
}

// encodeIndex is a whole index of one frame.
func (p *picture) encodeIndex() []byte {
	payload := p.appendState([]byte{opReset})
	payload = binary.AppendUvarint(append(payload, opSince), p.since)
	payload = appendGone(payload, p.gone)
	for i := range p.msgs {
		payload = appendPut(payload, &p.msgs[i])
	}
	return append([]byte(indexMagic), frame(payload)...)
}

// decodeIndex reads an index. n is how many octets of it were good: what is behind them was never finished.
func decodeIndex(text []byte, zone *time.Location) (p picture, n int, err error) {
	if len(text) < len(indexMagic) || string(text[:len(indexMagic)]) != indexMagic {
		return p, 0, errIndex
	}
	rest := text[len(indexMagic):]
	for {
		payload, after := nextFrame(rest)
		if payload == nil {
			break
		}
		if err := p.apply(payload, zone); err != nil {
			return p, 0, err
		}
		rest = after
		n = len(text) - len(rest)
	}
	if n == 0 || p.validity == 0 {
		return p, 0, errIndex
	}
	p.since = min(p.since, p.modseq) // an index without one knows of nothing that went
	return p, n, nil
}

// indexReader reads a payload; after a fault it returns zeros and bad is set.
type indexReader struct {
	b   []byte
	bad bool
}

func (r *indexReader) uint() uint64 {
	n, l := binary.Uvarint(r.b)
	r.skip(l)
	return n
}

func (r *indexReader) int() int64 {
	n, l := binary.Varint(r.b)
	r.skip(l)
	return n
}

func (r *indexReader) skip(l int) {
	if l <= 0 {
		r.bad, r.b = true, nil
		return
	}
	r.b = r.b[l:]
}

func (r *indexReader) bytes(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return nil
	}
	text := r.b[:n]
	r.b = r.b[n:]
	return text
}

func (r *indexReader) byte() byte {
	if text := r.bytes(1); len(text) == 1 {
		return text[0]
	}
	return 0
}

func (r *indexReader) words() (words []string) {
	for range min(r.uint(), uint64(len(r.b))) {
		words = append(words, string(r.bytes(r.uint())))
	}
	return words
}

// apply does the operations of one frame.
func (p *picture) apply(payload []byte, zone *time.Location) error {
	r := &indexReader{b: payload}
	for len(r.b) > 0 {
		switch op := r.byte(); op {
		case opReset:
			p.msgs, p.gone, p.since = p.msgs[:0], nil, math.MaxUint64
		case opState:
			p.validity, p.next, p.modseq = uint32(r.uint()), uint32(r.uint()), r.uint()
			p.known = stamp{ino: r.uint(), size: r.int(), mtime: r.int()}
		case opPut:
			p.put(r.message(zone))
		case opSince:
			p.since = r.uint()
		case opGone:
			p.vanish(mail.Vanished{UID: uint32(r.uint()), ModSeq: r.uint()})
		default:
			return fmt.Errorf("operation %q: %w", op, errIndex)
		}
	}
	if r.bad {
		return errIndex
	}
	return p.valid()
}

func (r *indexReader) message(zone *time.Location) (m message) {
	m.UID = uint32(r.uint())
	m.start = r.int()
	m.head = m.start + r.int()
	m.end = m.head + r.int()
	m.Size, m.HeaderSize = r.int(), r.int()
	m.Date = time.Unix(r.int(), 0).In(zone)
	m.ModSeq = r.uint()
	m.Flags, m.mark, m.expunged = mail.Flags(r.byte()), mail.Flags(r.byte()), r.byte() == 1
	copy(m.Digest[:], r.bytes(uint64(len(m.Digest))))
	m.Keywords, m.markWords = r.words(), r.words()
	return m
}

func (p *picture) put(m message) {
	if n := len(p.msgs); n == 0 || p.msgs[n-1].UID < m.UID { // as nearly always
		p.msgs = append(p.msgs, m)
	} else if i, ok := p.find(m.UID); ok {
		p.msgs[i] = m
	} else {
		p.msgs = slices.Insert(p.msgs, i, m)
	}
}

// valid checks the invariants that reading and rewriting the file rely on.
func (p *picture) valid() error {
	for i := range p.msgs {
		m := &p.msgs[i]
		if m.UID == 0 || m.UID >= p.next || m.start < 0 || m.head < m.start || m.end < m.head || m.end > p.known.size ||
			m.HeaderSize < 0 || m.Size < m.HeaderSize || m.ModSeq > p.modseq {
			return fmt.Errorf("message %d: %w", m.UID, errIndex)
		}
	}
	return nil
}
