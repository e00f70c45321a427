package say

import (
	"cmp"
	"fmt"
	"io/fs"
	"slices"

	"maillab/internal/say/po"
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
		messages, err := po.Read(string(text))
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

func (c *catalogue) add(m po.Message) {
	english := takeApart(m.ID)
	other := takeApart(m.Text).formattedAs(english)
	e := entry{m.ID, english.says(other), other}
	c.byFormat[m.Key()] = e.other
	if english.recognisable() {
		c.open = append(c.open, e)
	}
}
