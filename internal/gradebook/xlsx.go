package gradebook

import (
	"io"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
)

const xlsxSheet = "Marks"

// XLSX writes the table as a workbook of one sheet. Cells have types: a number is a number, a text is a text whatever it
// looks like, and who did nothing has a dash, which sums and averages pass over.
func (t Table) XLSX(w io.Writer) error {
	f := excelize.NewFile()
	defer f.Close()
	if err := f.SetSheetName("Sheet1", xlsxSheet); err != nil {
		return err
	}
	for column, name := range t.Header {
		if err := set(f, column, 0, Text(name)); err != nil {
			return err
		}
	}
	for line, row := range t.Rows {
		for column, c := range row {
			if err := set(f, column, line+1, c); err != nil {
				return err
			}
		}
	}
	if err := t.layOut(f); err != nil {
		return err
	}
	return f.Write(w)
}

func set(f *excelize.File, column, line int, c Cell) error {
	at, err := excelize.CoordinatesToCellName(column+1, line+1)
	switch {
	case err != nil:
		return err
	case c.kind == isNumber:
		return f.SetCellFloat(xlsxSheet, at, plain(c.number), -1, 64)
	}
	return f.SetCellStr(xlsxSheet, at, c.String())
}

// layOut keeps the header in sight, makes it bold, and columns as wide as what is in them.
func (t Table) layOut(f *excelize.File) error {
	bold, err := f.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}})
	if err != nil {
		return err
	}
	if err := f.SetRowStyle(xlsxSheet, 1, 1, bold); err != nil {
		return err
	}
	for column := range t.Header {
		name, err := excelize.ColumnNumberToName(column + 1)
		if err != nil {
			return err
		}
		if err := f.SetColWidth(xlsxSheet, name, name, t.width(column)); err != nil {
			return err
		}
	}
	return f.SetPanes(xlsxSheet, &excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"})
}

// width is a column's, in characters.
func (t Table) width(column int) float64 {
	const margin, most = 2, 60
	wide := utf8.RuneCountInString(t.Header[column])
	for _, row := range t.Rows {
		wide = max(wide, utf8.RuneCountInString(row[column].String()))
	}
	return float64(min(wide+margin, most))
}
