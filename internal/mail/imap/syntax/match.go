package syntax

import "strings"

// MatchAny matches a mailbox name with LIST's patterns, each behind the reference. INBOX is INBOX in any case.
func MatchAny(patterns []string, ref, name, sep string) bool {
	for _, p := range patterns {
		p = ref + p
		if matchList(p, name, sep[0]) {
			return true
		}
		if len(name) >= len("INBOX") && name[:len("INBOX")] == "INBOX" && len(p) >= len("INBOX") &&
			strings.EqualFold(p[:len("INBOX")], "INBOX") && matchList("INBOX"+p[len("INBOX"):], name, sep[0]) {
			return true
		}
	}
	return false
}

// matchList matches with * (anything) and % (anything but the separator), in time of at most the two lengths multiplied.
func matchList(pattern, name string, sep byte) bool {
	// reach[j] says that the pattern read so far can match name[:j].
	reach := make([]bool, len(name)+1)
	reach[0] = true
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; c {
		case '*', '%':
			for j := 1; j <= len(name); j++ {
				reach[j] = reach[j] || reach[j-1] && (c == '*' || name[j-1] != sep)
			}
		default:
			for j := len(name); j > 0; j-- {
				reach[j] = reach[j-1] && name[j-1] == c
			}
			reach[0] = false
		}
	}
	return reach[len(name)]
}
