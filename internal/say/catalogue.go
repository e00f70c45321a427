package say

import (
	"cmp"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// catalogue is what is said in another language.
type catalogue struct {
	byFormat map[string]sentence // the translation, by the English format
	open     []entry             // those with verbs, the ones that say most first
}

// entry is one translation.
type entry struct {
	format         string
	english, other sentence
}

// translate says a text that is whole. What is put in has nothing of this in it where it is a name.
func (c catalogue) translate(english string, unlike []string, text func(string) string) (string, bool) {
	if s, found := c.byFormat[english]; found && len(s.verbs) == 0 {
		return s.pieces[0], true
	}
	for _, e := range c.open {
		if args, found := e.english.match(english, unlike); found {
			return e.other.filled(args, text), true
		}
	}
	return "", false
}

// readCatalogue reads all files of a folder.
func readCatalogue(fsys fs.FS, dir string) (catalogue, error) {
	files, err := fs.Glob(fsys, dir+"/*.po")
	if err != nil {
		return catalogue{}, err
	}
	c := catalogue{byFormat: map[string]sentence{}}
	for _, file := range files {
		text, err := fs.ReadFile(fsys, file)
		if err != nil {
			return c, err
		}
		messages, err := readPO(string(text))
		if err != nil {
			return c, fmt.Errorf("%s: %w", file, err)
		}
		for _, m := range messages {
			c.add(m)
		}
	}
	slices.SortStableFunc(c.open, func(a, b entry) int { return cmp.Compare(b.english.letters(), a.english.letters()) })
	return c, nil
}

func (c *catalogue) add(m message) {
	english := takeApart(m.id)
	other := takeApart(m.text).formattedAs(english)
	e := entry{m.id, english.says(other), other}
	c.byFormat[m.key()] = e.other
	if english.recognisable() {
		c.open = append(c.open, e)
	}
}

// message is an entry of a PO file. Composed ones are put together in the program, so that no literal of it is their text.
type message struct {
	line     int
	context  string // "", or where a word stands that means something else there
	id, text string
	composed bool
}

// key is by what it is looked up.
func (m message) key() string { return within(m.context, m.id) }

// within is the key of a text in a context, as gettext has it.
func within(context, id string) string {
	if context == "" {
		return id
	}
	return context + "\x04" + id
}

// composedMark begins the comment that says so.
const composedMark = "#. composed"

// readPO reads what we need of gettext's PO format: msgctxt, msgid, msgstr, strings over several lines, comments. An entry without a
// translation, and the header, which has no msgid, are left out.
func readPO(text string) (messages []message, err error) {
	var m message
	var to *string
	end := func() {
		if m.id != "" && m.text != "" {
			messages = append(messages, m)
		}
		m, to = message{}, nil
	}
	for n, line := range strings.Split(text, "\n") {
		keyword, quoted, _ := strings.Cut(line, " ")
		switch {
		case line == "":
			end()
			continue
		case strings.HasPrefix(line, "#"):
			m.composed = m.composed || strings.HasPrefix(line, composedMark)
			continue
		case keyword == "msgctxt":
			to = &m.context
		case keyword == "msgid":
			m.line, to = n+1, &m.id
		case keyword == "msgstr":
			to = &m.text
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
