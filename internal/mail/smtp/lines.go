package smtp

import "bytes"

// lines decides where a message ends and what its lines are. It is the only place that does: two opinions on the end of
// data are SMTP smuggling.
//
// Invariants, whatever the pieces in which the bytes arrive:
//
//  1. A line ends at LF, and nowhere else. All CRs directly before that LF belong to the line end; any other CR is a
//     byte of the line.
//  2. With dots, a line that is "." alone ends the data (RFC 5321 section 4.1.1.4), and of every other line that begins
//     with "." this first byte is left out (section 4.5.2).
//  3. strict narrows 2: the "." must end in exactly CRLF, and so must the line before it (Postfix's
//     smtpd_forbid_bare_newline). A "." that ends in a lone LF, or follows one, is left out altogether.
//  4. Each line goes out with CRLF: in the output, every LF has exactly one CR before it.
//  5. Nothing after the end of data is used.
//
// The output can therefore be no longer than twice the input, and no line of it can be read as the end of data by
// anybody who takes CRLF.CRLF for it, once its dots are stuffed again.
type lines struct {
	dots   bool // DATA; in BDAT the size tells the end and dots mean nothing (RFC 3030 section 2)
	strict bool

	at     place
	crs    int // CRs seen that may belong to a line end
	owed   int // CRs of which it is known that they do not, and which go out after out
	out    []byte
	ended  bool // the end of data was seen
	bareLF bool // some line ended in a lone LF
	lastLF bool // the line before this one did
}

// place is where in a line the last byte was.
type place int

const (
	atStart place = iota
	atDot         // after a "." that began the line and has not gone out
	within
)

// convert takes bytes, appends to out, and returns how many it used. It stops early when the data has ended, and when
// CRs are owed, which the caller has to send after out.
func (l *lines) convert(raw []byte) (used int) {
	for used < len(raw) && !l.ended && l.owed == 0 {
		if l.at == within && l.crs == 0 {
			n := plain(raw[used:])
			l.out = append(l.out, raw[used:used+n]...)
			if used += n; used == len(raw) {
				break
			}
		}
		if l.take(raw[used]) {
			used++
		}
	}
	return used
}

// plain is how many bytes come before the next CR or LF.
func plain(raw []byte) int {
	if i := bytes.IndexByte(raw, '\n'); i >= 0 {
		raw = raw[:i]
	}
	if i := bytes.IndexByte(raw, '\r'); i >= 0 {
		return i
	}
	return len(raw)
}

// take takes one byte. False means that it must be shown again after the owed CRs are gone.
func (l *lines) take(c byte) bool {
	switch {
	case c == '\r':
		l.crs++
		return true
	case c == '\n':
		l.endLine()
		return true
	case l.crs > 0: // they were not before LF
		l.owed, l.crs, l.at = l.crs, 0, within
		return false
	case l.at == atStart && c == '.' && l.dots:
		l.at = atDot
		return true
	}
	l.at = within
	l.out = append(l.out, c)
	return true
}

// endLine is what an LF does.
func (l *lines) endLine() {
	bare := l.crs == 0
	switch {
	case l.at != atDot:
		l.out = append(l.out, '\r', '\n')
	case !l.strict, l.crs == 1 && !l.lastLF:
		l.ended = true
	case l.crs > 1: // ".\r" is a line of one CR, which belongs to the line end
		l.out = append(l.out, '\r', '\n')
	}
	l.at, l.crs, l.lastLF = atStart, 0, bare
	l.bareLF = l.bareLF || bare
}

// finish ends a last line that has no line end, as that of a BDAT message may.
func (l *lines) finish() {
	if l.at == within || l.crs > 0 {
		l.out = append(l.out, '\r', '\n')
	}
	l.at, l.crs = atStart, 0
}
