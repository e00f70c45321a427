package queue

import (
	"bytes"
	"fmt"
	"strings"
)

// ForwardTarget is one entry of a .forward.
type ForwardTarget struct {
	Address string // as written, without brackets
	Mailbox bool   // written \name: that account's mailbox, whatever its own .forward says
}

// forwardLimit bounds the entries that are followed; a student's .forward with more is a mistake or a joke.
const forwardLimit = 50

// ParseForward reads a .forward in aliases(5) form: addresses separated by commas or newlines, comments from # at the
// beginning of a word to the end of the line, "quoted" parts, <bracketed> addresses, \name for a mailbox. What this
// server does not do (|command, /file, :include:) and what cannot be read is told in problems and left out.
func ParseForward(text []byte) (targets []ForwardTarget, problems []string) {
	for _, line := range bytes.Split(text, []byte("\n")) {
		for _, item := range splitList(strings.TrimRight(string(line), "\r")) {
			target, problem := forwardItem(item)
			switch {
			case problem != "":
				problems = append(problems, problem)
			case len(targets) == forwardLimit:
				return targets, append(problems, fmt.Sprintf("only the first %d addresses count", forwardLimit))
			default:
				targets = append(targets, target)
			}
		}
	}
	return targets, problems
}

// splitList parts a line at commas outside quotes and brackets, drops a comment and blank items.
func splitList(line string) (items []string) {
	var item strings.Builder
	flush := func() {
		if s := strings.TrimSpace(item.String()); s != "" {
			items = append(items, s)
		}
		item.Reset()
	}
	inQuotes := false
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case c == '\\' && i+1 < len(line) && (inQuotes || item.Len() > 0):
			item.WriteByte(c)
			i++
			c = line[i]
		case c == '"':
			inQuotes = !inQuotes
		case c == ',' && !inQuotes:
			flush()
			continue
		case c == '#' && !inQuotes && strings.TrimSpace(item.String()) == "":
			flush()
			return items
		}
		item.WriteByte(c)
	}
	flush()
	return items
}

// forwardItem reads one entry.
func forwardItem(item string) (ForwardTarget, string) {
	bare := strings.Trim(item, `"`)
	if bare == "" || bare[0] == '|' || bare[0] == '/' || strings.HasPrefix(bare, ":include:") {
		return ForwardTarget{}, fmt.Sprintf("%q is not an address: only addresses are followed here", item)
	}
	isControl := func(r rune) bool { return r < ' ' || r == 0x7f }
	if strings.ContainsFunc(item, isControl) {
		return ForwardTarget{}, fmt.Sprintf("%q is not an address", item)
	}
	if name, ok := strings.CutPrefix(item, `\`); ok && !strings.ContainsAny(name, " <>") {
		name = strings.Trim(name, `"`)
		return ForwardTarget{Address: name, Mailbox: true}, notAddress(name, item)
	}
	if open := strings.LastIndexByte(item, '<'); open >= 0 && strings.HasSuffix(item, ">") {
		item = item[open+1 : len(item)-1]
	}
	address := item
	if !strings.Contains(item, "@") { // "quoted" as aliases(5) allows for any entry
		address = unquote(item)
	}
	return ForwardTarget{Address: address}, notAddress(address, item)
}

// notAddress is the problem with what an entry came down to, "" when there is none.
func notAddress(address, item string) string {
	blank := strings.ContainsAny(item, " <>()") && !strings.HasPrefix(item, `"`)
	if address == "" || address == `\` || blank {
		return fmt.Sprintf("%q is not an address", item)
	}
	return ""
}
