package lab

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"

	"maillab/internal/lab/problem"
)

// The YAML library tells of a line before the one at fault, or of where something began that was broken much later, and in a
// parser's words. So the line is looked for, and what is wrong with it is said with what mends it.

// mostLines is how many lines are looked through for the one at fault: each is a parse of all before it.
const mostLines = 3000

// slips are what the library says, and what it is about in a lab; expressions match its words. The first that fits counts.
func slips() []struct{ says, message, mend string } {
	return []struct{ says, message, mend string }{
		{"unknown escape character", `a backslash in double quotes is the beginning of an escape`, `'\.' in single quotes, or "\\." with two of them`},
		{"expected ',' or ']'", "a [ is not closed", "] at its end"},
		{"expected ',' or '}'", "a { is not closed", "} at its end; a value that holds a brace needs quotes"},
		{"end of stream", "a quote is not closed", "the same quote at its end"},
		{"cannot start any token", "a value may not begin so", "put it in quotes"},
		{"unknown anchor", "a value that begins with * is a reference to another", "put it in quotes"},
		{"could not find expected ':'", "neither a key nor an item of a list", "KEY: VALUE with a blank behind the colon, or - ITEM"},
	}
}

// yamlProblem is what is wrong with a text that is no YAML.
func yamlProblem(err error, text []byte) *problem.Problem {
	lines := bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
	n := faulty(lines)
	for at := max(n-1, 1); at <= n; at++ { // of a tab the library speaks one line early
		if bytes.HasPrefix(bytes.TrimLeft(lines[at-1], " "), []byte("\t")) {
			return &problem.Problem{Line: at, Message: "a tab indents here", Mend: "use spaces"}
		}
	}
	said := strings.TrimPrefix(err.Error(), "yaml: ")
	for _, s := range slips() {
		if strings.Contains(said, s.says) {
			return &problem.Problem{Line: n, Message: s.message, Mend: s.mend}
		}
	}
	if p := inLine(lines, n); p != nil {
		return p
	}
	return &problem.Problem{Line: n, Message: "this line does not fit to those before it", Mend: "as many spaces in front as its neighbours have; quotes around a value with a colon"}
}

// faulty is the line, from 1, behind the longest beginning of the text that is YAML by itself.
func faulty(lines [][]byte) int {
	for n := min(len(lines), mostLines) - 1; n > 0; n-- {
		var doc yaml.Node
		if yaml.Unmarshal(bytes.Join(lines[:n], []byte("\n")), &doc) == nil {
			return n + 1
		}
	}
	return 1
}

// Slips within a line.
var (
	noBlank  = regexp.MustCompile(`^ *(- +)?[A-Za-z_][\w-]*:[^\s/]`)
	twoPairs = regexp.MustCompile(`^ *(- +)?[\w-]+: +[^"'\[{|>#][^#]*: `)
	inQuotes = regexp.MustCompile(`'[^']*[^\s,\[{:]'[^\s,\]}:'#]`)
)

// inLine finds what is wrong with a line from the line itself and those before it; nil when it does not show.
func inLine(lines [][]byte, n int) *problem.Problem {
	for _, at := range []int{n - 1, n} {
		if at > 0 && noBlank.Match(lines[at-1]) {
			return &problem.Problem{Line: at, Message: "no blank behind the colon", Mend: "KEY: VALUE"}
		}
	}
	switch line := lines[n-1]; {
	case twoPairs.Match(line):
		return &problem.Problem{Line: n, Message: "a value with a colon in it", Mend: "put it in quotes"}
	case inQuotes.Match(line):
		return &problem.Problem{Line: n, Message: "a quote within single quotes ends them", Mend: "write it twice: 'it''s'"}
	}
	return indented(lines, n)
}

// indented finds a line that stands under none of those that it could belong to.
func indented(lines [][]byte, n int) *problem.Problem {
	own := indentOf(lines[n-1])
	var open []int // the indents of what is open in front of it, the innermost first
	at := map[int]int{}
	for i := n - 1; i > 0; i-- {
		text := bytes.TrimSpace(lines[i-1])
		if len(text) == 0 || text[0] == '#' {
			continue
		}
		if in := indentOf(lines[i-1]); len(open) == 0 || in < open[len(open)-1] {
			open, at[in] = append(open, in), i
		}
	}
	if len(open) == 0 || at[own] > 0 && own != open[0] {
		return nil
	}
	if at[own] > 0 { // where it should stand, but it is no sibling of what stands there
		return &problem.Problem{Line: n, Message: fmt.Sprintf("a line of another kind than line %d, under which it stands", at[own]), Mend: "keys among keys, items with - among items"}
	}
	nearest := open[0]
	for _, in := range open {
		if distance(in, own) < distance(nearest, own) {
			nearest = in
		}
	}
	return &problem.Problem{Line: n, Message: fmt.Sprintf("indented by %d, and nothing before it is", own),
		Mend: fmt.Sprintf("%d spaces, as line %d", nearest, at[nearest])}
}

func distance(a, b int) int { return max(a-b, b-a) }

func indentOf(line []byte) int { return len(line) - len(bytes.TrimLeft(line, " ")) }
