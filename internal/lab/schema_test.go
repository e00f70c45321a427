package lab_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/invopop/jsonschema"
	"gopkg.in/yaml.v3"

	"maillab/internal/fault"
	"maillab/internal/lab"
	"maillab/internal/lab/task"
)

const (
	schemaFile    = "../../labs/lab.schema.json"
	referenceFile = "../../labs/reference.md"
)

// schema makes the JSON Schema from the types, their tags and their comments.
func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	r := &jsonschema.Reflector{FieldNameTag: "yaml", RequiredFromJSONSchemaTags: true, Mapper: mapScalar, Namer: define}
	if err := r.AddGoComments("maillab/internal/lab", ".", jsonschema.WithFullComment()); err != nil {
		t.Fatal(err)
	}
	if err := r.AddGoComments("maillab/internal/lab", "../fault", jsonschema.WithFullComment()); err != nil {
		t.Fatal(err)
	}
	for key, comment := range r.CommentMap { // comments are wrapped, descriptions are not
		r.CommentMap[key] = strings.Join(strings.Fields(comment), " ")
	}
	s := r.Reflect(&lab.Lab{})
	s.ID = ""
	s.Title = "maillab lab file"
	return s
}

// define names a type in the schema: a check's Mail is another than a lab's.
func define(typ reflect.Type) string {
	if name := typ.Name(); strings.HasSuffix(typ.PkgPath(), "/task") && name != "Task" && name != "Check" {
		return "Check" + name
	}
	return typ.Name()
}

// mapScalar describes the types that read their own text.
func mapScalar(typ reflect.Type) *jsonschema.Schema {
	word := func(pattern, what string) *jsonschema.Schema {
		return &jsonschema.Schema{Description: what, AnyOf: []*jsonschema.Schema{{Type: "string", Pattern: pattern}, {Type: "integer"}}}
	}
	switch typ {
	case reflect.TypeFor[lab.Size]():
		return word(`^[0-9.]+ ?([KMG]iB|[kMG]B|B)?$`, "")
	case reflect.TypeFor[fault.Length]():
		return &jsonschema.Schema{Type: "string", Pattern: `^[0-9].*(ms|s|m|h)$`}
	case reflect.TypeFor[fault.Octets]():
		return word(`^[0-9]+ ?([KM]iB|[kM]B)?$`, "")
	case reflect.TypeFor[lab.Range]():
		return word(`^[0-9]+(-[0-9]+)?$`, "")
	case reflect.TypeFor[task.Count]():
		return word(`^[0-9]+(-[0-9]*)?$`, "")
	case reflect.TypeFor[task.Text]():
		both := jsonschema.NewProperties()
		for _, lang := range task.Languages() {
			both.Set(lang, &jsonschema.Schema{Type: "string"})
		}
		one := uint64(1)
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
			{Type: "string"},
			{Type: "object", Properties: both, AdditionalProperties: jsonschema.FalseSchema, MinProperties: &one},
		}}
	}
	return nil
}

// TestSchema keeps the shipped schema and the reference page equal to the types.
func TestSchema(t *testing.T) {
	s := schema(t)
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	isGolden(t, schemaFile, string(text)+"\n")
	isGolden(t, referenceFile, reference(s))
}

func isGolden(t *testing.T, file, got string) {
	t.Helper()
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs from the types (go test ./internal/lab -update): -want +got:\n%s", file, diff)
	}
}

// TestSchemaConforms: what Parse takes, the schema takes; what is wrong by structure, it refuses.
func TestSchemaConforms(t *testing.T) {
	var s map[string]any
	if err := json.Unmarshal(readFile(t, schemaFile), &s); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{
		"../../labs/amiens-smtp-pop-imap/lab.yaml", "../../labs/caen-pop3-smtp/lab.yaml", "../../labs/hello/lab.yaml",
		"testdata/contract/lab.yaml",
	} {
		text := string(readFile(t, file))
		if problems := judge(s, s, asValue(t, text), "lab"); len(problems) > 0 {
			t.Errorf("%s: %s", file, strings.Join(problems, "\n"))
		}
		if first, _, _ := strings.Cut(text, "\n"); first != "# yaml-language-server: $schema=../lab.schema.json" {
			t.Errorf("%s: the first line is %q", file, first)
		}
	}
	contract := string(readFile(t, "testdata/contract/lab.yaml"))
	for _, wrong := range [][2]string{
		{"hostname:", "hostnam:"}, {"topology: isolated", "topology: alone"}, {"n: 1-19", "n: [1, 19]"}, {"fr: \"TD", "de: \"TD"},
		{"cpus: 0.5", "cpus: half"}, {"memory: 96MiB", "memory: 96Mo"}, {"points: 2", "points: -2"}, {"service: smtp", "service: ftp"},
		{"name: amiens-", "name: Amiens "}, {"title: {", "titre: {"},
	} {
		text := strings.Replace(contract, wrong[0], wrong[1], 1)
		if text == contract {
			t.Fatalf("%q is not in the example", wrong[0])
		}
		if len(judge(s, s, asValue(t, text), "lab")) == 0 {
			t.Errorf("the schema takes %q", wrong[1])
		}
	}
}

// TestContractExample: the example that the design shows parses, word for word.
func TestContractExample(t *testing.T) {
	l, err := lab.Parse(os.DirFS("testdata/contract"), "lab.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Tasks) != 1 || l.Tasks[0].Check.All[1].Mail.NotHeader["Cc"] != "{account2}" {
		t.Errorf("tasks: %+v", l.Tasks)
	}
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func asValue(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// judge is as much of a JSON Schema validator as our schema uses.
func judge(root, s map[string]any, v any, at string) (problems []string) {
	complain := func(format string, args ...any) { problems = append(problems, at+": "+fmt.Sprintf(format, args...)) }
	if ref, ok := s["$ref"].(string); ok {
		def := root["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
		problems = append(problems, judge(root, def, v, at)...)
	}
	if branches, ok := s["anyOf"].([]any); ok && !slices.ContainsFunc(branches, func(b any) bool {
		return len(judge(root, b.(map[string]any), v, at)) == 0
	}) {
		complain("%v is none of its forms", v)
	}
	if typ, ok := s["type"].(string); ok && !isType(typ, v) {
		complain("%v is not of type %s", v, typ)
	}
	if enum, ok := s["enum"].([]any); ok && !slices.Contains(enum, v) {
		complain("%v is not one of %v", v, enum)
	}
	if pattern, ok := s["pattern"].(string); ok {
		if text, isText := v.(string); isText && !regexp.MustCompile(pattern).MatchString(text) {
			complain("%q does not match %s", text, pattern)
		}
	}
	if n, ok := v.(int); ok {
		if least, ok := s["minimum"].(float64); ok && float64(n) < least {
			complain("%d is below %v", n, least)
		}
		if most, ok := s["maximum"].(float64); ok && float64(n) > most {
			complain("%d is above %v", n, most)
		}
	}
	if items, ok := s["items"].(map[string]any); ok {
		list, _ := v.([]any)
		for i, item := range list {
			problems = append(problems, judge(root, items, item, fmt.Sprintf("%s[%d]", at, i))...)
		}
	}
	return append(problems, judgeObject(root, s, v, at)...)
}

func judgeObject(root, s map[string]any, v any, at string) (problems []string) {
	object, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	properties, _ := s["properties"].(map[string]any)
	required, _ := s["required"].([]any)
	for _, name := range required {
		if _, there := object[name.(string)]; !there {
			problems = append(problems, fmt.Sprintf("%s: %s is missing", at, name))
		}
	}
	for key, value := range object {
		if property, known := properties[key].(map[string]any); known {
			problems = append(problems, judge(root, property, value, at+"."+key)...)
		} else if s["additionalProperties"] == false {
			problems = append(problems, fmt.Sprintf("%s: unknown key %s", at, key))
		} else if all, ok := s["additionalProperties"].(map[string]any); ok {
			problems = append(problems, judge(root, all, value, at+"."+key)...)
		}
	}
	return problems
}

func isType(typ string, v any) bool {
	switch v.(type) {
	case string:
		return typ == "string"
	case int:
		return typ == "integer" || typ == "number"
	case float64:
		return typ == "number"
	case bool:
		return typ == "boolean"
	case []any:
		return typ == "array"
	case map[string]any:
		return typ == "object"
	}
	return false
}

// reference is the schema as a page to read.
func reference(s *jsonschema.Schema) string {
	var out strings.Builder
	out.WriteString("# Lab files: every key\n\nGenerated from the types of internal/lab; `go test ./internal/lab -update` writes it anew.\n")
	done := map[string]bool{}
	todo := []string{"Lab"}
	for len(todo) > 0 {
		name := todo[0]
		todo = todo[1:]
		if done[name] {
			continue
		}
		done[name] = true
		def := s.Definitions[name]
		fmt.Fprintf(&out, "\n## %s\n\n%s\n", name, def.Description)
		if def.Properties.Len() == 0 {
			continue
		}
		out.WriteString("\n| key | value | |\n|---|---|---|\n")
		for p := def.Properties.Oldest(); p != nil; p = p.Next() {
			form, refers := form(p.Value)
			todo = append(todo, refers...)
			if slices.Contains(def.Required, p.Key) {
				form += ", required"
			}
			if p.Value.Default != nil {
				form += fmt.Sprintf(", default `%v`", p.Value.Default)
			}
			fmt.Fprintf(&out, "| `%s` | %s | %s |\n", p.Key, form, strings.ReplaceAll(p.Value.Description, "|", `\|`))
		}
	}
	return out.String()
}

// form says in words what a value looks like, and which definitions it refers to.
func form(s *jsonschema.Schema) (words string, refers []string) {
	switch {
	case s.Ref != "":
		name := strings.TrimPrefix(s.Ref, "#/$defs/")
		return fmt.Sprintf("[%s](#%s)", name, strings.ToLower(name)), []string{name}
	case len(s.Enum) > 0:
		var values []string
		for _, v := range s.Enum {
			values = append(values, fmt.Sprintf("`%v`", v))
		}
		return strings.Join(values, ", "), nil
	case s.Items != nil:
		words, refers = form(s.Items)
		return "list of " + words, refers
	case s.Type == "object" && s.AdditionalProperties != nil:
		words, refers = form(s.AdditionalProperties)
		return "names, each with " + words, refers
	case len(s.AnyOf) == 2 && s.AnyOf[1].Type == "object":
		return "text, or `{fr: …, en: …}`", nil
	case len(s.AnyOf) == 2:
		return "number or text", nil
	case s.Type == "string":
		return "text", nil
	}
	return s.Type, nil
}
