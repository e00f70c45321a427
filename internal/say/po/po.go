// Package po reads texts in gettext's PO format, as far as we use it: what the program says to a teacher, by its English
// (package say), and what pages say, by keys (Words).
package po

import (
	"fmt"
	"strconv"
	"strings"
)

// Message is an entry of a PO file. Composed ones are put together in the program, so that no literal of it is their text.
type Message struct {
	Line     int
	Context  string // "", or where a word stands that means something else there
	ID, Text string
	Composed bool
}

// Key is by what it is looked up.
func (m Message) Key() string { return Within(m.Context, m.ID) }

// Within is the key of a text in a context, as gettext has it.
func Within(context, id string) string {
	if context == "" {
		return id
	}
	return context + "\x04" + id
}

// composedMark begins the comment that says so.
const composedMark = "#. composed"

// Read reads what we need of gettext's PO format: msgctxt, msgid, msgstr, strings over several lines, comments. An entry without a
// translation, and the header, which has no msgid, are left out.
func Read(text string) (messages []Message, err error) {
	var m Message
	var to *string
	end := func() {
		if m.ID != "" && m.Text != "" {
			messages = append(messages, m)
		}
		m, to = Message{}, nil
	}
	for n, line := range strings.Split(text, "\n") {
		keyword, quoted, _ := strings.Cut(line, " ")
		switch {
		case line == "":
			end()
			continue
		case strings.HasPrefix(line, "#"):
			m.Composed = m.Composed || strings.HasPrefix(line, composedMark)
			continue
		case keyword == "msgctxt":
			to = &m.Context
		case keyword == "msgid":
			m.Line, to = n+1, &m.ID
		case keyword == "msgstr":
			to = &m.Text
		case strings.HasPrefix(line, `"`) && to != nil:
			quoted = line
		default:
			return nil, fmt.Errorf("line %d: neither msgctxt, msgid, msgstr, a string nor a comment", n+1)
		}
		part, err := strconv.Unquote(quoted)
		if err != nil {
			return nil, fmt.Errorf("line %d: %s is no string", n+1, quoted)
		}
		*to += part
	}
	end()
	return messages, nil
}
