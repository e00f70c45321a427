package cli

import (
	"encoding/csv"
	"encoding/json"
	"slices"

	"maillab/internal/screen"
)

// list is a result that is a list: its JSON value, and its rows.
type list struct {
	value  any // for -o json
	header []string
	rows   [][]string
}

// print writes the list to standard output in the form that was asked for.
func (a *app) print(l list) error {
	switch a.flags.output {
	case "json":
		encoder := json.NewEncoder(a.Out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(l.value)
	case "csv":
		w := csv.NewWriter(a.Out)
		for _, row := range append([][]string{l.header}, l.rows...) {
			_ = w.Write(screen.Cells(row))
		}
		w.Flush()
		return w.Error()
	}
	header, rows := a.told(l)
	return screen.Table(a.Out, header, rows)
}

// told is a list for people: its columns' names, and what stands in those that speak, in their language.
func (a *app) told(l list) (header []string, rows [][]string) {
	for _, column := range l.header {
		header = append(header, a.Text(column))
	}
	for _, row := range l.rows {
		row = slices.Clone(row)
		for n, cell := range row {
			if speaks(l.header[n]) {
				row[n] = a.Cell(cell)
			}
		}
		rows = append(rows, row)
	}
	return header, rows
}

// speaks tells whether what stands in a column is ours to say.
func speaks(column string) bool {
	return slices.Contains([]string{"", "state", "change", "what", "detail", "student", "mail (unread)", "ended", "owner"}, column)
}
