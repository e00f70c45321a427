package say

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// pageWidth is where lines of prose end, in characters.
const pageWidth = 110

// Page says a help: paragraphs of prose, whose lines are put anew, and indented lines, whose columns are said one by one.
// Each paragraph is a text of the catalogue, in one line.
func (t Tongue) Page(english string) string {
	if t.English() {
		return english
	}
	var out []string
	for _, part := range pageParts(english) {
		if isProse(part) {
			part = strings.Join(wrapped(t.Text(part)), "\n")
		} else {
			part = columns.ReplaceAllStringFunc(part, t.Text)
		}
		out = append(out, part)
	}
	return strings.Join(out, "\n")
}

// columns are texts between which there are two blanks at least.
var columns = regexp.MustCompile(`\S+(?: \S+)*`)

// isProse tells a paragraph from an empty line and an indented one.
func isProse(part string) bool { return part != "" && part[0] != ' ' }

// pageParts are a page's paragraphs of prose, each made one line, and all other lines.
func pageParts(page string) (parts []string) {
	joins := false
	for line := range strings.SplitSeq(page, "\n") {
		if joins && isProse(line) {
			parts[len(parts)-1] += " " + line
		} else {
			parts = append(parts, line)
		}
		joins = isProse(line)
	}
	return parts
}

// wrapped is prose in lines.
func wrapped(prose string) (lines []string) {
	line := ""
	for word := range strings.FieldsSeq(prose) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > pageWidth && !strings.Contains(":;?!»", word):
			lines, line = append(lines, line), word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
