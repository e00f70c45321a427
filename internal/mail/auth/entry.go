package auth

import (
	"strconv"
	"strings"
	"time"
)

// Entry is what shadow(5) says of an account. Days are counted from 1970-01-01, in UTC, as shadow does.
type Entry struct {
	Name string
	Hash string // crypt(5); one that begins with ! or * is locked, an empty one opens nothing here

	Changed  int // day of the last change of the password; 0: it must be changed before the next login; -1: no ageing
	MaxAge   int // days after which it must be changed; -1: never
	Expire   int // day from which the account is closed; -1: never
	original string
}

// parseEntry reads a line of a shadow file. Lines that are none are passed over, as the C library does.
func parseEntry(line string) (Entry, bool) {
	fields := strings.Split(line, ":")
	if len(fields) < 2 || fields[0] == "" {
		return Entry{}, false
	}
	for len(fields) < 9 {
		fields = append(fields, "")
	}
	return Entry{
		Name: fields[0], Hash: fields[1],
		Changed: days(fields[2]), MaxAge: days(fields[4]), Expire: days(fields[7]),
		original: line,
	}, true
}

// days is a number of days, or -1 for none.
func days(field string) int {
	n, err := strconv.Atoi(field)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// open says whether the account may log in at all. A password past its age is refused, as pam_unix does where it cannot
// ask for a new one.
func (e Entry) open(now time.Time) bool {
	today := int(now.Unix() / (24 * 60 * 60))
	switch {
	case e.Hash == "" || strings.ContainsAny(e.Hash[:1], "!*"):
		return false
	case e.Expire >= 0 && today >= e.Expire:
		return false
	case e.Changed == 0:
		return false
	case e.Changed > 0 && e.MaxAge >= 0 && today > e.Changed+e.MaxAge:
		return false
	}
	return true
}

// line is all that the entry says: when any of it changes, nothing that was verified before counts.
func (e Entry) line() string {
	if e.original != "" {
		return e.original
	}
	return e.Name + ":" + e.Hash
}
