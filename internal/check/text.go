package check

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"maillab/internal/lab/task"
)

// both is a text in both languages. An argument that is itself such a text is put in in the right language.
func both(fr, en string, args ...any) task.Text {
	return task.Text{"fr": say("fr", fr, args), "en": say("en", en, args)}
}

func say(lang, format string, args []any) string {
	if len(args) == 0 {
		return format
	}
	words := make([]any, len(args))
	for i, a := range args {
		words[i] = a
		if t, ok := a.(task.Text); ok {
			words[i] = t.In(lang)
		}
	}
	return strings.Map(printable, fmt.Sprintf(format, words...))
}

// join puts texts one behind the other.
func join(separator string, texts ...task.Text) task.Text {
	out := task.Text{}
	for _, lang := range task.Languages() {
		var parts []string
		for _, t := range texts {
			if part := t.In(lang); part != "" {
				parts = append(parts, part)
			}
		}
		out[lang] = strings.Join(parts, separator)
	}
	return out
}

// quoteLimit is how much of what a student wrote is repeated, in characters.
const quoteLimit = 80

// quote is a piece of the student's own text, in one line, in each language's quotes.
func quote(text string) task.Text {
	text = strings.Join(strings.Fields(strings.Map(printable, text)), " ")
	if utf8.RuneCountInString(text) > quoteLimit {
		text = string([]rune(text)[:quoteLimit]) + "…"
	}
	return task.Text{"fr": "« " + text + " »", "en": "“" + text + "”"}
}

// counted is how many there are of something, whose plural ends in s. French has it from two on.
func counted(n int, fr, en string) task.Text {
	out := task.Text{"fr": fmt.Sprintf("%d %s", n, fr), "en": fmt.Sprintf("%d %s", n, en)}
	if n > 1 {
		out["fr"] += "s"
	}
	if n != 1 {
		out["en"] += "s"
	}
	return out
}

// printable keeps what a terminal would act upon out of what is shown on one.
func printable(r rune) rune {
	if r < ' ' || r == 0x7f || 0x80 <= r && r < 0xa0 {
		return ' '
	}
	return r
}

// clock is a time of day as it is said.
func (e Evidence) clock(t time.Time) string { return t.In(e.Zone).Format("15:04:05") }
