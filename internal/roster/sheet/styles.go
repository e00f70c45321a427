package sheet

import (
	"encoding/xml"
	"math"
	"strconv"
	"strings"
	"time"
)

// styles are what of a workbook's number formats changes what a number is: dates, and leading zeros.
type styles struct {
	codes    map[int]string // formats of the book's own, by ID
	cells    []int          // the format of each cell style
	inCells  bool
	from1904 bool // days are counted from there, as on old Macs
}

// style takes an element of the styles' part.
func (s *styles) style(_ walk, e xml.StartElement) (bool, error) {
	switch e.Name.Local {
	case "numFmt":
		if id, err := strconv.Atoi(attribute(e, "", "numFmtId")); err == nil {
			if s.codes == nil {
				s.codes = map[int]string{}
			}
			s.codes[id] = attribute(e, "", "formatCode")
		}
	case "cellStyleXfs":
		s.inCells = false
	case "cellXfs":
		s.inCells = true
	case "xf":
		if s.inCells {
			id, _ := strconv.Atoi(attribute(e, "", "numFmtId"))
			s.cells = append(s.cells, id)
		}
	}
	return false, nil
}

// shown is a number as it is meant: a date as 2006-01-31, a number with the zeros that its format puts before it, any other
// in full.
func (s *styles) shown(value string, style int) string {
	number, err := strconv.ParseFloat(value, 64)
	if err != nil || math.IsInf(number, 0) || math.IsNaN(number) {
		return value
	}
	id := 0
	if style >= 0 && style < len(s.cells) {
		id = s.cells[style]
	}
	code := s.codes[id]
	if isDate(id, code) && number >= 0 && number < 3e6 {
		return s.date(number)
	}
	text := strconv.FormatFloat(number, 'f', -1, 64)
	if strings.Trim(code, "0") == "" && len(text) < len(code) && !strings.ContainsAny(text, ".-") {
		return strings.Repeat("0", min(len(code), 40)-len(text)) + text
	}
	return text
}

// isDate knows the built-in formats (ECMA-376, part 1, 18.8.30) and looks at others for what only dates have.
func isDate(id int, code string) bool {
	if code == "" {
		return id >= 14 && id <= 22 || id >= 27 && id <= 36 || id >= 45 && id <= 47 || id >= 50 && id <= 58
	}
	quoted := false
	for i := 0; i < len(code); i++ {
		switch c := code[i]; {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '\\' || c == '_' || c == '*':
			i++
		case c == '[': // a colour or a language
			for i < len(code) && code[i] != ']' {
				i++
			}
		case strings.IndexByte("yYdDmMhHsSaAjJ", c) >= 0: // j is the day where Excel speaks French
			return true
		case c == 'G' || c == 'E': // General; an exponent
			return false
		}
	}
	return false
}

// date is a day and, where there is one, a time. 1900 is taken for a leap year, as Excel does: the first two months of it
// are a day off, and nobody's.
func (s *styles) date(number float64) string {
	start := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	if s.from1904 {
		start = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	days, share := math.Modf(number)
	at := start.AddDate(0, 0, int(days)).Add(time.Duration(math.Round(share*24*60)) * time.Minute)
	switch {
	case number < 1:
		return at.Format("15:04")
	case share == 0:
		return at.Format("2006-01-02")
	}
	return at.Format("2006-01-02 15:04")
}
