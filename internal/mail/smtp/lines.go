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
	crs    int  // CRs seen that may belong to a line end
	owed   int  // CRs that go out next
	lf     bool // and an LF behind them
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

// owes tells that something goes out before anything else is looked at.
func (l *lines) owes() bool { return l.owed > 0 || l.lf }

// convert turns bytes of src into lines in dst, and returns how many it wrote and used. It stops when the data has ended,
// when dst is full and when src is used up.
func (l *lines) convert(dst, src []byte) (n, used int) {
	for n < len(dst) {
		switch {
		case l.owed > 0:
			dst[n] = '\r'
			l.owed--
			n++
			continue
		case l.lf:
			dst[n] = '\n'
			l.lf = false
			n++
			continue
		case l.ended || used == len(src):
			return n, used
		}
		if whole := l.block(src[used:min(len(src), used+len(dst)-n)]); whole > 0 {
			copy(dst[n:], src[used:used+whole])
			n, used = n+whole, used+whole
			continue
		}
		text, took := l.take(src[used])
		if text {
			dst[n] = src[used]
			n++
		}
		if took {
			used++
		}
	}
	return n, used
}

// block is how much of src goes out as it is: whole lines that end in one CRLF, in one scan, and what has come of the next.
func (l *lines) block(src []byte) (n int) {
	if l.crs > 0 || l.at == atDot {
		return 0
	}
	for n < len(src) && !(l.at == atStart && src[n] == '.' && l.dots) {
		rest := src[n:]
		end := bytes.IndexByte(rest, '\n')
		if end < 1 || rest[end-1] != '\r' || end > 1 && rest[end-2] == '\r' {
			if end >= 0 {
				rest = rest[:end]
			}
			if rest = bytes.TrimRight(rest, "\r"); len(rest) > 0 {
				l.at = within
			}
			return n + len(rest)
		}
		n += end + 1
		l.at, l.lastLF = atStart, false
	}
	return n
}

// take takes one byte. text says that it goes out; not took, that it must be shown again after what is owed is gone.
func (l *lines) take(c byte) (text, took bool) {
	switch {
	case c == '\r':
		l.crs++
		return false, true
	case c == '\n':
		l.endLine()
		return false, true
	case l.crs > 0: // they were not before LF
		l.owed, l.crs, l.at = l.crs, 0, within
		return false, false
	case l.at == atStart && c == '.' && l.dots:
		l.at = atDot
		return false, true
	}
	l.at = within
	return true, true
}

// endLine is what an LF does.
func (l *lines) endLine() {
	bare := l.crs == 0
	switch {
	case l.at != atDot:
		l.owed, l.lf = 1, true
	case !l.strict, l.crs == 1 && !l.lastLF:
		l.ended = true
	case l.crs > 1: // ".\r" is a line of one CR, which belongs to the line end
		l.owed, l.lf = 1, true
	}
	l.at, l.crs, l.lastLF = atStart, 0, bare
	l.bareLF = l.bareLF || bare
}

// finish ends a last line that has no line end, as that of a BDAT message may.
func (l *lines) finish() {
	if l.at == within || l.crs > 0 {
		l.owed, l.lf = 1, true
	}
	l.at, l.crs = atStart, 0
}
