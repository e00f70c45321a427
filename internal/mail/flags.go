package mail

import (
	"slices"
	"strings"
)

// System are all the flags that a client may set.
const System = Seen | Answered | Flagged | Draft | Deleted

// Apply returns the flags and keywords that a message has after a change. Bits that are not System stay as they are, and
// the keywords given are not modified: snapshots share them.
func (c FlagChange) Apply(f Flags, keywords []string) (Flags, []string) {
	given := c.Flags & System
	switch c.Op {
	case AddFlags:
		for _, k := range c.Keywords {
			keywords = AddKeyword(keywords, k)
		}
		return f | given, keywords
	case RemoveFlags:
		return f &^ given, slices.DeleteFunc(slices.Clone(keywords), func(k string) bool { return HasKeyword(c.Keywords, k) })
	}
	var next []string
	for _, k := range c.Keywords {
		next = AddKeyword(next, k)
	}
	return f&^System | given, next
}

// AddKeyword keeps keywords sorted, each once whatever its case (RFC 3501 section 2.3.2). What it was given is not modified.
func AddKeyword(keywords []string, name string) []string {
	if HasKeyword(keywords, name) {
		return keywords
	}
	keywords = append(slices.Clone(keywords), name)
	slices.Sort(keywords)
	return keywords
}

// HasKeyword tells whether a keyword is among others, whatever its case.
func HasKeyword(keywords []string, name string) bool {
	return slices.ContainsFunc(keywords, func(k string) bool { return strings.EqualFold(k, name) })
}

// flagNames are RFC 3501's, without the backslash.
func flagNames() [5]string {
	return [...]string{"Seen", "Answered", "Flagged", "Draft", "Deleted"}
}

// String is a single flag's name without its backslash, "" of what is no flag.
func (f Flags) String() string {
	for i, name := range flagNames() {
		if f == 1<<i {
			return name
		}
	}
	return ""
}

// FlagNamed finds a system flag by its name without the backslash, in any case.
func FlagNamed(name string) (Flags, bool) {
	for i, known := range flagNames() {
		if strings.EqualFold(known, name) {
			return 1 << i, true
		}
	}
	return 0, false
}
