package lab

import (
	"reflect"
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
