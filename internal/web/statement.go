package web

import (
	"bytes"
	"html/template"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"

	"maillab/internal/worksheet"
)

// block is a part of a statement, and the tasks whose place is below it.
type block struct {
	HTML  template.HTML
	Tasks []worksheet.Task
	Level int // of the tasks' headings: below the one that they stand under
}

// markdown is what statements are written in. HTML in them is left out.
func markdown() goldmark.Markdown {
	return goldmark.New(goldmark.WithExtensions(extension.Table, extension.Strikethrough), goldmark.WithParserOptions(parser.WithAutoHeadingID()))
}

// laidOut is a statement with each task below the paragraph that first names it, as `task`; what is named nowhere is at the end.
func laidOut(source string, tasks []worksheet.Task) []block {
	md, in := markdown(), []byte(source)
	var blocks []block
	placed, level := map[string]bool{}, 1
	for n := md.Parser().Parse(text.NewReader(in)).FirstChild(); n != nil; n = n.NextSibling() {
		var out bytes.Buffer
		if err := md.Renderer().Render(&out, in, n); err != nil {
			continue // it writes to memory
		}
		if heading, is := n.(*ast.Heading); is {
			level = heading.Level
		}
		b := block{HTML: template.HTML(out.String()), Level: level + 1} //nolint:gosec // goldmark escapes, and leaves HTML out
		for _, id := range named(n, in) {
			i := slices.IndexFunc(tasks, func(t worksheet.Task) bool { return t.ID == id })
			if i >= 0 && !placed[id] {
				placed[id] = true
				b.Tasks = append(b.Tasks, tasks[i])
			}
		}
		blocks = append(blocks, b)
	}
	var rest []worksheet.Task
	for _, t := range tasks {
		if !placed[t.ID] {
			rest = append(rest, t)
		}
	}
	if len(rest) > 0 {
		blocks = append(blocks, block{Tasks: rest, Level: level + 1})
	}
	return blocks
}

// named are the words in code below a node.
func named(n ast.Node, source []byte) (words []string) {
	_ = ast.Walk(n, func(at ast.Node, entering bool) (ast.WalkStatus, error) { // nothing in it fails
		if code, is := at.(*ast.CodeSpan); is && entering {
			var word strings.Builder
			for c := code.FirstChild(); c != nil; c = c.NextSibling() {
				if t, is := c.(*ast.Text); is {
					word.Write(t.Segment.Value(source))
				}
			}
			words = append(words, word.String())
		}
		return ast.WalkContinue, nil
	})
	return words
}
