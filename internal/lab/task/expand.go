package task

import (
	"reflect"
	"regexp"

	"maillab/internal/lab/placeholder"
)

// Expand is a copy of t with its placeholders filled in: literally in patterns, as they are elsewhere.
func Expand(t Task, lookup placeholder.Lookup) Task {
	quoted := func(name string) (string, bool) {
		value, known := lookup(name)
		return regexp.QuoteMeta(value), known
	}
	return expanded(reflect.ValueOf(t), lookup, quoted).Interface().(Task)
}

// expanded copies a value all the way down.
func expanded(v reflect.Value, plain, quoted placeholder.Lookup) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	switch v.Kind() {
	case reflect.String:
		lookup := plain
		if v.Type() == reflect.TypeFor[Pattern]() {
			lookup = quoted
		}
		out.SetString(placeholder.Expand(v.String(), lookup))
	case reflect.Struct:
		for i := range v.NumField() {
			out.Field(i).Set(expanded(v.Field(i), plain, quoted))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			out.Set(reflect.New(v.Type().Elem()))
			out.Elem().Set(expanded(v.Elem(), plain, quoted))
		}
	case reflect.Slice:
		if !v.IsNil() {
			out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		}
		for i := range v.Len() {
			out.Index(i).Set(expanded(v.Index(i), plain, quoted))
		}
	case reflect.Map:
		if !v.IsNil() {
			out.Set(reflect.MakeMapWithSize(v.Type(), v.Len()))
		}
		for key, value := range v.Seq2() {
			out.SetMapIndex(expanded(key, plain, quoted), expanded(value, plain, quoted))
		}
	default:
		out.Set(v)
	}
	return out
}
