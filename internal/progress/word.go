package progress

import (
	"fmt"
	"strconv"
	"strings"
)

// Words are those of a mark, for messages.
const Words = "passed, failed, a share of the points such as 0.5 or 3/5, or auto, which takes your word back"

// Word reads a mark as it is typed; nil takes it back. A bare 1 is none: it may mean one point, or all of them.
func Word(text string) (*Mark, error) {
	switch text {
	case "auto":
		return nil, nil
	case string(Passed):
		return &Mark{Share: 1}, nil
	case string(Failed):
		return &Mark{}, nil
	}
	share, err := shareOf(text)
	if err != nil {
		return nil, fmt.Errorf("%q is no mark: %s", text, Words)
	}
	m := &Mark{Share: share}
	return m, m.Check()
}

// shareOf reads 0.5, 0,5 and 3/5.
func shareOf(text string) (float64, error) {
	decimal := func(text string) (float64, error) { return strconv.ParseFloat(strings.Replace(text, ",", ".", 1), 64) }
	if strings.Trim(text, "0123456789.,/") != "" { // no sign, exponent or infinity
		return 0, strconv.ErrSyntax
	}
	given, of, fraction := strings.Cut(text, "/")
	if !fraction {
		if !strings.ContainsAny(text, ".,") {
			return 0, strconv.ErrSyntax
		}
		return decimal(text)
	}
	part, err := decimal(given)
	if err != nil {
		return 0, err
	}
	whole, err := decimal(of)
	if err != nil || whole <= 0 {
		return 0, strconv.ErrSyntax
	}
	return part / whole, nil
}
