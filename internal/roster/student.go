package roster

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"maillab/internal/roster/sheet"
)

// student takes one student's row.
func (r *reader) student(row sheet.Row) {
	s := Student{Fields: map[string]string{}, Line: row.Line}
	for i, name := range r.header.names {
		if _, before := s.Fields[name]; name != "" && !before { // of two columns of one name the first
			s.Fields[name] = cellAt(row, i)
		}
	}
	for i := len(r.header.names); i < len(row.Cells); i++ {
		if row.Cells[i] != "" && r.understood.Format == "CSV" { // in a spreadsheet it is a note, in a text a value too many
			r.report(row.Line, "", "value %q is beyond the last column", row.Cells[i])
		}
	}
	for field, columns := range r.header.of {
		switch field {
		case fieldKey, fieldLast, fieldFirst:
		case fieldGroup:
			s.Fields[field] = joined(row, columns)
		default:
			s.Fields[field] = r.first(row, field, columns)
		}
	}
	for field, column := range r.options.Map {
		if column == "" {
			delete(s.Fields, field)
		}
	}
	r.identity(&s, row)
	r.language(&s)
	r.class.Students = append(r.class.Students, s)
}

// cellAt is a row's cell; rows may be short.
func cellAt(row sheet.Row, column int) string {
	if column < len(row.Cells) {
		return row.Cells[column]
	}
	return ""
}

// first is what a student has in the first column that has anything.
func (r *reader) first(row sheet.Row, field string, columns []int) string {
	for _, i := range columns {
		value := cellAt(row, i)
		if field != fieldLang && isError(value) {
			r.report(row.Line, "mend it in the spreadsheet, or open and save it there", "«%s» is the spreadsheet's error %s", r.header.spelled[i], value)
			return ""
		}
		if value != "" {
			return value
		}
	}
	return ""
}

// isError tells what spreadsheets show in place of a value.
func isError(value string) bool {
	return slices.Contains([]string{"#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!", "#SPILL!", sheet.Uncomputed}, value) ||
		strings.HasPrefix(value, "Err:5")
}

// joined are the groups of several columns.
func joined(row sheet.Row, columns []int) string {
	var all []string
	for _, i := range columns {
		for _, group := range groups(cellAt(row, i)) {
			if !slices.Contains(all, group) {
				all = append(all, group)
			}
		}
	}
	return strings.Join(all, ", ")
}

// identity fills in who it is.
func (r *reader) identity(s *Student, row sheet.Row) {
	line := func(text string) string { return strings.Join(strings.Fields(text), " ") }
	of := func(field string) string { return line(r.first(row, field, r.header.of[field])) }
	name := line(s.Fields[fieldName])
	if r.header.of[fieldName] == nil {
		name = line(of(fieldLast) + " " + of(fieldFirst))
	}
	s.Number, s.Email = r.number(line(s.Fields[fieldNumber]), row.Line), address(s.Fields[fieldEmail])
	beside, _, _ := strings.Cut(s.Email, "@")
	s.Key = cmp.Or(keyOf(of(fieldKey)), keyOf(name), keyOf(beside), keyOf(s.Number))
	if s.Key == "" {
		r.report(row.Line, "every student needs a name, a number or an e-mail address", "nothing says who it is")
	}
	delete(s.Fields, fieldKey)
	s.Name = cmp.Or(name, s.Key)
	s.Fields[fieldName] = s.Name
	if r.header.of[fieldNumber] != nil {
		s.Fields[fieldNumber] = s.Number
	}
	if s.Email != "" {
		s.Fields[fieldEmail] = s.Email
	}
}

// number is a number as it was before a program made a quantity of it. 2.0901201E7 is how programs in Java write one in
// full; spreadsheets write 2,09012E+07 and mean that digits may be missing.
func (r *reader) number(text string, line int) string {
	if !strings.ContainsFunc(text, func(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) }) {
		return "" // a dash for none
	}
	digits, exponent, ok := scientific(text)
	switch {
	case !ok:
		for _, tail := range []string{".0", ",0", ".00", ",00"} {
			if whole, cut := strings.CutSuffix(text, tail); cut && strings.Trim(whole, "0123456789") == "" {
				return whole
			}
		}
		return text
	case len(digits) > exponent+1, exponent > 30:
		return text // no whole number
	case len(digits) < exponent+1 && strings.Contains(text, "+"):
		r.report(line, "take the spreadsheet itself, or save it anew with the column formatted as text", "number %s has lost digits", text)
	}
	return digits + strings.Repeat("0", exponent+1-len(digits))
}

// scientific takes 2.0901201E7 apart: its digits, and how many follow the first one.
func scientific(text string) (digits string, exponent int, ok bool) {
	mantissa, power, found := strings.Cut(strings.ToUpper(text), "E")
	power = strings.TrimPrefix(power, "+")
	whole, fraction, _ := strings.Cut(strings.ReplaceAll(mantissa, ",", "."), ".")
	if !found || len(whole) != 1 || whole == "0" || len(power) == 0 || len(power) > 2 || strings.Trim(whole+fraction+power, "0123456789") != "" {
		return "", 0, false
	}
	for _, c := range power {
		exponent = 10*exponent + int(c-'0')
	}
	if !strings.ContainsAny(mantissa, ".,") && !strings.Contains(text, "+") {
		return "", 0, false // 1E12 is what a group or a number may be called
	}
	return whole + strings.TrimRight(fraction, "0"), exponent, true
}

// address is the first e-mail address of a cell, "" when there is none.
func address(cell string) string {
	for _, word := range strings.FieldsFunc(cell, func(c rune) bool { return unicode.IsSpace(c) || strings.ContainsRune(",;<>()\"", c) }) {
		word = strings.TrimPrefix(word, "mailto:")
		if at := strings.LastIndexByte(word, '@'); at > 0 && at < len(word)-1 {
			return word
		}
	}
	return ""
}

// language takes the languages that there are.
func (r *reader) language(s *Student) {
	text := s.Fields[fieldLang]
	if r.header.of[fieldLang] == nil {
		return
	}
	switch fold(text) {
	case "", "fr", "en":
		s.Lang = fold(text)
	case "francais", "french", "fr fr":
		s.Lang = "fr"
	case "anglais", "english", "en gb", "en us":
		s.Lang = "en"
	default:
		r.report(s.Line, "fr, en, or empty for the lab's own; --map lang= leaves the column out", "unknown language %q", text)
	}
}
