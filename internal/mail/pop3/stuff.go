package pop3

import (
	"bytes"
	"io"
)

// stuffer writes a message as the body of a multi-line reply (RFC 1939 §3): a line that starts with a dot gets another.
// Any LF counts as a line's end, also one without CR: many clients read by LF, and a lone ".\n" that came through as it
// is would end the reply for them, and what follows in the message would be read as replies.
type stuffer struct {
	w     io.Writer
	midst bool // in the middle of a line
}

func (s *stuffer) Write(p []byte) (int, error) {
	total := len(p)
	for len(p) > 0 {
		if !s.midst && p[0] == '.' {
			if _, err := io.WriteString(s.w, "."); err != nil {
				return total - len(p), err
			}
		}
		n := len(p)
		if i := bytes.Index(p, []byte("\n.")); i >= 0 {
			n = i + 1
		}
		if _, err := s.w.Write(p[:n]); err != nil {
			return total - len(p), err
		}
		s.midst = p[n-1] != '\n'
		p = p[n:]
	}
	return total, nil
}

// finish ends the last line, if it has no end, and the reply.
func (s *stuffer) finish() error {
	end := ".\r\n"
	if s.midst {
		end = "\r\n.\r\n"
	}
	_, err := io.WriteString(s.w, end)
	return err
}

// topReader reads a message's header, the blank line after it, and so many lines of the body (RFC 1939 §7, TOP).
type topReader struct {
	r     io.Reader
	lines int  // of the body, still to come
	body  bool // the header is over
	text  bool // this line has something other than CR
	done  bool
}

func (t *topReader) Read(p []byte) (int, error) {
	if t.done {
		return 0, io.EOF
	}
	n, err := t.r.Read(p)
	if n = t.scan(p[:n]); t.done {
		return n, nil
	}
	return n, err
}

// scan returns how much of b is wanted, and sets done when that is the end.
func (t *topReader) scan(b []byte) int {
	pos := 0
	for {
		i := bytes.IndexByte(b[pos:], '\n')
		if i < 0 {
			t.text = t.text || hasText(b[pos:])
			return len(b)
		}
		if t.lineEnds(b[pos : pos+i]); t.done {
			return pos + i + 1
		}
		pos += i + 1
	}
}

// lineEnds is told the rest of a line, up to its LF.
func (t *topReader) lineEnds(rest []byte) {
	if t.body {
		t.lines--
	} else {
		t.body = !t.text && !hasText(rest)
	}
	t.text = false
	t.done = t.body && t.lines <= 0
}

func hasText(b []byte) bool { return len(bytes.Trim(b, "\r")) > 0 }
