package author

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"

	"maillab/internal/lab/task"
)

// Add is the text of a lab file with one more task at the end of its tasks. All that is in it stays as it is, to the octet: of
// the file's nodes only where they stand is used.
func Add(text []byte, t task.Task) ([]byte, error) {
	block, err := item(t)
	if err != nil {
		return nil, err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	lines := strings.SplitAfter(lined(string(text)), "\n")
	lines = lines[:len(lines)-1]
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, errors.New("the lab file has no keys")
	}
	keys := doc.Content[0].Content
	for i := 0; i+1 < len(keys); i += 2 {
		if keys[i].Value != "tasks" {
			continue
		}
		next := len(lines) + 1
		if i+2 < len(keys) {
			next = keys[i+2].Line
		}
		return among(lines, keys[i], keys[i+1], next, block)
	}
	return []byte(strings.Join(lines, "") + "\ntasks:\n" + indented(block, "  ")), nil
}

// among puts a task behind the others; next is the line of the key that follows.
func among(lines []string, key, tasks *yaml.Node, next int, block string) ([]byte, error) {
	none := tasks.Kind == yaml.ScalarNode && tasks.Tag == "!!null" || tasks.Kind == yaml.SequenceNode && len(tasks.Content) == 0
	switch {
	case none:
		line := lines[key.Line-1]
		_, comment, has := strings.Cut(line, "#")
		lines[key.Line-1] = line[:strings.Index(line, ":")+1] + "\n"
		if has {
			lines[key.Line-1] = line[:strings.Index(line, ":")+1] + " #" + comment
		}
		return joinedAt(lines, key.Line, indented(block, "  ")), nil
	case tasks.Kind != yaml.SequenceNode || tasks.Style&yaml.FlowStyle != 0:
		return nil, fmt.Errorf("line %d: tasks is not a list of one task a line, each with a dash: write it so, then again", key.Line)
	}
	first := lines[tasks.Content[0].Line-1]
	margin := first[:len(first)-len(strings.TrimLeft(first, " "))]
	end := next - 1
	for end > 0 && quiet.MatchString(lines[end-1]) { // comments at the margin belong to what follows
		end--
	}
	return joinedAt(lines, end, "\n"+indented(block, margin)), nil
}

// quiet is a blank line, or a comment at the margin.
var quiet = regexp.MustCompile(`^(\s*|#.*)\n$`)

// joinedAt are lines with a text behind the first so many.
func joinedAt(lines []string, at int, text string) []byte {
	return []byte(strings.Join(lines[:at], "") + text + strings.Join(lines[at:], ""))
}

// indented is a block with a margin.
func indented(block, margin string) string {
	return margin + strings.TrimSuffix(strings.ReplaceAll(strings.TrimSuffix(block, "\n"), "\n", "\n"+margin), margin) + "\n"
}

// item is a task as an item of a list of YAML.
func item(t task.Task) (string, error) {
	node, err := nodeOf(t)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(&yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{node}}); err != nil {
		return "", err
	}
	return out.String(), encoder.Close()
}

// nodeOf is a task in the form in which labs have them: what is long a key a line, the rest in braces.
func nodeOf(t task.Task) (*yaml.Node, error) {
	text, err := json.Marshal(t) // its keys are the lab file's own
	if err != nil {
		return nil, err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	node := doc.Content[0]
	drop(node, "points")
	style(node, "")
	node.HeadComment = "Recorded by maillab author: title, hint and points are yours to write, and patterns yours to widen."
	return node, nil
}

// drop takes a key out of a mapping.
func drop(node *yaml.Node, key string) {
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			node.Content = append(node.Content[:i], node.Content[i+2:]...)
			return
		}
	}
}

// word is a text that YAML needs no quotes for.
var word = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// style writes a task and the joints of its checks a line each, and what hangs on them in braces.
func style(node *yaml.Node, key string) {
	node.Style = yaml.FlowStyle
	switch node.Kind {
	case yaml.MappingNode:
		if c := node.Content; len(c) == 4 && c[0].Value == "en" && c[2].Value == "fr" { // in the order of labs
			node.Content = []*yaml.Node{c[2], c[3], c[0], c[1]}
		}
		if key == "" || key == "check" {
			node.Style = 0
		}
		for i := 0; i+1 < len(node.Content); i += 2 {
			node.Content[i].Style = 0
			style(node.Content[i+1], node.Content[i].Value)
			if joints.MatchString(node.Content[i].Value) {
				node.Style = 0
			}
		}
	case yaml.SequenceNode:
		if joints.MatchString(key) {
			node.Style = 0
		}
		for _, item := range node.Content {
			style(item, "item")
		}
	case yaml.ScalarNode:
		if node.Style = yaml.DoubleQuotedStyle; node.Tag != "!!str" || word.MatchString(node.Value) && !boolean.MatchString(node.Value) {
			node.Style = 0
		}
	}
}

// joints are the keys below which checks stand one a line.
var joints = regexp.MustCompile(`^(all|any|message)$`)

// boolean is a word that readers of older YAML take for something else.
var boolean = regexp.MustCompile(`^(y|n|yes|no|on|off|true|false|null)$`)
