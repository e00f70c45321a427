package lab

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"maillab/internal/lab/placeholder"
	"maillab/internal/lab/problem"
	"maillab/internal/lab/task"
	"maillab/internal/spelling"
)

// A placeholder that nobody knows stays as it is: a student would be asked to write to {acount2}, and a pattern that holds it
// matches nothing. So each one is looked at, in every text of the lab file, in the starting mail and in files that are filled
// in. Whether a name is a column of the roster is known when there is a class; before that only what is most likely a slip is
// told.

// judgePlaceholders reports the placeholders that mean nothing; column says whether the class has one, nil is no class yet.
func (l *Lab) judgePlaceholders(doc *document, column func(name string) bool) {
	columns := columnsOf(l.accountTexts()...) // there is no class that lacks one of these
	accounts := l.named()
	wrong := func(path, text string) (names []string) {
		for _, name := range placeholder.Names(text) {
			if account, ok := strings.CutPrefix(name, passwordOf); ok && !accounts[account] {
				names = append(names, name)
			}
		}
		for _, name := range placeholder.Likely(text) {
			known := slices.Contains(knownAt(path), name) || slices.Contains(columns, name)
			if !known && (column != nil && !column(strings.ToLower(name)) || column == nil && slip(name, path) != "") {
				names = append(names, name)
			}
		}
		return names
	}
	eachText(reflect.ValueOf(l).Elem(), "", func(path, text string) {
		for _, name := range wrong(path, text) {
			doc.report(apart(path, name), mendName(name, path), "unknown placeholder {%s}", name)
		}
	})
	for _, file := range l.filledIn() {
		if len(wrong("", string(l.raw[file]))) == 0 {
			continue
		}
		for i, line := range bytes.Split(l.raw[file], []byte("\n")) {
			for _, name := range wrong("", string(line)) {
				doc.problems = append(doc.problems, problem.New(file, i+1, mendName(name, ""), "unknown placeholder {%s}", name))
			}
		}
	}
}

// named are the accounts that are called the same for every class.
func (l *Lab) named() map[string]bool {
	names := map[string]bool{}
	for _, a := range l.Accounts {
		if !perStudent(a.Name) {
			for _, name := range a.static(l) {
				names[name] = true
			}
		}
	}
	return names
}

// accountTexts are the texts that accounts are made of.
func (l *Lab) accountTexts() []string {
	texts := slices.Clone(l.Assign)
	for _, a := range l.Accounts {
		texts = append(texts, a.Name, l.written(a))
	}
	return texts
}

// filledIn are the files in which placeholders are filled in, in order.
func (l *Lab) filledIn() (files []string) {
	for _, m := range l.Mail {
		for _, name := range m.File {
			file, _ := l.resolve(name)
			files = append(files, file)
		}
	}
	for _, f := range l.Files {
		for _, name := range f.From {
			root, _ := l.resolve(name)
			for _, e := range l.at[root] {
				if f.Expand {
					files = append(files, e.path)
				}
			}
		}
	}
	slices.Sort(files)
	return slices.Compact(files)
}

// knownAt lists the placeholders that mean something at a place.
func knownAt(path string) []string {
	known := append([]string{"domain", "lang"}, ofStudent()...)
	switch {
	case strings.HasPrefix(path, "accounts"):
		known = append(known, "n")
	case strings.Contains(path, ".run."):
		known = append(known, "run", "messages")
	}
	return known
}

// slip is the placeholder that a name most likely stands for: all but a letter or two are right.
func slip(name, path string) (meant string) {
	nearest := len(name)
	for _, known := range knownAt(path) {
		if d := spelling.Distance(strings.ToLower(name), known); d <= len(known)/4 && d < nearest {
			nearest, meant = d, known
		}
	}
	return meant
}

func mendName(name, path string) string {
	if strings.HasPrefix(name, passwordOf) {
		return "an account that the lab names, and that is the student's or nobody's"
	}
	if meant := slip(name, path); meant != "" {
		return fmt.Sprintf("did you mean {%s}?", meant)
	}
	return fmt.Sprintf("a roster column of that name, or {{%s} for a brace", name)
}

// eachText goes over all texts of a value, with their paths in the lab file.
func eachText(v reflect.Value, path string, do func(path, text string)) {
	switch v.Kind() {
	case reflect.String:
		do(path, v.String())
	case reflect.Pointer:
		if !v.IsNil() {
			eachText(v.Elem(), path, do)
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachText(v.Index(i), index(path, i), do)
		}
	case reflect.Map:
		eachOfMap(v, path, do)
	case reflect.Struct:
		fields, indexes := fieldsOf(v.Type())
		for i, r := range fields {
			if _, played := v.Interface().(task.Answer); !played || r.name != "accepts" && r.name != "refuses" {
				eachText(v.Field(indexes[i]), child(path, r.name), do)
			}
		}
	}
}

func eachOfMap(v reflect.Value, path string, do func(path, text string)) {
	for _, key := range slices.SortedFunc(slices.Values(v.MapKeys()), func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) }) {
		do(child(path, key.String()), key.String())
		eachText(v.MapIndex(key), child(path, key.String()), do)
	}
}
