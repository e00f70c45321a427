// Package sheet reads tables as people send them: text with separators, XLSX, ODS. It gives rows of cells and knows
// nothing of what they mean.
//
// Text may be UTF-8, UTF-16 (either order), Windows-1252 (so Latin-1, too) or, with the CR line ends of old Mac programs,
// Mac Roman. A first line `sep=;` names the separator; without it text is read with each of comma, semicolon and tab, and
// who asks takes what makes sense. Quotes are as in RFC 4180; ="0123", by which programs keep Excel from making a number
// of it, is 0123.
//
// Of a spreadsheet the sheets that are not hidden are read. A number is in full, without separators or exponent, but with the
// leading zeros that its format shows; a date is 2026-01-31 in XLSX and as it is shown in ODS; a formula is the value that
// was saved with it. A cell merged over rows counts in each of them that has anything, one merged over columns in the first.
//
// Blanks of any width are blanks, invisible characters are left out, cells are trimmed and in Unicode's composed form.
// Nothing is read without a bound, of what is packed neither what it unpacks to.
package sheet

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"maillab/internal/lab/problem"
)

// Limits of what is read at all.
const (
	MaxBytes    = 8 << 20 // of a file
	maxUnpacked = 64 << 20
	maxHeld     = 16 << 20 // by all cells of a spreadsheet
	maxRows     = 5000     // that have anything in them
	maxColumns  = 256
	maxSheets   = 100
	maxProblems = 100 // a picture that was taken for a table should not print thousands
)

// Uncomputed is a cell whose formula was saved without its value.
const Uncomputed = "#FORMULA!"

// Row is one row that has anything in it.
type Row struct {
	Line  int      // from 1: of the text, or of the sheet
	Cells []string // in a text also those that are empty at the end: its header says with them how wide rows are
}

// Sheet is one table.
type Sheet struct {
	Name     string // of a spreadsheet's
	Rows     []Row
	Problems problem.List // rows that cannot be read
}

// Book is what a file holds.
type Book struct {
	Format string // CSV, XLSX or ODS
	Sheets []Sheet
}

// failed is a file that cannot be read at all.
func failed(mend, format string, args ...any) error {
	return problem.List{{Message: fmt.Sprintf(format, args...), Mend: mend}}
}

// Read reads a file whole. The error is a problem.List without a file's name.
func Read(data []byte) (Book, error) {
	starts := func(with string) bool { return bytes.HasPrefix(data, []byte(with)) }
	switch {
	case len(data) > MaxBytes:
		return Book{}, failed("is it the right file?", "larger than a class list can be (more than %d MiB)", MaxBytes>>20)
	case starts("PK\x03\x04"), starts("PK\x05\x06"):
		return packed(data)
	case starts("\xD0\xCF\x11\xE0"):
		return Book{}, failed("save it as .xlsx without a password, or as CSV", "an Excel file that is old (.xls) or has a password")
	case starts("%PDF"):
		return Book{}, failed("ask for it as a spreadsheet or CSV", "a PDF, not a table")
	}
	text, err := decode(data)
	if err != nil {
		return Book{}, err
	}
	if start := strings.ToLower(strings.TrimSpace(text[:min(len(text), 1000)])); strings.HasPrefix(start, "<") && strings.Contains(start, "<html") {
		return Book{}, failed("open it with a spreadsheet program and save it as .xlsx, .ods or CSV", "a web page, whatever it is called")
	}
	return Book{Format: "CSV", Sheets: tables(text)}, nil
}

// add takes a row, unless it is empty or there are too many. line is where it is.
func (s *Sheet) add(line int, cells []string) {
	last := 0
	for i, cell := range cells {
		if cells[i] = clean(cell); cells[i] != "" {
			last = i + 1
		}
	}
	switch {
	case last == 0 || len(s.Problems) >= maxProblems:
	case last > maxColumns:
		s.report(line, "", "more than %d columns", maxColumns)
	case len(s.Rows) == maxRows:
		s.Problems = append(s.Problems[:min(len(s.Problems), maxProblems-1)],
			problem.New("", line, "is it the right file?", "more than %d rows", maxRows))
		s.Rows = append(s.Rows, Row{Line: line})
	case len(s.Rows) < maxRows:
		s.Rows = append(s.Rows, Row{line, cells[:min(len(cells), maxColumns)]})
	}
}

func (s *Sheet) report(line int, mend, format string, args ...any) {
	s.Problems = append(s.Problems, problem.New("", line, mend, format, args...))
}

// full says that more rows would not be taken.
func (s *Sheet) full() bool { return len(s.Rows) > maxRows || len(s.Problems) >= maxProblems }

// clean is a cell as people see it.
func clean(cell string) string {
	cell = strings.Map(func(c rune) rune {
		switch {
		case c == '\n' || c == '\t':
			return c
		case unicode.IsSpace(c):
			return ' '
		case unicode.Is(unicode.Cf, c): // zero width, direction marks, soft hyphens, a second BOM
			return -1
		}
		return c
	}, cell)
	cell = norm.NFC.String(strings.TrimSpace(cell))
	for {
		inner, ok := strings.CutPrefix(cell, `="`)
		if !ok || !strings.HasSuffix(inner, `"`) {
			return cell
		}
		cell = strings.TrimSpace(strings.TrimSuffix(inner, `"`))
	}
}
