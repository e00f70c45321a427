package roster

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxKey is the longest key in bytes: it becomes part of file names and labels.
const maxKey = 64

// keyOf makes a name fit for a command line, a label's comma-separated list and a path: what separates or cannot be
// printed is a blank, and what is too long ends after a word. "Lefèvre, Zoé" is Lefèvre Zoé. It is "" when nothing is
// left.
func keyOf(name string) string {
	key := strings.Join(strings.FieldsFunc(name, badInKey), " ")
	return strings.TrimRight(cut(strings.TrimLeft(key, "-. "), maxKey), " ")
}

// badInKey says what no key has; a blank is among it, so that keys have single ones.
func badInKey(c rune) bool {
	return strings.ContainsRune(`,;:/\"{}*? `, c) || !unicode.IsPrint(c) || c == utf8.RuneError
}

// cut shortens a key to so many bytes, after a word if there is one in the second half.
func cut(key string, most int) string {
	if len(key) <= most {
		return key
	}
	key = key[:most+1]
	if at := strings.LastIndexByte(key, ' '); at >= most/2 {
		return key[:at]
	}
	key = key[:most]
	for !utf8.ValidString(key) {
		key = key[:len(key)-1]
	}
	return key
}

// keysTaken are keys that are somebody's, whatever their case.
type keysTaken map[string]bool

func (k keysTaken) take(key string)     { k[strings.ToLower(key)] = true }
func (k keysTaken) has(key string) bool { return k[strings.ToLower(key)] }

// apart is a student's key, or, where that is somebody else's, one with what tells the two apart: the number, else the
// e-mail address up to the @, else a count.
func (k keysTaken) apart(s Student) string {
	if !k.has(s.Key) {
		return s.Key
	}
	beside, _, _ := strings.Cut(s.Email, "@")
	for _, suffix := range []string{keyOf(s.Number), keyOf(beside)} {
		if key := suffixed(s.Key, suffix); suffix != "" && !k.has(key) {
			return key
		}
	}
	for i := 2; ; i++ {
		if key := suffixed(s.Key, fmt.Sprint(i)); !k.has(key) {
			return key
		}
	}
}

// suffixed is a key with another word, which is never cut away.
func suffixed(key, suffix string) string {
	suffix = cut(suffix, maxKey/2)
	if strings.HasSuffix(key, " "+suffix) {
		return key
	}
	return strings.TrimRight(cut(key, maxKey-1-len(suffix)), " ") + " " + suffix
}
