package task

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"maillab/internal/lab/placeholder"
)

// Text is words for people in the languages fr and en. In a lab file plain text stands for both.
type Text map[string]string

// Languages are those that labs are written in; the first one stands in for a missing one.
func Languages() []string { return []string{"fr", "en"} }

// In is the text in a language, or else in another one.
func (t Text) In(lang string) string {
	if s, ok := t[lang]; ok {
		return s
	}
	for _, other := range Languages() {
		if s, ok := t[other]; ok {
			return s
		}
	}
	return ""
}

// Pattern is an RE2 regular expression, in which placeholders may stand: their values are taken literally.
type Pattern string

// UnmarshalText checks that it compiles.
func (p *Pattern) UnmarshalText(text []byte) error {
	if _, err := Pattern(placeholder.Expand(string(text), placeholder.Static)).Compile(); err != nil {
		return err
	}
	*p = Pattern(text)
	return nil
}

// UnmarshalJSON takes it as it is: a spec's was found to compile when its lab was read, and to compile all of them anew
// is half of what a daemon that starts does.
func (p *Pattern) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, (*string)(p))
}

// MarshalText is the pattern itself.
func (p Pattern) MarshalText() ([]byte, error) { return []byte(p), nil }

// Compile is the expression, once placeholders are filled in.
func (p Pattern) Compile() (*regexp.Regexp, error) {
	re, err := regexp.Compile(string(p))
	if err != nil {
		return nil, fmt.Errorf("%q does not compile: %s", p, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	return re, nil
}

// Groups is how many capturing groups it has.
func (p Pattern) Groups() int {
	re, err := Pattern(placeholder.Expand(string(p), placeholder.Static)).Compile()
	if err != nil {
		return 0
	}
	return re.NumSubexp()
}

// Count is how many there may be: "3" exactly, "2-5" between, "1-" at least. The zero value asks for nothing.
type Count struct {
	Min, Max int // Max -1: no end
	Set      bool
}

// UnmarshalText reads "3", "2-5" or "1-".
func (c *Count) UnmarshalText(text []byte) error {
	first, last, dash := strings.Cut(strings.TrimSpace(string(text)), "-")
	low, err := strconv.ParseUint(strings.TrimSpace(first), 10, 16)
	high := low
	if err == nil && dash && strings.TrimSpace(last) != "" {
		high, err = strconv.ParseUint(strings.TrimSpace(last), 10, 16)
	}
	if err != nil || high < low {
		return fmt.Errorf(`%q is not a number like 3, 2-5 or "1-"`, text)
	}
	*c = Count{Min: int(low), Max: int(high), Set: true}
	if dash && strings.TrimSpace(last) == "" {
		c.Max = -1
	}
	return nil
}

// MarshalText is its form in a lab file.
func (c Count) MarshalText() ([]byte, error) {
	switch {
	case c.Max < 0:
		return fmt.Appendf(nil, "%d-", c.Min), nil
	case c.Max != c.Min:
		return fmt.Appendf(nil, "%d-%d", c.Min, c.Max), nil
	}
	return fmt.Appendf(nil, "%d", c.Min), nil
}

// Holds says whether n is a number that is asked for.
func (c Count) Holds(n int) bool {
	return !c.Set || n >= c.Min && (c.Max < 0 || n <= c.Max)
}

// Sheets reads a spec's Tasks.
func Sheets(text json.RawMessage) ([]Sheet, error) {
	if len(text) == 0 {
		return nil, nil
	}
	var sheets []Sheet
	if err := json.Unmarshal(text, &sheets); err != nil {
		return nil, fmt.Errorf("tasks: %w", err)
	}
	return sheets, nil
}
