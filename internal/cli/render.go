package cli

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
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
		for _, row := range append([][]string{l.header}, l.rows...) {
			_ = w.Write(cells(row))
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
		line := make([]string, len(row))
		for i, cell := range row {
			line[i] = onScreen(cell)
		}
		fmt.Fprintln(w, strings.Join(line, "\t"))
	}
	return w.Flush()
}

// onScreen is text with nothing in it that a terminal would act upon: students' own words are in many a table.
func onScreen(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || 0x7f <= r && r < 0xa0 {
			return '\uFFFD'
		}
		return r
	}, text)
}

// cells are a row of a CSV file. What a spreadsheet would take for a formula gets an apostrophe before it, as text has it
// there; a number, and a dash that stands for nothing, are none.
func cells(row []string) []string {
	out := slices.Clone(row)
	for i, cell := range row {
		if _, err := strconv.ParseFloat(cell, 64); err == nil || cell == "" || cell == "-" {
			continue
		}
		if strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
			out[i] = "'" + cell
		}
	}
	return out
}
