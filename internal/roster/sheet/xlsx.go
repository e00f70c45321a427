package sheet

import (
	"archive/zip"
	"cmp"
	"encoding/xml"
	"fmt"
	"path"
	"sort"
	"strconv"
	"strings"
)

// workbook reads an XLSX file (ECMA-376, part 1, 18). Elements are known by their local names: the strict form of the
// standard has other namespaces than what everybody writes.
func workbook(parts map[string]*zip.File) (Book, error) {
	x := xlsx{parts: parts, book: Book{Format: "XLSX"}, related: map[string]relation{}}
	if err := x.read(); err != nil {
		return Book{}, damaged(err)
	}
	return x.book, nil
}

// xlsx reads a workbook: first what the sheets refer to, then the sheets.
type xlsx struct {
	parts   map[string]*zip.File
	book    Book
	related map[string]relation // by ID
	texts   []string            // shared strings
	styles  styles
	held    unfolded
}

type relation struct{ kind, part string }

func (x *xlsx) read() error {
	if err := x.walk("xl/_rels/workbook.xml.rels", func(_ walk, e xml.StartElement) (bool, error) {
		if e.Name.Local == "Relationship" {
			part := attribute(e, "", "Target")
			if !strings.HasPrefix(part, "/") {
				part = "/xl/" + part
			}
			x.related[attribute(e, "", "Id")] = relation{path.Base(attribute(e, "", "Type")), path.Clean(part)[1:]}
		}
		return false, nil
	}); err != nil {
		return err
	}
	done := map[string]bool{}
	for _, r := range x.related {
		var err error
		switch {
		case x.parts[r.part] == nil, done[r.part]: // a book without texts may name the part and not have it
		case r.kind == "sharedStrings":
			err = x.walk(r.part, x.sharedString)
		case r.kind == "styles":
			err = x.walk(r.part, x.styles.style)
		}
		if err != nil {
			return err
		}
		done[r.part] = true
	}
	sheets := map[string]bool{}
	return x.walk("xl/workbook.xml", func(_ walk, e xml.StartElement) (bool, error) {
		switch e.Name.Local {
		case "workbookPr":
			x.styles.from1904 = isTrue(attribute(e, "", "date1904"))
		case "sheet":
			if state := attribute(e, "", "state"); state != "" && state != "visible" || len(x.book.Sheets) == maxSheets {
				return false, nil
			}
			for _, a := range e.Attr {
				// Not a chart that is a sheet of its own, nor one that is there under another name, too.
				if part := x.related[a.Value].part; a.Name.Local == "id" && x.related[a.Value].kind == "worksheet" && !sheets[part] {
					sheets[part] = true
					return false, x.worksheet(attribute(e, "", "name"), part)
				}
			}
		}
		return false, nil
	})
}

func isTrue(text string) bool { return text == "1" || text == "true" }

// walk calls f for the elements of a part.
func (x *xlsx) walk(part string, f func(walk, xml.StartElement) (bool, error)) error {
	if x.parts[part] == nil {
		return fmt.Errorf("%s is missing", part)
	}
	err := walkPart(x.parts[part], func(w walk) error {
		return w.each(func(e xml.StartElement) (bool, error) { return f(w, e) })
	})
	if err != nil {
		return fmt.Errorf("%s: %w", part, err)
	}
	return nil
}

// sharedString keeps a text that cells refer to by its place.
func (x *xlsx) sharedString(w walk, e xml.StartElement) (bool, error) {
	if e.Name.Local != "si" {
		return false, nil
	}
	text, err := w.runs()
	x.texts = append(x.texts, text)
	return true, err
}

// runs is a text in one or several runs; how it is pronounced is not of it.
func (w walk) runs() (string, error) {
	var all strings.Builder
	err := w.each(func(e xml.StartElement) (bool, error) {
		switch e.Name.Local {
		case "rPh":
			return true, w.Skip()
		case "t":
			text, err := w.text()
			all.WriteString(unescaped(text))
			return true, err
		}
		return false, nil
	})
	return all.String(), err
}

// unescaped puts characters in place that XML cannot hold, written _x000D_ (ECMA-376, part 1, 22.9.2.19).
func unescaped(text string) string {
	var b strings.Builder
	for {
		at := strings.Index(text, "_x")
		if at < 0 || len(text) < at+7 {
			return b.String() + text
		}
		b.WriteString(text[:at])
		if code, err := strconv.ParseUint(text[at+2:at+6], 16, 16); err == nil && text[at+6] == '_' {
			b.WriteRune(rune(code))
			text = text[at+7:]
		} else {
			b.WriteString("_x")
			text = text[at+2:]
		}
	}
}

// worksheet reads one sheet.
func (x *xlsx) worksheet(name, part string) error {
	s := Sheet{Name: name}
	line, reached := 0, 0
	err := x.walk(part, func(w walk, e xml.StartElement) (bool, error) {
		switch e.Name.Local {
		case "row":
			if line++; attribute(e, "", "r") != "" {
				at, err := strconv.Atoi(attribute(e, "", "r"))
				if err != nil || at < line {
					return true, fmt.Errorf("row %q after row %d", attribute(e, "", "r"), line-1)
				}
				line = at
			}
			if s.full() {
				return true, w.Skip()
			}
			cells, err := x.row(w)
			s.add(line, cells)
			return true, err
		case "mergeCell": // they come after the rows
			s.fill(attribute(e, "", "ref"), &reached)
		}
		return false, nil
	})
	x.book.Sheets = append(x.book.Sheets, s)
	return err
}

// row reads a row's cells.
func (x *xlsx) row(w walk) (cells []string, err error) {
	column := -1
	err = w.each(func(e xml.StartElement) (bool, error) {
		if e.Name.Local != "c" {
			return true, w.Skip()
		}
		if column++; attribute(e, "", "r") != "" {
			column, _ = place(attribute(e, "", "r"))
		}
		value, err := x.cell(w, e)
		if column = min(column, maxColumns); value != "" && column >= 0 { // one too many is told
			for len(cells) <= column {
				cells = append(cells, "")
			}
			cells[column] = value
			err = cmp.Or(err, x.held.add(len(value)))
		}
		return true, err
	})
	return cells, err
}

// place takes B4 apart: column 1 from 0, line 4 from 1; a column of -1 is none.
func place(ref string) (column, line int) {
	letters := strings.TrimRight(ref, "0123456789")
	for _, c := range letters {
		if c < 'A' || c > 'Z' || column > maxColumns*26 {
			return -1, 0
		}
		column = 26*column + int(c-'A') + 1
	}
	line, err := strconv.Atoi(ref[len(letters):])
	if err != nil {
		return -1, 0
	}
	return column - 1, line
}

// cell reads one cell: by its type a number, a text's place, or a text itself.
func (x *xlsx) cell(w walk, start xml.StartElement) (string, error) {
	var value string
	var formula, valued bool
	err := w.each(func(e xml.StartElement) (taken bool, err error) {
		switch e.Name.Local {
		case "f":
			formula = true
			return true, w.Skip()
		case "v":
			valued = true
			value, err = w.text()
			return true, err
		case "is":
			value, err = w.runs()
			return true, err
		}
		return false, nil
	})
	switch kind := attribute(start, "", "t"); kind {
	case "s":
		if i, err := strconv.Atoi(value); err == nil && i >= 0 && i < len(x.texts) {
			return x.texts[i], nil
		}
		return "", fmt.Errorf("cell %s has a text that is not there", attribute(start, "", "r"))
	case "b":
		return map[bool]string{true: "TRUE", false: "FALSE"}[isTrue(value)], err
	case "str", "inlineStr", "e", "d":
		return unescaped(value), err
	}
	if formula && (!valued || value == "") {
		return Uncomputed, err
	}
	style, _ := strconv.Atoi(attribute(start, "", "s"))
	return x.styles.shown(value, style), err
}

// mostReached bounds what merged cells can make of a small file, in octets.
const mostReached = 8 << 20

// fill puts what a merged cell has into the rows below it; reached counts the octets.
func (s *Sheet) fill(ref string, reached *int) {
	from, to, _ := strings.Cut(ref, ":")
	column, first := place(from)
	_, last := place(to)
	at := sort.Search(len(s.Rows), func(i int) bool { return s.Rows[i].Line >= first })
	if column < 0 || column >= maxColumns || at == len(s.Rows) || s.Rows[at].Line != first || column >= len(s.Rows[at].Cells) {
		return
	}
	value := s.Rows[at].Cells[column]
	for at++; at < len(s.Rows) && s.Rows[at].Line <= last && value != "" && *reached < mostReached; at++ {
		r := &s.Rows[at]
		for len(r.Cells) <= column {
			r.Cells = append(r.Cells, "")
		}
		r.Cells[column] = value
		*reached += len(value)
	}
}
