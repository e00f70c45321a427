package lab

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"maillab/internal/lab/problem"
	"maillab/internal/lab/task"
	"maillab/internal/spelling"
)

// maxDepth bounds nesting: checks may hold checks.
const maxDepth = 32

// decode puts a YAML value into v, whose type says what is permitted. It goes on after a mistake.
func (d *document) decode(node *yaml.Node, v reflect.Value, path string, r rules) {
	d.lines[path] = node.Line
	switch {
	case node.Kind == yaml.AliasNode || node.Anchor != "":
		d.report(path, "write the value out", "anchors and aliases are not supported")
	case strings.Count(path, ".")+strings.Count(path, "[") > maxDepth:
		d.report(path, "", "nested too deeply")
	case node.Tag == "!!null" && v.Kind() == reflect.Pointer && v.Type().Elem().Kind() == reflect.Struct:
		d.decodeStruct(&yaml.Node{Kind: yaml.MappingNode, Line: node.Line}, alloc(v), path)
	case node.Tag == "!!null":
		d.report(path, "give it one, or take the line out", "%s has no value", last(path))
	case v.Kind() == reflect.Pointer:
		d.decode(node, alloc(v), path, r)
	case v.Type() == reflect.TypeFor[task.Text]():
		d.decodeText(node, v, path)
	case isScalar(v):
		d.decodeScalar(node, v, path, r)
	case v.Kind() == reflect.Slice:
		d.decodeList(node, v, path)
	case v.Kind() == reflect.Map:
		d.decodeMap(node, v, path)
	default:
		d.decodeStruct(node, v, path)
	}
}

// alloc makes a pointer point to a new value, and is that.
func alloc(v reflect.Value) reflect.Value {
	v.Set(reflect.New(v.Type().Elem()))
	return v.Elem()
}

// isScalar says whether v is written as one word.
func isScalar(v reflect.Value) bool {
	if _, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return true
	}
	return slices.Contains([]reflect.Kind{reflect.String, reflect.Int, reflect.Float64, reflect.Bool}, v.Kind())
}

// decodeStruct takes a mapping whose keys are known.
func (d *document) decodeStruct(node *yaml.Node, v reflect.Value, path string) {
	if !d.wants(node, yaml.MappingNode, path, "keys with values") {
		return
	}
	values := d.keys(node, path)
	fields, indexes := fieldsOf(v.Type())
	meant := d.unknown(values, fields, path)
	for i, r := range fields {
		field, at := v.Field(indexes[i]), child(path, r.name)
		value, given := values[r.name]
		switch {
		case given:
			d.decode(value, field, at, r)
		case r.required && slices.Contains(meant, r.name):
			d.bad[at] = true // the mend of the unknown key says it
		case r.required:
			d.report(apart(at, ""), r.example(), "%s is missing", r.name)
			d.bad[at] = true
		case r.fallback != "":
			d.setDefault(field, r)
		case field.Kind() == reflect.Struct && !isScalar(field):
			d.decodeStruct(&yaml.Node{Kind: yaml.MappingNode, Line: node.Line}, field, at)
		}
	}
}

// setDefault gives a value that is absent; only our own tags could make it fail, and the tests see to those.
func (d *document) setDefault(v reflect.Value, r rules) {
	if err := setScalar(v, r.fallback); err != nil {
		panic(fmt.Sprintf("lab: default of %s: %v", r.name, err))
	}
}

// unknown reports the keys that are not among fields, and lists which were most likely meant.
func (d *document) unknown(values map[string]*yaml.Node, fields []rules, path string) (meant []string) {
	var names []string
	for _, r := range fields {
		names = append(names, r.name)
	}
	for _, key := range sortedKeys(values) {
		if slices.Contains(names, key) {
			continue
		}
		mend := "the keys here are " + strings.Join(names, ", ")
		if len(names) == 0 {
			mend = "there are no keys here"
		}
		if near := spelling.Nearest(key, names); near != "" {
			mend = fmt.Sprintf("did you mean %q?", near)
			meant = append(meant, near)
		}
		at := child(path, key)
		d.lines[at] = values[key].Line
		d.report(at, mend, "unknown key %q", key)
	}
	return meant
}

// keys is a mapping's values by key, without those that are reported.
func (d *document) keys(node *yaml.Node, path string) map[string]*yaml.Node {
	values := map[string]*yaml.Node{}
	first := map[string]int{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		here := func(what string, args ...any) { // such a key has no path
			d.problems = append(d.problems, problem.New(d.file, key.Line, "", what, args...))
		}
		switch {
		case key.Kind != yaml.ScalarNode || key.Tag == "!!merge" || key.Anchor != "":
			here("a key has to be a plain word")
		case first[key.Value] > 0:
			here("key %q is on line %d already", key.Value, first[key.Value])
		default:
			values[key.Value], first[key.Value] = value, key.Line
			if value.Kind != yaml.ScalarNode {
				value.Line = key.Line
			}
		}
	}
	return values
}

// decodeList takes a list.
func (d *document) decodeList(node *yaml.Node, v reflect.Value, path string) {
	if !d.wants(node, yaml.SequenceNode, path, "a list") {
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(node.Content), len(node.Content)))
	for i, item := range node.Content {
		d.decode(item, v.Index(i), index(path, i), rules{name: last(path)})
	}
}

// decodeMap takes a mapping whose keys are free.
func (d *document) decodeMap(node *yaml.Node, v reflect.Value, path string) {
	if !d.wants(node, yaml.MappingNode, path, "keys with values") {
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	values := d.keys(node, path)
	for _, key := range sortedKeys(values) {
		item := reflect.New(v.Type().Elem()).Elem()
		d.decode(values[key], item, child(path, key), rules{name: key})
		v.SetMapIndex(reflect.ValueOf(key).Convert(v.Type().Key()), item)
	}
}

// decodeText takes {fr: …, en: …}, or one text for both.
func (d *document) decodeText(node *yaml.Node, v reflect.Value, path string) {
	text := task.Text{}
	if node.Kind == yaml.ScalarNode {
		var both string
		d.decodeScalar(node, reflect.ValueOf(&both).Elem(), path, rules{name: last(path)})
		for _, lang := range task.Languages() {
			text[lang] = both
		}
	} else {
		d.decodeMap(node, reflect.ValueOf(&text).Elem(), path)
		values, langs := map[string]*yaml.Node{}, []rules{}
		for lang := range text {
			values[lang] = &yaml.Node{Line: d.lines[child(path, lang)]}
		}
		for _, lang := range task.Languages() {
			langs = append(langs, rules{name: lang})
		}
		d.unknown(values, langs, path)
		if len(text) == 0 {
			d.report(path, "give it in fr, en or both", "%s has no text", last(path))
		}
	}
	v.Set(reflect.ValueOf(text))
}

// wants reports a value that is not of the kind that is wanted.
func (d *document) wants(node *yaml.Node, kind yaml.Kind, path, what string) bool {
	if node.Kind == kind {
		return true
	}
	d.report(path, "", "%s has to be %s, not %s", last(path), what, describe(node))
	return false
}

// decodeScalar takes one word, and checks it against the field's rules.
func (d *document) decodeScalar(node *yaml.Node, v reflect.Value, path string, r rules) {
	if node.Kind != yaml.ScalarNode {
		mend := ""
		if node.Kind == yaml.MappingNode && node.Style&yaml.FlowStyle != 0 && v.Kind() == reflect.String {
			mend = `a placeholder needs quotes: "{name}"`
		}
		d.report(path, mend, "%s has to be %s, not %s", r.name, wanted(v), describe(node))
		return
	}
	if v.Kind() == reflect.String && node.Tag != "!!str" {
		d.report(path, fmt.Sprintf("put it in quotes: %q", node.Value), "%s has to be text, not %s", r.name, describe(node))
		return
	}
	if err := setScalar(v, node.Value); err != nil {
		d.report(path, "", "%s: %v", r.name, err)
		return
	}
	d.judge(v, node.Value, path, r)
}

// judge holds a value against its rules.
func (d *document) judge(v reflect.Value, text, path string, r rules) {
	switch {
	case len(r.enum) > 0 && !slices.Contains(r.enum, text):
		mend := "one of " + strings.Join(r.enum, ", ")
		if near := spelling.Nearest(text, r.enum); near != "" && len(r.enum) > 1 {
			mend = fmt.Sprintf("did you mean %q?", near)
		}
		d.report(path, mend, "%s: unknown value %q", r.name, text)
	case r.required && v.Kind() == reflect.String && text == "":
		d.report(path, "", "%s is empty", r.name)
	case r.pattern != "" && !regexp.MustCompile(r.pattern).MatchString(text):
		d.report(path, "it has to match "+r.pattern, "%s: %q is not permitted", r.name, text)
	case r.minimum != "" && number(text) < number(r.minimum), r.maximum != "" && number(text) > number(r.maximum):
		d.report(path, fmt.Sprintf("from %s to %s", r.minimum, r.maximum), "%s: %s is out of range", r.name, text)
	}
}

// setScalar reads text into v.
func setScalar(v reflect.Value, text string) error {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	switch v.Kind() {
	case reflect.Int:
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
		v.SetInt(n)
	case reflect.Float64:
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			return fmt.Errorf("%q is not a number", text)
		}
		v.SetFloat(n)
	case reflect.Bool:
		if text != "true" && text != "false" {
			return fmt.Errorf("%q is neither true nor false", text)
		}
		v.SetBool(text == "true")
	default:
		v.SetString(text)
	}
	return nil
}

// number is the value of text that was read as a number already.
func number(text string) float64 {
	n, _ := strconv.ParseFloat(text, 64)
	return n
}

// wanted says in words what a scalar is.
func wanted(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Int, reflect.Float64:
		return "a number"
	case reflect.Bool:
		return "true or false"
	}
	return "text"
}

// describe says in words what stands there.
func describe(node *yaml.Node) string {
	switch {
	case node.Kind == yaml.MappingNode:
		return "keys with values"
	case node.Kind == yaml.SequenceNode:
		return "a list"
	case node.Tag == "!!int", node.Tag == "!!float":
		return "a number"
	case node.Tag == "!!bool":
		return "true or false"
	case node.Tag == "!!timestamp":
		return "a date"
	}
	return "text"
}

// last is the last word of a path, for messages.
func last(path string) string {
	name := path[strings.LastIndexByte(path, '.')+1:]
	if name == "" {
		return "the lab"
	}
	return name
}
