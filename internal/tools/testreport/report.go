package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// event is one line of go test -json (see go doc test2json); build output has an ImportPath instead of a Package.
type event struct {
	Action, Package, Test, Output, ImportPath string
	Elapsed                                   float64 // seconds
}

// tally is what a run came to.
type tally struct {
	passed, failed int
	skips          []string            // tests with the reason
	packages       []string            // that failed, built or not
	took           []event             // tests that ran, without their parts
	output         map[string][]string // of tests that have not ended, by package and test
}

// mostSlow is how many tests are named that took the longest.
const mostSlow = 15

// slowest says which tests took how long.
func (t *tally) slowest() (lines []string) {
	slices.SortFunc(t.took, func(a, b event) int { return cmp.Or(cmp.Compare(b.Elapsed, a.Elapsed), cmp.Compare(key(a), key(b))) })
	for _, e := range t.took[:min(mostSlow, len(t.took))] {
		if e.Elapsed >= 1 {
			lines = append(lines, fmt.Sprintf("%4.0f s  %s", e.Elapsed, key(e)))
		}
	}
	return lines
}

// report shows the output of tests that failed, and of packages, and counts.
func report(in io.Reader, out io.Writer) (*tally, error) {
	t := &tally{output: map[string][]string{}}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Fprintln(out, lines.Text()) // not ours: let it be seen
			continue
		}
		t.take(e, out)
	}
	return t, lines.Err()
}

func (t *tally) take(e event, out io.Writer) {
	switch e.Action {
	case "build-output":
		fmt.Fprint(out, e.Output)
	case "output":
		if e.Test != "" {
			t.output[key(e)] = append(t.output[key(e)], e.Output)
		} else if e.Output != "PASS\n" && !strings.Contains(e.Output, "[no test files]") {
			fmt.Fprint(out, e.Output)
		}
	case "pass", "fail", "skip":
		if e.Test == "" {
			t.endPackage(e, out)
		} else {
			t.endTest(e, out)
		}
	}
}

// endPackage shows what tests said that never ended, because another one took the process with it.
func (t *tally) endPackage(e event, out io.Writer) {
	if e.Action != "fail" {
		return
	}
	t.packages = append(t.packages, e.Package)
	for _, k := range slices.Sorted(maps.Keys(t.output)) {
		if strings.HasPrefix(k, e.Package+" ") {
			fmt.Fprint(out, strings.Join(t.output[k], ""))
			delete(t.output, k)
		}
	}
}

func (t *tally) endTest(e event, out io.Writer) {
	said := t.output[key(e)]
	delete(t.output, key(e))
	if !strings.Contains(e.Test, "/") {
		t.took = append(t.took, e)
	}
	switch e.Action {
	case "pass":
		t.passed++
	case "fail":
		t.failed++
		fmt.Fprint(out, strings.Join(said, ""))
	case "skip":
		t.skips = append(t.skips, fmt.Sprintf("%s: %s", key(e), reason(said)))
	}
}

func key(e event) string { return e.Package + " " + e.Test }

// reason is what a test said when it was skipped: its output without the lines of go test itself.
func reason(said []string) string {
	var words []string
	for _, line := range said {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "===") && !strings.HasPrefix(line, "--- ") {
			words = append(words, line)
		}
	}
	return strings.Join(words, " ")
}
