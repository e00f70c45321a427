// Package placeholder fills in the {names} of a lab. A name that is known is replaced by its value; a brace around
// anything else (a regular expression's {3}, a shell's {a,b}) is left alone; {{ is a brace. Values are not looked at
// again: what a roster says is never taken for a placeholder.
package placeholder

import (
	"regexp"
	"slices"
	"strings"
)

// Lookup finds the value of a name.
type Lookup func(name string) (value string, known bool)

// Expand replaces the placeholders of text that lookup knows.
func Expand(text string, lookup Lookup) string {
	var out strings.Builder
	for {
		open := strings.IndexByte(text, '{')
		if open < 0 {
			out.WriteString(text)
			return out.String()
		}
		out.WriteString(text[:open])
		text = text[open:]
		if strings.HasPrefix(text, "{{") {
			out.WriteByte('{')
			text = text[2:]
			continue
		}
		name, rest, ok := cutName(text)
		if value, known := lookup(name); ok && known {
			out.WriteString(value)
			text = rest
			continue
		}
		out.WriteByte('{')
		text = text[1:]
	}
}

// Names lists the names in braces in text, in order, repetitions included, whether anybody knows them or not.
func Names(text string) []string {
	var names []string
	Expand(text, func(name string) (string, bool) {
		if name != "" {
			names = append(names, name)
		}
		return "", false
	})
	return names
}

// likely is what looks like a placeholder: not the shell's ${name}, nor a regular expression's \p{Greek} and \x{41}.
var likely = regexp.MustCompile(`\{\{|(\$|\\[pPx])?\{([A-Za-z][A-Za-z0-9_-]*)\}`)

// Likely lists the names in braces that were most likely meant for placeholders, in order, each once.
func Likely(text string) []string {
	var names []string
	for _, m := range likely.FindAllStringSubmatch(text, -1) {
		if m[1] == "" && m[2] != "" && !slices.Contains(names, m[2]) {
			names = append(names, m[2])
		}
	}
	return names
}

// Static looks nothing up: Expand with it only turns {{ into a brace.
func Static(string) (string, bool) { return "", false }

// cutName splits "{name}rest".
func cutName(text string) (name, rest string, ok bool) {
	end := strings.IndexAny(text[1:], "{}\n")
	if end <= 0 || text[1+end] != '}' {
		return "", text, false
	}
	return text[1 : 1+end], text[end+2:], true
}
