package sheet

import (
	"archive/zip"
	"encoding/xml"
	"strconv"
	"strings"
)

// The namespaces of OpenDocument 1.2, part 1.
const (
	nsOffice = "urn:oasis:names:tc:opendocument:xmlns:office:1.0"
	nsTable  = "urn:oasis:names:tc:opendocument:xmlns:table:1.0"
	nsText   = "urn:oasis:names:tc:opendocument:xmlns:text:1.0"
	nsStyle  = "urn:oasis:names:tc:opendocument:xmlns:style:1.0"
)

// openDocument reads an ODS file's content.
func openDocument(part *zip.File) (Book, error) {
	o := ods{book: Book{Format: "ODS"}, hidden: map[string]bool{}}
	err := walkPart(part, func(w walk) error {
		o.walk = w
		return o.document()
	})
	if err != nil {
		return Book{}, damaged(err)
	}
	return o.book, nil
}

// ods reads a document from front to end.
type ods struct {
	walk
	book   Book
	hidden map[string]bool // styles of sheets that are not displayed
	style  string          // the one that is being defined
	down   map[int]span    // cells merged over rows: the last of each column
	held   unfolded
}

// span is a cell merged over rows.
type span struct {
	first, last int
	value       string
}

func (o *ods) document() error {
	return o.each(func(e xml.StartElement) (bool, error) {
		switch e.Name {
		case xml.Name{Space: nsStyle, Local: "style"}:
			o.style = attribute(e, nsStyle, "name")
		case xml.Name{Space: nsStyle, Local: "table-properties"}, xml.Name{Space: nsTable, Local: "table-properties"}:
			if attribute(e, nsTable, "display") == "false" {
				o.hidden[o.style] = true
			}
		case xml.Name{Space: nsTable, Local: "tracked-changes"}:
			return true, o.Skip()
		case xml.Name{Space: nsTable, Local: "table"}:
			if o.hidden[attribute(e, nsTable, "style-name")] || len(o.book.Sheets) == maxSheets {
				return true, o.Skip()
			}
			return true, o.table(attribute(e, nsTable, "name"))
		}
		return false, nil
	})
}

// table reads a sheet; header rows and groups of rows have their rows among the others.
func (o *ods) table(name string) error {
	s := Sheet{Name: name}
	line := 1
	o.down = map[int]span{}
	err := o.each(func(e xml.StartElement) (bool, error) {
		switch e.Name {
		case xml.Name{Space: nsTable, Local: "table-row"}:
			cells, err := o.row(line)
			if err != nil {
				return true, err
			}
			times := repeated(e, "number-rows-repeated")
			for i := 0; i < times && !blank(cells) && !s.full(); i++ {
				s.add(line+i, append([]string(nil), cells...))
				if err := o.held.add(octets(cells)); err != nil {
					return true, err
				}
			}
			line += times
			return true, nil
		case xml.Name{Space: nsTable, Local: "shapes"}, xml.Name{Space: nsTable, Local: "table"}: // of another sheet, in a cell
			return true, o.Skip()
		}
		return false, nil
	})
	o.book.Sheets = append(o.book.Sheets, s)
	return err
}

func blank(cells []string) bool { return clean(strings.Join(cells, "")) == "" }

func octets(cells []string) (n int) {
	for _, cell := range cells {
		n += len(cell)
	}
	return n
}

// repeated is how often a row or cell is there; thousands of empty ones mostly.
func repeated(e xml.StartElement, name string) int {
	n, err := strconv.Atoi(attribute(e, nsTable, name))
	if err != nil || n < 1 || n > 1<<24 {
		return 1
	}
	return n
}

// row reads a row's cells.
func (o *ods) row(line int) (cells []string, err error) {
	column := 0
	err = o.each(func(e xml.StartElement) (bool, error) {
		covered := e.Name == xml.Name{Space: nsTable, Local: "covered-table-cell"}
		if !covered && e.Name != (xml.Name{Space: nsTable, Local: "table-cell"}) {
			return true, o.Skip()
		}
		value, err := o.cell(e)
		if err != nil {
			return true, err
		}
		times := repeated(e, "number-columns-repeated")
		if rows := repeated(e, "number-rows-spanned"); rows > 1 && value != "" {
			o.down[column] = span{line, line + rows - 1, value}
		}
		for i := column; i < column+times && i <= maxColumns; i++ { // one too many is told
			here := value
			if d := o.down[i]; covered && line > d.first && line <= d.last {
				here = d.value
			} else if covered {
				here = ""
			}
			if here != "" {
				for len(cells) <= i {
					cells = append(cells, "")
				}
				cells[i] = here
				if err := o.held.add(len(here)); err != nil {
					return true, err
				}
			}
		}
		column = min(column+times, maxColumns+1)
		return true, nil
	})
	return cells, err
}

// cell reads one cell's text, a line a paragraph; notes are not of it.
func (o *ods) cell(start xml.StartElement) (string, error) {
	var lines []string
	err := o.each(func(e xml.StartElement) (bool, error) {
		if e.Name != (xml.Name{Space: nsText, Local: "p"}) {
			return true, o.Skip()
		}
		var b strings.Builder
		err := o.paragraph(&b)
		lines = append(lines, b.String())
		return true, err
	})
	shown := strings.Join(lines, "\n")
	stored := attribute(start, nsOffice, "value")
	switch kind := attribute(start, nsOffice, "value-type"); {
	case kind == "date" && attribute(start, nsOffice, "date-value") != "":
		return shown, err
	case kind == "float" && stored != "":
		if shown == "" {
			shown = stored
		}
		return inFull(shown, stored), err
	case shown == "" && kind == "" && attribute(start, nsTable, "formula") != "":
		return Uncomputed, err
	}
	return shown, err
}

// paragraph reads text, with what is written as elements (OpenDocument 1.2, 6.1).
func (o *ods) paragraph(b *strings.Builder) error {
	return o.within(func(token xml.Token) (bool, error) {
		switch e := token.(type) {
		case xml.CharData:
			b.Write(e)
		case xml.StartElement:
			switch e.Name {
			case xml.Name{Space: nsText, Local: "s"}:
				n, _ := strconv.Atoi(attribute(e, nsText, "c"))
				b.WriteString(strings.Repeat(" ", min(max(n, 1), 1000)))
			case xml.Name{Space: nsText, Local: "tab"}:
				b.WriteByte('\t')
			case xml.Name{Space: nsText, Local: "line-break"}:
				b.WriteByte('\n')
			case xml.Name{Space: nsOffice, Local: "annotation"}, xml.Name{Space: nsText, Local: "note"}:
				return true, o.Skip()
			}
		}
		return false, nil // a span or a link has its text among the rest
	})
}
