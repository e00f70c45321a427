package smtp

import (
	"slices"
	"strconv"
	"strings"

	gosmtp "github.com/emersion/go-smtp"
)

// hasWord looks for a parameter without a value.
func hasWord(args []token, word string) bool {
	return slices.ContainsFunc(args, func(t token) bool { return strings.EqualFold(t.text, word) })
}

// mailParameters reads what follows MAIL's address (RFC 5321 section 4.1.2). It returns AUTH's value as the log has it, and
// the reply that refuses the parameters, or "".
func mailParameters(o *gosmtp.MailOptions, args []token) (auth, refusal string) {
	for _, arg := range args {
		key, value, _ := strings.Cut(arg.text, "=")
		key = strings.ToUpper(key)
		switch {
		case key == "BODY" && (strings.EqualFold(value, "8BITMIME") || strings.EqualFold(value, "7BIT")):
			o.Body = gosmtp.BodyType(strings.ToUpper(value))
		case strings.EqualFold(arg.text, "SMTPUTF8"): // taken before: it says which addresses are allowed
		case !strings.Contains(arg.text, "="):
			return "", unsupported(arg)
		case key == "SIZE":
			refusal = setSize(o, value)
		case key == "RET":
			if value = strings.ToUpper(value); o.Return != "" || value != "FULL" && value != "HDRS" {
				return "", "501 5.5.4 Bad RET parameter syntax"
			}
			o.Return = gosmtp.DSNReturn(value)
		case key == "ENVID":
			id, valid := unquoteXtext(value)
			if o.EnvelopeID != "" || !valid || id == "" || !isPrintable(id) {
				return "", "501 5.5.4 Bad ENVID parameter syntax"
			}
			o.EnvelopeID = id
		case key == "AUTH":
			if auth != "" {
				return "", "503 5.5.4 Error: multiple AUTH= options"
			}
			auth = setAuth(o, value)
		default:
			return "", unsupported(arg)
		}
		if refusal != "" {
			return "", refusal
		}
	}
	return auth, ""
}

// setAuth reads RFC 4954 section 5's AUTH. It returns what the log has of it.
func setAuth(o *gosmtp.MailOptions, value string) string {
	who, _ := unquoteXtext(value)
	if value == "<>" {
		who, value = "", ""
	}
	o.Auth = &who
	return printable(value, '?')
}

// unsupported refuses a parameter.
func unsupported(arg token) string {
	return "555 5.5.4 Unsupported option: " + printable(arg.text, '?')
}

// setSize reads RFC 1870's SIZE.
func setSize(o *gosmtp.MailOptions, value string) string {
	if value == "" || strings.Trim(value, "0123456789") != "" {
		return "501 5.5.4 Bad message size syntax"
	}
	size, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return "552 5.3.4 Message size exceeds file system imposed limit"
	}
	o.Size = size
	return ""
}

// rcptParameters reads what follows RCPT's address. It returns the reply that refuses them, or "".
func rcptParameters(o *gosmtp.RcptOptions, args []token) string {
	for _, arg := range args {
		key, value, found := strings.Cut(arg.text, "=")
		switch {
		case found && strings.EqualFold(key, "NOTIFY"):
			set, valid := parseNotify(value)
			if o.Notify != nil || !valid {
				return "501 5.5.4 Error: Bad NOTIFY parameter syntax"
			}
			o.Notify = set
		case found && strings.EqualFold(key, "ORCPT"):
			kind, address, valid := parseORcpt(value)
			if o.OriginalRecipientType != "" || !valid {
				return "501 5.5.4 Error: Bad ORCPT parameter syntax"
			}
			o.OriginalRecipientType, o.OriginalRecipient = gosmtp.DSNAddressType(kind), address
		default:
			return unsupported(arg)
		}
	}
	return ""
}

// parseNotify reads RFC 3461 section 4.1's list: NEVER stands alone.
func parseNotify(value string) ([]gosmtp.DSNNotify, bool) {
	var set []gosmtp.DSNNotify
	for _, word := range strings.FieldsFunc(strings.ToUpper(value), func(r rune) bool { return r == ',' }) {
		switch word {
		case "NEVER", "SUCCESS", "FAILURE", "DELAY":
		default:
			return nil, false
		}
		if !slices.Contains(set, gosmtp.DSNNotify(word)) {
			set = append(set, gosmtp.DSNNotify(word))
		}
	}
	return set, len(set) == 1 || len(set) > 1 && !slices.Contains(set, gosmtp.DSNNotifyNever)
}

// parseORcpt decodes RFC 3461 section 4.2's "rfc822;xtext", or RFC 6533's "utf-8;…".
func parseORcpt(value string) (kind, address string, valid bool) {
	kind, coded, found := strings.Cut(value, ";")
	if !found || kind == "" {
		return "", "", false
	}
	decode := unquoteXtext
	if strings.EqualFold(kind, "utf-8") {
		decode = unquoteUnitext
	}
	address, valid = decode(coded)
	return kind, address, valid
}

// unquoteXtext decodes RFC 3461 section 4's "+3D".
func unquoteXtext(text string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '+' {
			if i+3 > len(text) {
				return "", false
			}
			n, err := strconv.ParseUint(text[i+1:i+3], 16, 8)
			if err != nil {
				return "", false
			}
			c = byte(n)
			i += 2
		}
		b.WriteByte(c)
	}
	return b.String(), true
}

// unquoteUnitext decodes RFC 6533 section 3's "\x{E9}".
func unquoteUnitext(text string) (string, bool) {
	var b strings.Builder
	for text != "" {
		before, rest, found := strings.Cut(text, `\`)
		b.WriteString(before)
		if !found {
			break
		}
		hex, after, closed := strings.Cut(strings.TrimPrefix(rest, "x{"), "}")
		n, err := strconv.ParseUint(hex, 16, 21)
		if !strings.HasPrefix(rest, "x{") || !closed || err != nil || n > 0x10ffff || n >= 0xd800 && n < 0xe000 {
			return "", false
		}
		b.WriteRune(rune(n))
		text = after
	}
	return b.String(), true
}

// isPrintable tells printable ASCII.
func isPrintable(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}
