// Package listing is results that are lists: as JSON, as CSV, or as a table in the language of who asked.
package listing

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"slices"

	"maillab/internal/say"
	"maillab/internal/screen"
)

// List is a result that is a list: its JSON value, and its rows.
type List struct {
	Value  any // for JSON
	Header []string
	Rows   [][]string
}

// Write writes it in a form: json, csv, or else a table.
func (l List) Write(w io.Writer, form string, t say.Tongue) error {
	switch form {
	case "json":
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(l.Value)
	case "csv":
		out := csv.NewWriter(w)
		for _, row := range append([][]string{l.Header}, l.Rows...) {
			_ = out.Write(screen.Cells(row))
		}
		out.Flush()
		return out.Error()
	}
	header, rows := l.Told(t)
	return screen.Table(w, header, rows)
}

// Told is a list for people: its columns' names, and what stands in those that speak, in their language.
func (l List) Told(t say.Tongue) (header []string, rows [][]string) {
	for _, column := range l.Header {
		header = append(header, t.Text(column))
	}
	for _, row := range l.Rows {
		row = slices.Clone(row)
		for n, cell := range row {
			if speaks(l.Header[n]) {
				row[n] = t.Cell(cell)
			}
		}
		rows = append(rows, row)
	}
	return header, rows
}

// speaks tells whether what stands in a column is ours to say.
func speaks(column string) bool {
	return slices.Contains([]string{"", "state", "change", "what", "detail", "student", "mail (unread)", "ended", "owner", "by"}, column)
}
