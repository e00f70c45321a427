package smtp

import (
	"net/netip"
	"strings"
)

// specials separate words in an address, beside blanks: RFC 822's, and the routing signs that Postfix knows.
const specials = `()<>@,;:\".[]|%!`

// part is a piece of an address: a word, or one special.
type part struct {
	text string // without quotes and backslashes
	word bool   // an atom, quoted string or domain literal
}

// parseAddress takes the address out of the word that was typed after FROM: or TO:, in internal form: "<util1>",
// "util1", "(me) Joe <util1@a>" and "<@relay:util1>" are all understood, as Postfix does. ok is false when there is more
// than one address.
func parseAddress(typed string) (address string, ok bool) {
	text := typed
	if len(text) >= 2 && text[0] == '<' && text[len(text)-1] == '>' {
		text = text[1 : len(text)-1]
	}
	if strings.HasPrefix(text, "@") {
		if _, after, found := strings.Cut(text, ":"); found {
			text = after // a source route is ignored (RFC 5321 appendix C)
		}
	}
	return single(scan(text))
}

// scan splits an address into parts. Comments are left out.
func scan(text string) []part {
	var parts []part
	for text != "" {
		switch c := text[0]; {
		case isSpace(c):
			text = text[1:]
		case c == '(':
			text = skipComment(text)
		case c == '[':
			word, rest := enclosed(text[1:], ']')
			parts, text = append(parts, part{"[" + word + "]", true}), rest
		case c == '"':
			word, rest := enclosed(text[1:], '"')
			parts, text = append(parts, part{word, true}), rest
		case c != '\\' && strings.IndexByte(specials, c) >= 0:
			parts, text = append(parts, part{string(c), false}), text[1:]
		default:
			word, rest := atom(text)
			parts, text = append(parts, part{word, true}), rest
		}
	}
	return parts
}

// skipComment returns what follows the comment that text begins with. Comments nest.
func skipComment(text string) string {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return text[i+1:]
			}
		}
	}
	return ""
}

// enclosed takes everything up to end, with backslashes taken out.
func enclosed(text string, end byte) (word, rest string) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == end:
			return b.String(), text[i+1:]
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), ""
}

// atom takes everything up to a blank or a special that no backslash hides.
func atom(text string) (word, rest string) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			if i++; i < len(text) {
				b.WriteByte(text[i])
			}
		case isSpace(c) || strings.IndexByte(specials, c) >= 0:
			return b.String(), text[i:]
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), ""
}

// single joins the parts of the one address among parts: what is between the last < and >, else everything. A comma
// or a semicolon, or two words side by side, begin another address.
func single(parts []part) (address string, ok bool) {
	if inner, outer, found := bracketed(parts); found {
		for _, p := range outer {
			if p.word || p.text == "@" {
				return "", false
			}
		}
		parts = inner
	}
	var b strings.Builder
	after, count := false, 0
	for _, p := range parts {
		if !p.word && strings.Contains("<>,;", p.text) {
			after = false
			if strings.Contains(",;", p.text) && count > 0 {
				count++
			}
			continue
		}
		if count == 0 {
			count = 1
		}
		if p.word && after || count > 1 {
			return "", false
		}
		b.WriteString(p.text)
		after = p.word
	}
	return b.String(), true
}

// bracketed finds <inner>; outer is what follows it. The phrase before it is not part of any address.
func bracketed(parts []part) (inner, outer []part, found bool) {
	for end := len(parts) - 1; end >= 0; end-- {
		if parts[end].word || parts[end].text != ">" {
			continue
		}
		for start := end - 1; start >= 0; start-- {
			if !parts[start].word && parts[start].text == "<" {
				return parts[start+1 : end], parts[end+1:], true
			}
		}
	}
	return nil, nil, false
}

// validDomain tells whether a complete address's domain can exist. Without utf8 it must be ASCII (RFC 6531 section 3.2).
func validDomain(address string, utf8 bool) bool {
	i := strings.LastIndexByte(address, '@')
	if i < 0 {
		return true // the null sender
	}
	if i == len(address)-1 { // it says nothing: the one before counts
		return strings.Contains(address[:i], "@") && validDomain(address[:i], utf8)
	}
	domain := address[i+1:]
	if strings.HasPrefix(domain, "[") && strings.HasSuffix(domain, "]") {
		return validLiteral(domain[1 : len(domain)-1])
	}
	return validHostname(domain, utf8)
}

// validLiteral checks an address literal (RFC 5321 section 4.1.3).
func validLiteral(text string) bool {
	if len(text) > 5 && strings.EqualFold(text[:5], "IPv6:") {
		addr, err := netip.ParseAddr(text[5:])
		return err == nil && addr.Is6() && addr.Zone() == ""
	}
	addr, err := netip.ParseAddr(text)
	return err == nil && addr.Is4()
}

// validHostname checks a name's form (RFC 1123 section 2.1, and underscores, which exist): labels of 1 to 63 bytes, no
// hyphen at either end of one, 255 bytes in all, not only digits.
func validHostname(name string, utf8 bool) bool {
	if len(name) > 255 {
		return false
	}
	numeric := true
	for _, label := range strings.Split(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := 0; i < len(label); i++ {
			c := label[i]
			if !isAlnum(c) && c != '_' && c != '-' && !(utf8 && c >= 0x80) {
				return false
			}
			numeric = numeric && c >= '0' && c <= '9'
		}
	}
	return !numeric
}

// isAlnum tells ASCII letters and digits.
func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}
