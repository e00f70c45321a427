package roster

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"

	"maillab/internal/lab/problem"
)

// Limits of what is taken for a class list at all.
const (
	maxBytes   = 4 << 20
	maxProblem = 100 // a picture that was taken for a roster should not print thousands
)

// Read parses the roster in data; name is its file name, for messages. The error is a problem.List with all that is
// wrong.
func Read(name string, data []byte) (Class, error) {
	r := reader{file: name, class: Class{File: name}, seen: map[string]int{}}
	text, ok := r.text(data)
	if !ok {
		return Class{}, r.problems.Err()
	}
	in := csv.NewReader(strings.NewReader(text))
	in.Comma = separator(text)
	in.FieldsPerRecord = -1
	for len(r.problems) < maxProblem {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			r.csvError(err)
			continue
		}
		line, _ := in.FieldPos(0)
		r.record(line, record)
	}
	r.finish()
	if err := r.problems.Err(); err != nil {
		return Class{}, err
	}
	return r.class, nil
}

// reader collects students and problems, a record at a time.
type reader struct {
	file     string
	columns  []string // nil before the header row; "" is a column without a name
	parts    []string // the columns that make up a name where none is called so: the last name's, the first name's
	class    Class
	seen     map[string]int // folded key → line
	problems problem.List
}

func (r *reader) report(line int, mend, format string, args ...any) {
	r.problems = append(r.problems, problem.Problem{File: r.file, Line: line, Message: fmt.Sprintf(format, args...), Mend: mend})
}

// text decodes the file.
func (r *reader) text(data []byte) (string, bool) {
	switch {
	case len(data) > maxBytes:
		r.report(0, "is it the right file?", "larger than a class list can be (%d bytes)", len(data))
		return "", false
	case bytes.HasPrefix(data, []byte{0xFF, 0xFE}), bytes.HasPrefix(data, []byte{0xFE, 0xFF}):
		r.report(0, "save it as CSV in UTF-8", "the file is UTF-16")
		return "", false
	case bytes.IndexByte(data, 0) >= 0:
		r.report(0, "save the spreadsheet as CSV", "the file is not text")
		return "", false
	}
	data = bytes.TrimPrefix(data, []byte("\xEF\xBB\xBF"))
	if !utf8.Valid(data) {
		decoded, err := charmap.Windows1252.NewDecoder().Bytes(data)
		if err != nil {
			r.report(0, "save it as CSV in UTF-8", "the file is neither UTF-8 nor Latin-1: %v", err)
			return "", false
		}
		data = decoded
	}
	text := strings.ReplaceAll(string(data), "\r\n", "\n")
	return norm.NFC.String(strings.ReplaceAll(text, "\r", "\n")), true
}

// separator is what separates more columns of the header row, which is the first line with anything on it.
func separator(text string) rune {
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		commas, semicolons, quoted := 0, 0, false
		for _, c := range line {
			switch {
			case c == '"':
				quoted = !quoted
			case c == ',' && !quoted:
				commas++
			case c == ';' && !quoted:
				semicolons++
			}
		}
		if semicolons > commas {
			return ';'
		}
		break
	}
	return ','
}

// csvError reports a quoting error in our words.
func (r *reader) csvError(err error) {
	var parse *csv.ParseError
	if !errors.As(err, &parse) {
		r.report(0, "", "%v", err)
		return
	}
	r.report(parse.StartLine, `put the whole value in quotes, and double a quote inside it`, "%v", parse.Err)
}

// record takes one row: the header or a student.
func (r *reader) record(line int, record []string) {
	blank := true
	for i := range record {
		record[i] = strings.TrimSpace(record[i])
		blank = blank && record[i] == ""
	}
	switch {
	case blank:
	case r.columns == nil:
		r.header(line, record)
	default:
		r.student(line, record)
	}
}

// header takes the column names.
func (r *reader) header(line int, record []string) {
	first := map[string]bool{}
	for _, column := range record {
		column = strings.ToLower(column)
		r.columns = append(r.columns, column)
		if column != "" && first[column] {
			r.report(line, "rename one of them", "column %q is there twice", column)
		}
		first[column] = true
	}
	if r.parts = nameParts(first); !first["name"] && r.parts == nil {
		r.report(line, "call the column that tells students apart `name`", "no column `name` in %s", strings.Join(r.columns, ", "))
	}
}

// student takes one student's row.
func (r *reader) student(line int, record []string) {
	s := Student{Fields: map[string]string{}, Line: line}
	for i, value := range record {
		switch {
		case i >= len(r.columns):
			if value != "" {
				r.report(line, "", "value %q is beyond the last column", value)
			}
		case r.columns[i] != "" && !has(s.Fields, r.columns[i]): // of two columns of one name the first
			s.Fields[r.columns[i]] = value
		}
	}
	for _, column := range r.columns {
		if column != "" && !has(s.Fields, column) {
			s.Fields[column] = ""
		}
	}
	if r.parts != nil {
		s.Fields["name"] = strings.TrimSpace(s.Fields[r.parts[0]] + " " + s.Fields[r.parts[1]])
	}
	s.Name, s.Number, s.Email = s.Fields["name"], s.Fields["number"], s.Fields["email"]
	s.Key = keyOf(s.Name)
	s.Lang = strings.ToLower(s.Fields["lang"])
	if s.Lang != "" && s.Lang != "fr" && s.Lang != "en" {
		r.report(line, "fr, en, or empty for the lab's own", "unknown language %q", s.Fields["lang"])
	}
	if has(s.Fields, "name") {
		r.key(s)
	}
	r.class.Students = append(r.class.Students, s)
}

func has(fields map[string]string, column string) bool {
	_, ok := fields[column]
	return ok
}

// key checks that a key can name a student everywhere: on a command line, in a label's comma-separated list, in a path.
func (r *reader) key(s Student) {
	folded := strings.ToLower(s.Key)
	switch {
	case s.Key == "":
		r.report(s.Line, "every student needs a name", "empty name")
	case r.seen[folded] > 0:
		r.report(s.Line, "names must differ in more than case", "name %q is on line %d already", s.Key, r.seen[folded])
	default:
		r.seen[folded] = s.Line
	}
}

// finish reports what only the whole file shows.
func (r *reader) finish() {
	switch {
	case r.columns == nil:
		r.report(0, "the first row names the columns: name, …", "the roster is empty")
	case len(r.class.Students) == 0 && len(r.problems) == 0:
		r.report(0, "", "no student in the roster")
	}
}
