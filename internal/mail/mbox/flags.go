package mbox

import "maillab/internal/mail"

// old is the one flag that is the spool's own, in Status: O, some reader has listed it: not \Recent any more. Of the others the
// file holds Seen (Status: R), Answered, Flagged and Draft (X-Status: A, F, T). Deleted is in the index alone: mailutils would
// remove the message at once.
const old = mail.Deleted << 1

// inFile are the flags that the file holds too.
const inFile = mail.Seen | mail.Answered | mail.Flagged | mail.Draft | old

// parseStatus reads the value of Status or X-Status. mailutils writes all its letters into Status, others spread them.
func parseStatus(value []byte) (f mail.Flags) {
	for _, c := range value {
		switch c {
		case 'R', 'r':
			f |= mail.Seen
		case 'O', 'o':
			f |= old
		case 'A', 'a':
			f |= mail.Answered
		case 'F', 'f':
			f |= mail.Flagged
		case 'T', 't':
			f |= mail.Draft
		}
	}
	return f
}

// statusHeaders is what we write for these flags, "" when there is nothing to say. mailutils reads the flags back from
// Status, other programs from X-Status.
func statusHeaders(f mail.Flags, keywords []string) string {
	text := ""
	if s := letters(f, mail.Seen, "R") + letters(f, old, "O"); s != "" {
		text += "Status: " + s + "\n"
	}
	if s := letters(f, mail.Answered, "A") + letters(f, mail.Flagged, "F") + letters(f, mail.Draft, "T"); s != "" {
		text += "X-Status: " + s + "\n"
	}
	if len(keywords) > 0 {
		text += "X-Keywords:"
		for _, k := range keywords {
			text += " " + k
		}
		text += "\n"
	}
	return text
}

func letters(f, bit mail.Flags, letter string) string {
	if f&bit != 0 {
		return letter
	}
	return ""
}
