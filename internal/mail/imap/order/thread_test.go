package order

import (
	"strconv"
	"strings"
	"testing"
)

// TestThreads: RFC 5256's algorithms over messages in a shorthand: "id<ref<ref subject".
func TestThreads(t *testing.T) {
	for _, tt := range []struct {
		name     string
		messages []string
		refs     string
		subjects string
	}{
		{"nothing", nil, "", ""},
		{"a chain", []string{"a s", "b<a s", "c<b<a s"}, "(1 2 3)", "(1 (2)(3))"},
		{"two answers", []string{"a s", "b<a s", "c<a s"}, "(1 (2)(3))", "(1 (2)(3))"},
		{"a missing parent of two", []string{"b<a s", "c<a t"}, "((1)(2))", "(1)(2)"},
		{"a missing parent of one", []string{"b<a s"}, "(1)", "(1)"},
		{"a missing one between", []string{"a s", "c<b<a s"}, "(1 2)", "(1 2)"},
		{"answers by subject", []string{"a s", "b Re:s", "c t"}, "(1 2)(3)", "(1 2)(3)"},
		{"same subject, no answer", []string{"a s", "b s"}, "((1)(2))", "(1 2)"},
		{"a loop", []string{"a<b s", "b<a t"}, "(2 1)", "(1)(2)"},
		{"itself", []string{"a<a s"}, "(1)", "(1)"},
		{"one id twice", []string{"a s", "a t"}, "(1)(2)", "(1)(2)"},
		{"no id", []string{" s", " t"}, "(1)(2)", "(1)(2)"},
	} {
		entries := func() (es []*Entry) {
			for i, m := range tt.messages {
				head, subject, _ := strings.Cut(m, " ")
				ids := strings.Split(head, "<")
				e := &Entry{Index: i, id: ids[0]}
				for _, ref := range ids[1:] {
					e.refs = append([]string{ref}, e.refs...)
				}
				e.subject, e.reply = strings.CutPrefix(subject, "Re:")
				es = append(es, e)
			}
			return es
		}
		for want, build := range map[*string]func([]*Entry) []*Node{&tt.refs: References, &tt.subjects: OrderedSubject} {
			var got string
			for _, n := range build(entries()) {
				got += "(" + draw(n) + ")"
			}
			if got != *want {
				t.Errorf("%s: got %s, want %s", tt.name, got, *want)
			}
		}
	}
}

// draw is a thread as THREAD tells it.
func draw(n *Node) string {
	var parts []string
	for ; ; n = n.Children[0] {
		if n.Entry != nil {
			parts = append(parts, strconv.Itoa(n.Entry.Index+1))
		}
		if len(n.Children) != 1 {
			break
		}
	}
	text := strings.Join(parts, " ")
	if len(n.Children) > 0 && n.Entry != nil {
		text += " "
	}
	for _, child := range n.Children {
		text += "(" + draw(child) + ")"
	}
	return text
}
