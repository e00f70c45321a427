package entity

import (
	"net/mail"
	"strings"
	"time"
)

// Date parses a Date field, as RFC 5322 writes it and as people do.
func Date(value string) (time.Time, bool) {
	value = strings.TrimSpace(value)
	if t, err := mail.ParseDate(value); err == nil {
		return t, true
	}
	if open := strings.IndexByte(value, '('); open >= 0 {
		value = strings.TrimSpace(value[:open])
	}
	value = strings.Join(strings.Fields(value), " ")
	for _, layout := range []string{
		"Mon, 2 Jan 2006 15:04:05 MST", "Mon, 2 Jan 2006 15:04:05", "Mon, 2 Jan 2006 15:04", "2 Jan 2006 15:04:05",
		"2 Jan 2006 15:04", "2 Jan 2006", "Mon, 2 Jan 2006", time.ANSIC, "Mon Jan 2 15:04:05 MST 2006",
		"Mon Jan 2 15:04:05 2006 -0700", time.RFC850, time.RFC3339, "2006-01-02 15:04:05", "2006-01-02",
	} {
		if t, err := time.Parse(layout, value); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
