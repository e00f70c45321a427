package imap

import (
	"slices"
	"strconv"
	"strings"
)

// flagNames are all system flags, in the order in which they are looked up.
var flagNames = [...]struct {
	bit  Flags
	name string
}{
	{Answered, "Answered"}, {Flagged, "Flagged"}, {Deleted, "Deleted"}, {Seen, "Seen"}, {Draft, "Draft"},
}

func systemFlag(name string) (Flags, bool) {
	for _, f := range flagNames {
		if strings.EqualFold(f.name, name) {
			return f.bit, true
		}
	}
	return 0, false
}

// addKeyword keeps keywords sorted, each once whatever its case (RFC 3501, section 2.3.2).
func addKeyword(keywords []string, name string) []string {
	if hasKeyword(keywords, name) {
		return keywords
	}
	keywords = append(slices.Clone(keywords), name)
	slices.Sort(keywords)
	return keywords
}

func hasKeyword(keywords []string, name string) bool {
	return slices.ContainsFunc(keywords, func(k string) bool { return strings.EqualFold(k, name) })
}

// Apply returns the flags and keywords after a change, for backends to use. The keywords given are not modified.
func (c FlagChange) Apply(f Flags, keywords []string) (Flags, []string) {
	switch c.Op {
	case SetFlags:
		return c.Flags, c.Keywords
	case AddFlags:
		for _, k := range c.Keywords {
			keywords = addKeyword(keywords, k)
		}
		return f | c.Flags, keywords
	default:
		keep := slices.DeleteFunc(slices.Clone(keywords), func(k string) bool { return hasKeyword(c.Keywords, k) })
		return f &^ c.Flags, keep
	}
}

func appendUint(b []byte, n uint32) []byte { return strconv.AppendUint(b, uint64(n), 10) }

func appendUint64(b []byte, n uint64) []byte { return strconv.AppendUint(b, n, 10) }
