package lab

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Size is a number of bytes, written as 64MiB, 10MB or plain.
type Size int64

// units are tried in this order: B is a suffix of all others.
var units = [...]struct {
	suffix string
	bytes  float64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}, {"", 1}}

// maxSize keeps a size times a class within an int64.
const maxSize = 1 << 50

// UnmarshalText reads a number with a unit.
func (s *Size) UnmarshalText(text []byte) error {
	for _, unit := range units {
		number, ok := strings.CutSuffix(string(text), unit.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || math.IsNaN(n) || n <= 0 || n*unit.bytes > maxSize || n*unit.bytes < 1 {
			break
		}
		*s = Size(n * unit.bytes)
		return nil
	}
	return fmt.Errorf("%q is not a size like 96MiB", text)
}

// MarshalText is the largest binary unit that leaves a whole number.
func (s Size) MarshalText() ([]byte, error) {
	for _, unit := range []struct {
		suffix string
		bytes  Size
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if s >= unit.bytes && s%unit.bytes == 0 {
			return fmt.Appendf(nil, "%d%s", s/unit.bytes, unit.suffix), nil
		}
	}
	return fmt.Appendf(nil, "%d", s), nil
}

// Range is whole numbers from First to Last, both included; the zero value is none.
type Range struct {
	First, Last int
}

// maxAccounts is what a sandbox's range of a thousand uids has room for, with some to spare for the system.
const maxAccounts = 990

// UnmarshalText reads "1-19" or "7".
func (r *Range) UnmarshalText(text []byte) error {
	first, last, dash := strings.Cut(string(text), "-")
	if !dash {
		last = first
	}
	low, err := strconv.ParseUint(strings.TrimSpace(first), 10, 31)
	high, err2 := strconv.ParseUint(strings.TrimSpace(last), 10, 31)
	switch {
	case err != nil || err2 != nil || low < 1 || high < low:
		return fmt.Errorf("%q is not a range like 1-19", text)
	case high-low >= maxAccounts:
		return fmt.Errorf("%q is more than %d accounts", text, maxAccounts)
	}
	*r = Range{int(low), int(high)}
	return nil
}

// MarshalText is its form in a lab file.
func (r Range) MarshalText() ([]byte, error) {
	if r.First == r.Last {
		return fmt.Appendf(nil, "%d", r.First), nil
	}
	return fmt.Appendf(nil, "%d-%d", r.First, r.Last), nil
}

// empty says that there is none.
func (r Range) empty() bool { return r.Last == 0 }
