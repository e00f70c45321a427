package syntax

import (
	"cmp"
	"math"
	"slices"
	"strconv"
)

// Span is a range of message numbers or UIDs, lo ≤ hi once resolved; star is "*" until then.
type Span struct{ Lo, Hi uint32 }

const star = 0

// Set is a sequence-set (RFC 3501, section 9). It is never spelled out: 1:4294967295 is legal.
type Set []Span

// ErrSet is Dovecot's as well as ours.
const ErrSet = Error("Invalid messageset")

// set takes a sequence set.
func (p *Parser) Set() (Set, error) {
	if p.pos >= len(p.buf) {
		return nil, errMissing
	}
	if c := p.Peek(); c == '"' || c == '(' {
		return nil, ErrArguments
	}
	var s Set
	for {
		lo, err := setNumber(p)
		if err != nil {
			return nil, err
		}
		hi := lo
		if p.Take(':') {
			if hi, err = setNumber(p); err != nil {
				return nil, err
			}
		}
		s = append(s, Span{lo, hi})
		if !p.Take(',') {
			break
		}
	}
	if c := p.Peek(); c != 0 && c != ' ' && c != '\t' && c != ')' {
		return nil, ErrSet
	}
	return s, nil
}

func setNumber(p *Parser) (uint32, error) {
	if p.Take('*') {
		return star, nil
	}
	n, err := p.Number()
	if err != nil || n == 0 {
		return 0, ErrSet
	}
	return n, nil
}

// Resolve puts last in the place of "*", and each range in order.
func (s Set) Resolve(last uint32) Set {
	out := make(Set, 0, len(s))
	for _, r := range s {
		if r.Lo == star {
			r.Lo = last
		}
		if r.Hi == star {
			r.Hi = last
		}
		if r.Lo > r.Hi {
			r.Lo, r.Hi = r.Hi, r.Lo
		}
		out = append(out, r)
	}
	return out
}

// Has needs a merged set.
func (s Set) Has(n uint32) bool {
	_, found := slices.BinarySearchFunc(s, n, func(r Span, n uint32) int {
		switch {
		case r.Hi < n:
			return -1
		case r.Lo > n:
			return 1
		}
		return 0
	})
	return found
}

// Merged is a resolved set, sorted and without overlaps, so that a long one can be searched quickly.
func (s Set) Merged() Set {
	s = slices.Clone(s)
	slices.SortFunc(s, func(a, b Span) int { return cmp.Or(cmp.Compare(a.Lo, b.Lo), cmp.Compare(a.Hi, b.Hi)) })
	out := s[:0]
	for _, r := range s {
		if n := len(out); n > 0 && (out[n-1].Hi == math.MaxUint32 || r.Lo <= out[n-1].Hi+1) {
			out[n-1].Hi = max(out[n-1].Hi, r.Hi)
			continue
		}
		out = append(out, r)
	}
	return out
}

// Spans folds runs of consecutive numbers into ranges and keeps the order, as COPYUID needs it.
func Spans(ns []uint32) Set {
	var s Set
	for _, n := range ns {
		if k := len(s); k > 0 && s[k-1].Hi+1 == n {
			s[k-1].Hi = n
			continue
		}
		s = append(s, Span{n, n})
	}
	return s
}

func (s Set) String() string {
	var b []byte
	for i, r := range s {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, uint64(r.Lo), 10)
		if r.Hi != r.Lo {
			b = strconv.AppendUint(append(b, ':'), uint64(r.Hi), 10)
		}
	}
	return string(b)
}
