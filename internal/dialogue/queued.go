package dialogue

import "regexp"

// queuedAs is how our server answers a message's end (RFC 5321 section 4.1.1.4), as Postfix does.
var queuedAs = regexp.MustCompile(`^250 (?:.*\b)?queued as ([0-9A-Za-z]+)$`)

// Queued is the queue ID that a reply gives a message, "" where it gives none.
func (l Line) Queued() string {
	if l.Kind != Reply {
		return ""
	}
	if m := queuedAs.FindStringSubmatch(l.Text); m != nil {
		return m[1]
	}
	return ""
}
