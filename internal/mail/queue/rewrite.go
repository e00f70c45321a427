package queue

import (
	"strings"

	"maillab/internal/mail/addrspec"
)

// addressFields are the fields whose bare names are completed (Postfix's header_opts.c, those that hold addresses).
var addressFields = []string{
	"from", "to", "cc", "reply-to", "sender", "errors-to", "return-receipt-to", "disposition-notification-to",
	"resent-from", "resent-to", "resent-cc", "resent-reply-to", "resent-sender",
}

// completeField gives the bare names in an address field their domain: "Bob <util3>" becomes "Bob <util3@domain>". A field
// without any is left alone, as is one that does not read as addresses. One that was touched gets a blank after each colon
// and comma and before a bracket, as Postfix writes what it has rewritten; lines stay lines.
func completeField(name, field, domain string) string {
	found := false
	for _, f := range addressFields {
		found = found || f == name
	}
	if !found {
		return field
	}
	colon := strings.IndexByte(field, ':') + 1
	items := splitAddresses(field[colon:])
	touched := false
	for i, item := range items {
		items[i] = completeItem(item, domain)
		touched = touched || items[i] != item
	}
	switch {
	case !touched:
		return field
	case strings.Contains(field, "\n"):
		return field[:colon] + strings.Join(items, "")
	}
	for i, item := range items {
		items[i] = spaced(item)
	}
	return strings.TrimRight(field[:colon]+" "+strings.Join(items, " "), " \t")
}

// spaced is an item of a list with no blanks around it, and one before its bracket.
func spaced(item string) string {
	end := len(item)
	if end > 0 && strings.IndexByte(",;:", item[end-1]) >= 0 {
		end--
	}
	core := strings.Trim(item[:end], " \t")
	if open := strings.LastIndexByte(core, '<'); open > 0 {
		core = strings.TrimRight(core[:open], " \t") + " " + core[open:]
	}
	return core + item[end:]
}

// splitAddresses cuts a list of addresses behind each separator (comma, and the colon and semicolon of groups) that
// stands outside quotes, comments, brackets. Joined, the parts are the list again.
func splitAddresses(list string) (items []string) {
	var inQuotes, inAngle, inLiteral bool
	comments, start := 0, 0
	for i := 0; i < len(list); i++ {
		switch c := list[i]; {
		case c == '\\':
			i++
		case inQuotes:
			inQuotes = c != '"'
		case c == '(':
			comments++
		case c == ')' && comments > 0:
			comments--
		case comments > 0:
		case c == '"':
			inQuotes = true
		case c == '[' || c == ']':
			inLiteral = c == '['
		case c == '<' || c == '>':
			inAngle = c == '<'
		case (c == ',' || c == ';' || c == ':') && !inAngle && !inLiteral:
			items = append(items, list[start:i+1])
			start = i + 1
		}
	}
	return append(items, list[start:])
}

// completeItem completes the one address in an item of a list, if it is a bare name.
func completeItem(item, domain string) string {
	if strings.HasSuffix(item, ":") { // the name of a group
		return item
	}
	if open := strings.LastIndexByte(item, '<'); open >= 0 {
		end := strings.IndexByte(item[open:], '>')
		if end > 1 && isBare(item[open+1:open+end]) {
			return item[:open+end] + "@" + domain + item[open+end:]
		}
		return item
	}
	from, to := bareWord(item)
	if from == to || !isBare(item[from:to]) {
		return item
	}
	return item[:to] + "@" + domain + item[to:]
}

// bareWord finds the only word outside comments; from == to when there is not exactly one.
func bareWord(item string) (from, to int) {
	comments := 0
	for i := 0; i < len(item); i++ {
		c := item[i]
		switch {
		case c == '(':
			comments++
		case c == ')' && comments > 0:
			comments--
		case comments > 0 || strings.IndexByte(" \t\n,;", c) >= 0:
		case to == 0 || to == i:
			if to == 0 {
				from = i
			}
			to = i + 1
		default:
			return 0, 0 // a second word
		}
	}
	return from, to
}

func isBare(word string) bool {
	return word != "" && addrspec.IsDotAtom(word) && !strings.ContainsAny(word, "!%")
}

// Addresses finds the addresses in an address list as people and programs write it: in the value of a To field, or as
// an argument of sendmail. Display names, comments, group names are left out; what is no address is left out too.
func Addresses(list string) (found []string) {
	for _, item := range splitAddresses(list) {
		if strings.HasSuffix(item, ":") {
			continue
		}
		item = strings.TrimRight(item, ",; \t\r\n")
		if open := strings.LastIndexByte(item, '<'); open >= 0 {
			inner, _, _ := strings.Cut(item[open+1:], ">")
			item = strings.TrimSpace(inner)
		} else if from, to := bareWord(item); from < to {
			item = item[from:to]
		} else {
			continue
		}
		if item != "" && item == oneLine(item) { // no control characters
			found = append(found, item)
		}
	}
	return found
}
