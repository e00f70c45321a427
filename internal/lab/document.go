package lab

import (
	"fmt"
	"strings"

	"maillab/internal/lab/problem"
)

// document knows where each value of a lab file stands, and collects what is wrong with it. Values are named by their
// path: accounts[0].name. Of several problems at one path only the first is told, unless they are made different by
// apart.
type document struct {
	file     string
	lines    map[string]int
	bad      map[string]bool // values that are reported already, and so are not judged again
	mentions map[string]bool // the placeholders that stand anywhere in the file
	problems problem.List
}

// report adds a problem with the value at path, unless it, what it is part of, or a part of it is known to be bad.
func (d *document) report(path, mend, format string, args ...any) {
	if d.isBad(path) {
		return
	}
	d.bad[path] = true
	d.problems = append(d.problems, problem.New(d.file, d.line(path), mend, format, args...))
}

// isBad says whether something is reported that may have caused what is seen at path.
func (d *document) isBad(path string) bool {
	for at := path; at != ""; at = parent(at) {
		if d.bad[at] {
			return true
		}
	}
	for at := range d.bad {
		if rest, below := strings.CutPrefix(at, path); below && rest != "" && strings.ContainsRune(".[", rune(rest[0])) {
			return true
		}
	}
	return d.bad[""]
}

// apart is a path of its own for one of several problems with the value at path.
func apart(path, what string) string {
	return path + "\x00" + strings.NewReplacer(".", "\x00", "[", "\x00").Replace(what)
}

// line is where the value at path stands, or what it would be part of.
func (d *document) line(path string) int {
	path, _, _ = strings.Cut(path, "\x00")
	for ; path != ""; path = parent(path) {
		if line, ok := d.lines[path]; ok {
			return line
		}
	}
	return d.lines[""]
}

// fork is a document of its own for problems: a lab is compiled many times, also side by side.
func (d *document) fork() *document {
	return &document{file: d.file, lines: d.lines, mentions: d.mentions, bad: map[string]bool{}}
}

// parent is the path of what the value at path is part of.
func parent(path string) string {
	return path[:max(strings.LastIndexAny(path, ".["), 0)]
}

// child is the path of a key of a mapping.
func child(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// index is the path of an item of a list.
func index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }
