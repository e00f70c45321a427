package po

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Words are short texts by language, en and fr, and key.
type Words map[string]map[string]string

// ReadWords reads a folder with a file LANGUAGE.po for each language. What is on board can be read, or it is our own fault: it panics.
func ReadWords(fsys fs.FS, dir string) Words {
	files, err := fs.Glob(fsys, dir+"/*.po")
	w := Words{}
	for _, file := range files {
		var text []byte
		var messages []Message
		if text, err = fs.ReadFile(fsys, file); err == nil {
			messages, err = Read(string(text))
		}
		if err != nil {
			break
		}
		keyed := map[string]string{}
		for _, m := range messages {
			keyed[m.ID] = m.Text
		}
		w[strings.TrimSuffix(path.Base(file), ".po")] = keyed
	}
	if err != nil || len(files) == 0 {
		panic(fmt.Sprintf("words in %s cannot be read: %v", dir, err))
	}
	return w
}

// Say is one of them, filled in; in English where the language is none of them.
func (w Words) Say(lang, key string, args ...any) string {
	keyed, found := w[lang]
	if !found {
		keyed = w["en"]
	}
	if len(args) == 0 {
		return keyed[key]
	}
	return fmt.Sprintf(keyed[key], args...)
}

// place is where something is filled in.
var place = regexp.MustCompile(`%[a-z]`)

// Wrong is what a test finds of words, used being the keys that a program asks for: each is to be there in all languages, with
// the same places to fill in, and none left over.
func (w Words) Wrong(used map[string]bool) (wrong []string) {
	all := maps.Clone(used)
	for _, keyed := range w {
		for key := range keyed {
			all[key] = true
		}
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if !used[key] {
			wrong = append(wrong, fmt.Sprintf("nobody says %q", key))
		}
		for _, lang := range slices.Sorted(maps.Keys(w)) {
			text, there := w[lang][key]
			if !there {
				wrong = append(wrong, fmt.Sprintf("there is no %q in %s", key, lang))
			} else if english := w["en"][key]; !slices.Equal(place.FindAllString(text, -1), place.FindAllString(english, -1)) {
				wrong = append(wrong, fmt.Sprintf("%q: %q in %s, %q", key, text, lang, english))
			}
		}
	}
	return wrong
}
