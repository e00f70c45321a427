package gradebook

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// field is a cell of a CSV with its place in the file, quotes included.
type field struct {
	text     string
	from, to int // octets
}

// records takes a CSV (RFC 4180) apart without losing where everything is; encoding/csv tells where a cell begins, not where
// it ends, nor how it was quoted. Empty lines are no records. A byte order mark is before the first cell.
func records(data []byte, separator byte) (all [][]field, err error) {
	at := len(data) - len(bytes.TrimPrefix(data, []byte("\ufeff")))
	for at < len(data) {
		if end := endOfLine(data[at:]); end > 0 {
			at += end
			continue
		}
		var record []field
		for more := true; more; {
			f, err := fieldAt(data, at, separator)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", 1+bytes.Count(data[:at], []byte("\n")), err)
			}
			record = append(record, f)
			at = f.to
			if more = at < len(data) && data[at] == separator; more {
				at++
			}
		}
		all = append(all, record)
	}
	return all, nil
}

// endOfLine is how many octets of an end of line stand at the beginning.
func endOfLine(data []byte) int {
	switch {
	case bytes.HasPrefix(data, []byte("\r\n")):
		return 2
	case len(data) > 0 && (data[0] == '\n' || data[0] == '\r'):
		return 1
	}
	return 0
}

func fieldAt(data []byte, from int, separator byte) (field, error) {
	rest := data[from:]
	if len(rest) == 0 || rest[0] != '"' {
		end := bytes.IndexAny(rest, string(separator)+"\r\n")
		if end < 0 {
			end = len(rest)
		}
		return field{string(rest[:end]), from, from + end}, nil
	}
	for i := 1; i < len(rest); i++ {
		switch {
		case rest[i] != '"':
		case i+1 < len(rest) && rest[i+1] == '"':
			i++
		case i+1 == len(rest) || rest[i+1] == separator || endOfLine(rest[i+1:]) > 0:
			return field{strings.ReplaceAll(string(rest[1:i]), `""`, `"`), from, from + i + 1}, nil
		default:
			return field{}, errors.New("text behind a closing quote")
		}
	}
	return field{}, errors.New("a quote is not closed")
}

// quoted is a text as a cell, in quotes where it needs them.
func quoted(text string, separator byte) string {
	if !strings.ContainsAny(text, string(separator)+"\"\r\n") {
		return text
	}
	return `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
}

// edit puts a text in the place of a cell.
type edit struct {
	field
	new string
}

// edited is data with edits, which are in the order of their places.
func edited(data []byte, edits []edit, separator byte) []byte {
	var out bytes.Buffer
	at := 0
	for _, e := range edits {
		out.Write(data[at:e.from])
		out.WriteString(quoted(e.new, separator))
		at = e.to
	}
	out.Write(data[at:])
	return out.Bytes()
}
