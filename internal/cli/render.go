package cli

import (
	"encoding/csv"
	"encoding/json"

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
	return screen.Table(a.Out, l.header, l.rows)
}
