// Package say is the language in which the program speaks to a teacher: English, as it is written where it is said, or
// French, by a catalogue. The catalogue is keyed by the English text, a format with verbs as fmt has them, and lies in the
// files fr/*.po, which gettext's tools and translators know.
//
// No other package knows of languages. What they say is English text: errors, reasons, findings, and what comes from
// sandboxes as text anyway. At the edge, where it is printed, a text is recognised by the format that it was made from, and
// said by that format's translation (Tongue.Text; docs/decisions/0063). What is not recognised is left as it is, and a test
// finds what would not be. Keys of JSON, names of columns in CSV, commands, flags and words of protocols are never looked up.
package say

import (
	"embed"
	"fmt"
	"io"
	"regexp"
	"strings"

	"maillab/internal/say/po"
)

// Tongue speaks one language. The zero value speaks English.
type Tongue struct {
	Language  string // "fr" or "en"
	sentences catalogue
}

//go:embed fr/*.po
var french embed.FS

// In is a tongue for a language; for one that there is no catalogue of, English.
func In(language string) Tongue {
	if language != "fr" {
		return Tongue{Language: "en"}
	}
	all, err := readCatalogue(french, "fr")
	if err != nil {
		panic(fmt.Sprintf("say: what is on board cannot be read: %v", err)) // a test reads it
	}
	return Tongue{"fr", all}
}

// English tells whether nothing is translated.
func (t Tongue) English() bool { return t.sentences.byFormat == nil }

// Languages are those that there are.
func Languages() []string { return []string{"fr", "en"} }

// Chosen is the language of a command line: what --lang says, else its variable, else the locale as POSIX has it (LC_ALL
// before LC_MESSAGES before LANG), as far as the program speaks it.
func Chosen(args []string, variable string, getenv func(string) string) string {
	for n, arg := range args {
		if arg == "--" {
			break
		}
		if value, found := strings.CutPrefix(arg, "--lang="); found {
			return spoken(value)
		}
		if arg == "--lang" && n+1 < len(args) {
			return spoken(args[n+1])
		}
	}
	for _, name := range []string{variable, "LC_ALL", "LC_MESSAGES", "LANG"} {
		if value := getenv(name); value != "" {
			return spoken(value)
		}
	}
	return "en"
}

// spoken is the language of a locale such as fr_FR.UTF-8, or English.
func spoken(locale string) string {
	for _, language := range Languages() {
		if rest, found := strings.CutPrefix(locale, language); found && !strings.HasPrefix(rest, "l") { // fil is Filipino
			return language
		}
	}
	return "en"
}

// Sprintf says a format of the catalogue. Arguments that are errors are said in the same language.
func (t Tongue) Sprintf(format string, args ...any) string {
	if t.English() {
		return fmt.Sprintf(format, args...)
	}
	said := make([]any, len(args))
	for n, arg := range args {
		if err, ok := arg.(error); ok {
			arg = t.Text(err.Error())
		}
		said[n] = arg
	}
	before, body, after := trimmed(format)
	entry, found := t.sentences.byFormat[body]
	if !found {
		return fmt.Sprintf(format, said...)
	}
	return before + entry.say(said, t.Text) + after
}

// Fprintf writes Sprintf.
func (t Tongue) Fprintf(w io.Writer, format string, args ...any) {
	_, _ = io.WriteString(w, t.Sprintf(format, args...)) // a terminal that is gone hears nothing
}

// Fprintln writes what is to be said, which was made as text.
func (t Tongue) Fprintln(w io.Writer, said any) {
	_, _ = io.WriteString(w, t.Text(fmt.Sprint(said))+"\n")
}

// Text says an English text. One that is put together (lines, "what: why", "one; another", "what (mend)") is said part by
// part, and what is in no catalogue stays as it is.
func (t Tongue) Text(english string) string {
	said, _ := t.text(english)
	return said
}

// text is Text, and whether the text was recognised: one that is the same in both languages is, too.
func (t Tongue) text(english string) (said string, found bool) {
	before, body, after := trimmed(english)
	if t.English() || body == "" || len(body) > mostText && !strings.Contains(body, "\n") {
		return english, false
	}
	said, found = t.body(body)
	return before + said + after, found
}

// Cell says what stands in a table where states and findings are told: a word by what it means there, or a text. A single
// word that the catalogue has for no cell is a name.
func (t Tongue) Cell(english string) string {
	if word, found := t.sentences.byFormat[po.Within("cell", english)]; found {
		return word.pieces[0]
	}
	if !strings.Contains(english, " ") {
		return english
	}
	return t.Text(english)
}

// mostText is more than any line has that is said, in octets; what is longer comes from elsewhere.
const mostText = 2048

// asName is what the name in a sentence has none of, where a text is taken for that sentence at first sight.
func asName() []string { return []string{": ", "; ", "), ", " ("} }

// asWords is that where a text is neither a list nor has an aside.
func asWords() []string { return []string{": ", "; "} }

// body says a text: as one sentence, as lines, a list, one with an aside, with names of any form, or as what is joined. What is
// not found stays as it is.
func (t Tongue) body(text string) (said string, found bool) {
	if said, found := t.sentences.translate(text, asName(), t.Text); found {
		return said, true
	}
	if lines := strings.Split(text, "\n"); len(lines) > 1 {
		return strings.Join(each(lines, t.Text), "\n"), true
	}
	for _, how := range []func(string) (string, bool){t.list, t.aside, t.words, t.joined} {
		if said, found := how(text); found {
			return said, true
		}
	}
	return text, false
}

func each(texts []string, say func(string) string) []string {
	for n, text := range texts {
		texts[n] = say(text)
	}
	return texts
}

// list says a list each of whose items is known.
func (t Tongue) list(text string) (string, bool) {
	items := strings.Split(text, ", ")
	for n, item := range items {
		said, found := t.sentences.translate(item, asName(), t.Text)
		if !found || len(items) == 1 {
			return "", false
		}
		items[n] = said
	}
	return strings.Join(items, ", "), true
}

// aside says a text behind which a mend or a name stands in brackets.
func (t Tongue) aside(text string) (string, bool) {
	inner, closed := strings.CutSuffix(text, ")")
	if !closed {
		return "", false
	}
	for n := range inner {
		rest, opens := strings.CutPrefix(inner[n:], " (")
		if !opens {
			continue
		}
		if said, found := t.sentences.translate(text[:n], asName(), t.Text); found {
			return said + " (" + t.Text(rest) + ")", true
		}
	}
	return "", false
}

// words says a sentence with names that have brackets in them.
func (t Tongue) words(text string) (string, bool) {
	return t.sentences.translate(text, asWords(), t.Text)
}

// joints are what texts are joined with in a line. French has a blank before them.
var joints = regexp.MustCompile(`; | → |: `)

// Joint is what joins texts that have been said.
func (t Tongue) Joint(joint string) string {
	if t.English() {
		return joint
	}
	return " " + joint
}

// mostJoints is more than any text of ours has.
const mostJoints = 20

// joined says the text before the first joint, and what is behind it.
func (t Tongue) joined(text string) (string, bool) {
	places := joints.FindAllStringIndex(text, mostJoints+1)
	if len(places) == 0 || len(places) > mostJoints {
		return "", false
	}
	place := places[0]
	joint := text[place[0]:place[1]]
	first, found := t.text(text[:place[0]])
	rest, more := t.text(text[place[1]:])
	if found && joint == ": " || (found || more) && joint == "; " { // what stands before a colon may be a name, and keeps it
		joint = " " + joint
	}
	return first + joint + rest, found || more
}

// trimmed is a text without the white space around it, and that.
func trimmed(text string) (before, body, after string) {
	rest := strings.TrimLeft(text, " \n\t")
	body = strings.TrimRight(rest, " \n\t")
	return text[:len(text)-len(rest)], body, rest[len(body):]
}
