package lab

import (
	"reflect"
	"slices"
	"strings"
)

// rules is what the tags of a field say: the same that the JSON Schema is generated from.
type rules struct {
	name             string
	required         bool
	enum             []string
	minimum, maximum string
	pattern          string
	fallback         string
}

// rulesOf reads the tags of a field; one without a yaml name is not of the format.
func rulesOf(field reflect.StructField) (rules, bool) {
	name, ok := field.Tag.Lookup("yaml")
	r := rules{name: name}
	for word := range strings.SplitSeq(field.Tag.Get("jsonschema"), ",") {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "required":
			r.required = true
		case "enum":
			r.enum = append(r.enum, value)
		case "minimum":
			r.minimum = value
		case "maximum":
			r.maximum = value
		case "pattern":
			r.pattern = value
		case "default":
			r.fallback = value
		}
	}
	return r, ok
}

// example is what could stand where a required value is missing, if that is plain.
func (r rules) example() string {
	if len(r.enum) == 0 {
		return ""
	}
	return r.name + ": " + r.enum[0]
}

// fieldsOf lists the fields of a struct type that are of the format.
func fieldsOf(t reflect.Type) (fields []rules, indexes []int) {
	for i := range t.NumField() {
		if r, ok := rulesOf(t.Field(i)); ok {
			fields, indexes = append(fields, r), append(indexes, i)
		}
	}
	return fields, indexes
}

// closest is the word that was most likely meant, or "".
func closest(typed string, words []string) string {
	best, distance := "", len(typed)/3+2
	for _, word := range slices.Sorted(slices.Values(words)) {
		if d := edits(strings.ToLower(typed), strings.ToLower(word)); d < distance {
			best, distance = word, d
		}
	}
	return best
}

// edits is the Levenshtein distance of two short words, in bytes.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
