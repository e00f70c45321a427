package task

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Of how an answer is written nothing counts that a hurried person leaves out: case, accents, the form of quotes and dashes,
// blanks. A pattern that it is compared with is read in the same way.

// plain is text without accents, with plain quotes and dashes, and one blank where there were several.
func plain(text string) string {
	return strings.Join(strings.Fields(unaccented(text)), " ")
}

func unaccented(text string) string {
	text = strings.NewReplacer("œ", "oe", "Œ", "OE", "æ", "ae", "’", "'", "‘", "'", "«", `"`, "»", `"`, "“", `"`, "”", `"`,
		"–", "-", "—", "-", "‑", "-", "…", "...", "\u00ad", "").Replace(text)
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFD.String(text))
}

// Right says whether an answer is as Matches and Not ask.
func (a Answer) Right(given string) (bool, error) {
	given = plain(given)
	re, err := loose(a.Matches)
	if err != nil || !re.MatchString(given) || a.Not == "" {
		return err == nil && re.MatchString(given), err
	}
	not, err := loose(a.Not)
	return err == nil && !not.MatchString(given), err
}

// loose compiles a pattern for an answer that was made plain.
func loose(p Pattern) (*regexp.Regexp, error) {
	return Pattern("(?i)" + unaccented(string(p))).Compile()
}

// Holds says whether an answer is a value, such as a queue ID or a Message-Id, or has it among other words.
func Holds(given, value string) bool {
	given, value = strings.ToLower(given), strings.ToLower(strings.Trim(value, " \t\r\n<>\"'"))
	for from := 0; value != ""; {
		i := strings.Index(given[from:], value)
		if i < 0 {
			return false
		}
		from += i
		if !joinsBefore(given[:from]) && !joinsAfter(given[from+len(value):]) {
			return true
		}
		from++
	}
	return false
}

// joinsBefore says whether text ends in what would belong to the word that follows.
func joinsBefore(text string) bool {
	r, _ := utf8.DecodeLastRuneInString(text)
	return text != "" && isWord(r)
}

// joinsAfter says whether text goes on with the word before it; a dot does when it does not end the sentence.
func joinsAfter(text string) bool {
	r, n := utf8.DecodeRuneInString(text)
	if r == '.' && len(text) > n {
		r, _ = utf8.DecodeRuneInString(text[n:])
	} else if r == '.' {
		return false
	}
	return text != "" && isWord(r)
}

func isWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("@_-+", r)
}

// HoldsToken says whether an answer has a token in it, however its parts are joined or written.
func HoldsToken(given, token string) bool {
	return letters(token) != "" && strings.Contains(letters(given), letters(token))
}

// letters is text in lower case, its letters and digits alone.
func letters(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, text)
}
