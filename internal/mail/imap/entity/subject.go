package entity

import "strings"

// BaseSubject takes "Re:", "Fwd:", "[list]" and the like off a decoded subject (RFC 5256, section 2.1). reply says
// whether there was any sign of a reply or a forward.
func BaseSubject(subject string) (base string, reply bool) {
	s := strings.Join(strings.Fields(subject), " ")
	for {
		for { // (2) trailing (fwd)
			t := strings.TrimRight(s, " ")
			if len(t) < 5 || !strings.EqualFold(t[len(t)-5:], "(fwd)") {
				s = t
				break
			}
			s, reply = t[:len(t)-5], true
		}
		for { // (3) to (5) leaders and blobs
			s = strings.TrimLeft(s, " ")
			if rest, ok := cutLeader(s); ok {
				s, reply = rest, true
				continue
			}
			if rest, ok := cutBlob(s); ok && strings.TrimSpace(rest) != "" {
				s = rest
				continue
			}
			break
		}
		// (6) [fwd: subject]
		if len(s) < 6 || !strings.EqualFold(s[:5], "[fwd:") || s[len(s)-1] != ']' {
			return strings.TrimSpace(s), reply
		}
		s, reply = s[5:len(s)-1], true
	}
}

// cutLeader takes off *subj-blob subj-refwd: "[list] Re [x]:".
func cutLeader(s string) (string, bool) {
	for {
		rest, ok := cutBlob(s)
		if !ok {
			break
		}
		s = rest
	}
	n := 0
	for _, word := range []string{"re", "fwd", "fw"} {
		if len(s) >= len(word) && strings.EqualFold(s[:len(word)], word) {
			n = len(word)
			break
		}
	}
	if n == 0 {
		return "", false
	}
	s = strings.TrimLeft(s[n:], " ")
	if rest, ok := cutBlob(s); ok {
		s = rest
	}
	return strings.CutPrefix(s, ":")
}

// cutBlob takes off "[anything] ".
func cutBlob(s string) (string, bool) {
	if !strings.HasPrefix(s, "[") {
		return s, false
	}
	end := strings.IndexAny(s[1:], "[]")
	if end < 0 || s[1+end] != ']' {
		return s, false
	}
	return strings.TrimLeft(s[end+2:], " "), true
}
