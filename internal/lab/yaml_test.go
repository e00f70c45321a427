package lab

import (
	"fmt"
	"strings"
	"testing"
)

// TestSlipsInYAML: each is told at its own line, with what mends it.
func TestSlipsInYAML(t *testing.T) {
	for _, c := range []struct {
		text, want string // line: what is said | what mends it, each as far as given
	}{
		{"a: 1\nb: \"x\\.y\"\nc: 2\n", "2: a backslash in double quotes|single quotes"},
		{"a: 1\ntasks:\n  - id: x\n    check:\n      dialogue: {commands: [\"^a\\.b\"]}\nz: 1\n", "5: a backslash in double quotes|'\\.'"},
		{"a: 1\ntasks:\n  - id: x\n    title: y\n   points: 2\nc: 3\n", "5: indented by 3, |4 spaces, as line 4"},
		{"a: 1\nb:\n  c: 1\n d: 2\ne: 3\n", "4: indented by 1, |2 spaces, as line 3"},
		{"a: 1\n  b: 2\nc: 3\n", "2: indented by 2, |0 spaces, as line 1"},
		{"a:\n  - b: 1\n   - c: 2\nd: 1\n", "3: indented by 3, |2 spaces, as line 2"},
		{"a:\n  - b: 1\n  c: 2\nd: 1\n", "3: a line of another kind than line 2|items with -"},
		{"a: 1\nb: [1, 2\nc: 3\nd: 4\n", "2: a [ is not closed|]"},
		{"a: 1\nb: {x: 1\nc: 3\n", "2: a { is not closed|}"},
		{"a: 1\nb: \"x\nc: 3\nd: 4\n", "2: a quote is not closed|the same quote"},
		{"a: 1\nb: x: y\nc: 3\n", "2: a value with a colon in it|quotes"},
		{"a: 1\nb: 'it's'\nc: 3\n", "2: a quote within single quotes|twice"},
		{"a: 1\nb: @x\nc: 3\n", "2: a value may not begin so|quotes"},
		{"a: 1\nb: *x\nc: 3\n", "2: a value that begins with *|quotes"},
		{"a: 1\nb {x}\nc: 3\n", "2: neither a key nor an item|blank behind the colon"},
		{"a:1\nb: 2\n", "1: no blank behind the colon|KEY: VALUE"},
		{"a: 1\n\tb: 2\n", "2: a tab indents here|spaces"},
	} {
		_, p := syntax([]byte(c.text))
		if p == nil {
			t.Errorf("%q is YAML", c.text)
			continue
		}
		message, mend, _ := strings.Cut(c.want, "|")
		if got := fmt.Sprintf("%d: %s", p.Line, p.Message); !strings.HasPrefix(got, message) || !strings.Contains(p.Mend, mend) {
			t.Errorf("%q: %s (%s); want %s", c.text, got, p.Mend, c.want)
		}
	}
}

// FuzzYAML: whatever is wrong is told at a line that there is.
func FuzzYAML(f *testing.F) {
	for _, text := range []string{"a: 1\n", "a: [\n", "\t", "a:\n - b\n c", "", "'", "*x", "a: |\n x\ny"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1000 {
			return
		}
		if _, p := syntax([]byte(text)); p != nil && (p.Line < 0 || p.Line > strings.Count(text, "\n")+1) {
			t.Errorf("%q: line %d", text, p.Line)
		}
	})
}
