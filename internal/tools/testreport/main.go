// Command testreport reads what go test -json prints and shows it as go test does, and at the end what was skipped, with
// the reason, and how many tests passed, failed and were skipped. It exits with 1 when anything failed.
//
//	go test -json ./... | testreport
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// event is one line of go test -json (see go doc test2json); build output has an ImportPath instead of a Package.
type event struct {
	Action, Package, Test, Output, ImportPath string
}

func main() {
	failed, err := report(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
	}
	if failed || err != nil {
		os.Exit(1)
	}
}

// tally is what a run came to.
type tally struct {
	passed, failed, skipped int
	broken                  bool                // a package failed, built or not
	output                  map[string][]string // of tests that have not ended
	reasons                 []string
}

func report(in io.Reader, out io.Writer) (failed bool, err error) {
	t := tally{output: map[string][]string{}}
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
	if len(t.reasons) > 0 {
		fmt.Fprintf(out, "\nskipped:\n%s", strings.Join(t.reasons, ""))
	}
	fmt.Fprintf(out, "\n%d passed, %d failed, %d skipped\n", t.passed, t.failed, t.skipped)
	return t.broken || t.failed > 0, lines.Err()
}

func (t *tally) take(e event, out io.Writer) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "build-output":
		fmt.Fprint(out, e.Output)
	case "output":
		if e.Test != "" {
			t.output[key] = append(t.output[key], e.Output)
		} else if e.Output != "PASS\n" && !strings.Contains(e.Output, "[no test files]") {
			fmt.Fprint(out, e.Output)
		}
	case "pass", "fail", "skip":
		t.end(e, key, out)
	}
}

// end counts a test, or a package, that has ended.
func (t *tally) end(e event, key string, out io.Writer) {
	said := t.output[key]
	delete(t.output, key)
	t.broken = t.broken || e.Action == "fail"
	if e.Test == "" {
		return
	}
	switch e.Action {
	case "pass":
		t.passed++
	case "fail":
		t.failed++
		fmt.Fprint(out, strings.Join(said, ""))
	case "skip":
		t.skipped++
		t.reasons = append(t.reasons, fmt.Sprintf("  %s %s: %s\n", e.Package, e.Test, reason(said)))
	}
}

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
