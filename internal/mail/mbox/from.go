package mbox

import (
	"bytes"
	"strings"
	"time"
)

// fromLine is the line that starts a message in the file, as Postfix writes it: two blanks, asctime form, the lab's
// time zone. An empty sender is a bounce's.
func fromLine(sender string, t time.Time) string {
	if sender == "" {
		sender = "MAILER-DAEMON"
	}
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, sender)
	return "From " + clean + "  " + t.Format(time.ANSIC) + "\n"
}

var fromPrefix = []byte("From ")

// parseFrom tells whether a line (without its end) starts a message, and when that message arrived.
//
// mailutils demands a date in it, so a line such as "From here to there" after an empty line is text; we do as it does.
// Both asctime forms with a zone before or after the year are known, and a missing weekday or seconds are borne.
func parseFrom(line []byte, zone *time.Location) (t time.Time, ok bool) {
	rest, ok := bytes.CutPrefix(line, fromPrefix)
	if !ok || len(line) > 1000 {
		return t, false
	}
	fields := bytes.Fields(rest)
	for i := len(fields) - 2; i >= 2 && i >= len(fields)-4; i-- {
		if bytes.IndexByte(fields[i], ':') < 0 {
			continue
		}
		return parseFromDate(fields[i-2:], zone)
	}
	return t, false
}

// parseFromDate reads "Nov 21 20:25:30 [zone] 2026 [zone]".
func parseFromDate(fields [][]byte, zone *time.Location) (t time.Time, ok bool) {
	for _, year := range fields[3:] {
		if len(year) != 4 || year[0] < '0' || year[0] > '9' {
			continue
		}
		clock := string(fields[2])
		if strings.Count(clock, ":") == 1 {
			clock += ":00"
		}
		text := string(fields[0]) + " " + string(fields[1]) + " " + clock + " " + string(year)
		t, err := time.ParseInLocation("Jan 2 15:04:05 2006", text, zone)
		return t, err == nil
	}
	return t, false
}

// isQuotable tells whether mboxrd quotes this line: any number of ">" and then "From ".
func isQuotable(line []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(line, ">"), fromPrefix)
}
