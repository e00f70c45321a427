package cli

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
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
		_ = w.Write(l.header)
		for _, row := range l.rows {
			_ = w.Write(row)
		}
		w.Flush()
		return w.Error()
	}
	return table(a.Out, l.header, l.rows)
}

// table writes aligned columns.
func table(out io.Writer, header []string, rows [][]string) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	titles := make([]string, len(header))
	for i, h := range header {
		titles[i] = strings.ToUpper(h)
	}
	for _, row := range append([][]string{titles}, rows...) {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
}
