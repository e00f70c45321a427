package mbox

// Flags are a message's system flags (RFC 9051, section 2.3.2).
type Flags uint8

// The flags, and the letters that mail readers keep them under in the file.
const (
	Seen     Flags = 1 << iota // Status: R
	Answered                   // X-Status: A
	Flagged                    // X-Status: F
	Draft                      // X-Status: T
	Deleted                    // the index alone: mailutils would remove the message at once
	old                        // Status: O, some reader has listed it: not \Recent any more
)

// inFile are the flags that the file holds too.
const inFile = Seen | Answered | Flagged | Draft | old

// parseStatus reads the value of Status or X-Status. mailutils writes all its letters into Status, others spread them.
func parseStatus(value []byte) (f Flags) {
	for _, c := range value {
		switch c {
		case 'R', 'r':
			f |= Seen
		case 'O', 'o':
			f |= old
		case 'A', 'a':
			f |= Answered
		case 'F', 'f':
			f |= Flagged
		case 'T', 't':
			f |= Draft
		}
	}
	return f
}

// statusHeaders is what we write for these flags, "" when there is nothing to say. mailutils reads the flags back from
// Status, other programs from X-Status.
func statusHeaders(f Flags, keywords []string) string {
	text := ""
	if s := letters(f, Seen, "R") + letters(f, old, "O"); s != "" {
		text += "Status: " + s + "\n"
	}
	if s := letters(f, Answered, "A") + letters(f, Flagged, "F") + letters(f, Draft, "T"); s != "" {
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

func letters(f, bit Flags, letter string) string {
	if f&bit != 0 {
		return letter
	}
	return ""
}
