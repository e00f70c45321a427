package imap

import (
	"cmp"
	"math"
	"slices"
)

// span is a range of message numbers or UIDs, lo ≤ hi once resolved; star is "*" until then.
type span struct{ lo, hi uint32 }

const star = 0

// numSet is a sequence-set (RFC 3501, section 9). It is never spelled out: 1:4294967295 is legal.
type numSet []span

// errSet is Dovecot's as well as ours.
const errSet = errSyntax("Invalid messageset.")

// set takes a sequence set.
func (p *parser) set() (numSet, error) {
	var s numSet
	for {
		lo, err := p.setNumber()
		if err != nil {
			return nil, err
		}
		hi := lo
		if p.take(':') {
			if hi, err = p.setNumber(); err != nil {
				return nil, err
			}
		}
		s = append(s, span{lo, hi})
		if !p.take(',') {
			break
		}
	}
	if c := p.peek(); c != 0 && c != ' ' && c != '\t' && c != ')' {
		return nil, errSet
	}
	return s, nil
}

func (p *parser) setNumber() (uint32, error) {
	if p.take('*') {
		return star, nil
	}
	n, err := p.number()
	if err != nil || n == 0 {
		return 0, errSet
	}
	return n, nil
}

// resolve puts last in the place of "*", and each range in order.
func (s numSet) resolve(last uint32) numSet {
	out := make(numSet, 0, len(s))
	for _, r := range s {
		if r.lo == star {
			r.lo = last
		}
		if r.hi == star {
			r.hi = last
		}
		if r.lo > r.hi {
			r.lo, r.hi = r.hi, r.lo
		}
		out = append(out, r)
	}
	return out
}

// has needs a merged set.
func (s numSet) has(n uint32) bool {
	_, found := slices.BinarySearchFunc(s, n, func(r span, n uint32) int {
		switch {
		case r.hi < n:
			return -1
		case r.lo > n:
			return 1
		}
		return 0
	})
	return found
}

// merged is a resolved set, sorted and without overlaps, so that a long one can be searched quickly.
func (s numSet) merged() numSet {
	s = slices.Clone(s)
	slices.SortFunc(s, func(a, b span) int { return cmp.Or(cmp.Compare(a.lo, b.lo), cmp.Compare(a.hi, b.hi)) })
	out := s[:0]
	for _, r := range s {
		if n := len(out); n > 0 && (out[n-1].hi == math.MaxUint32 || r.lo <= out[n-1].hi+1) {
			out[n-1].hi = max(out[n-1].hi, r.hi)
			continue
		}
		out = append(out, r)
	}
	return out
}

// spans folds runs of consecutive numbers into ranges and keeps the order, as COPYUID needs it.
func spans(ns []uint32) numSet {
	var s numSet
	for _, n := range ns {
		if k := len(s); k > 0 && s[k-1].hi+1 == n {
			s[k-1].hi = n
			continue
		}
		s = append(s, span{n, n})
	}
	return s
}

func (s numSet) write(w *writer) {
	for i, r := range s {
		if i > 0 {
			w.byte(',')
		}
		w.num(uint64(r.lo))
		if r.hi != r.lo {
			w.byte(':')
			w.num(uint64(r.hi))
		}
	}
}

func (s numSet) String() string {
	var b []byte
	for i, r := range s {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendUint(b, r.lo)
		if r.hi != r.lo {
			b = appendUint(append(b, ':'), r.hi)
		}
	}
	return string(b)
}
