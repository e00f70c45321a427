package main

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	passing = `{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"noise of a passing test\n"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestB","Output":"    b_test.go:7: no engine answers\n"}
{"Action":"output","Package":"p","Test":"TestB","Output":"--- SKIP: TestB (0.00s)\n"}
{"Action":"skip","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Output":"PASS\n"}
{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}
{"Action":"pass","Package":"p"}
`
	failing = `{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:3: wrong\n"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"fail","Package":"p"}
`
	unbuilt = `{"ImportPath":"p","Action":"build-output","Output":"a.go:3: wrong\n"}
{"Action":"fail","Package":"p"}
`
	dead = `{"Action":"output","Package":"p","Test":"TestA","Output":"the last words: wrong\n"}
{"Action":"fail","Package":"p"}
`
)

// played is a runner whose go test prints these, one a run, and ends accordingly.
func played(out io.Writer, runs ...string) (r runner, calls *[][]string) {
	calls = new([][]string)
	return runner{out: out, test: func(args []string, w io.Writer) error {
		text := runs[len(*calls)]
		*calls = append(*calls, slices.Clone(args))
		_, _ = io.WriteString(w, text)
		if strings.Contains(text, `"fail"`) || text == "" {
			return errors.New("exit status 1")
		}
		return nil
	}}, calls
}

func TestReport(t *testing.T) {
	var out strings.Builder
	r, _ := played(&out, passing)
	ok := r.run([]string{"./..."}, 0)
	want := "ok  \tp\t0.1s\n\nskipped:\n  p TestB: b_test.go:7: no engine answers\n\n1 passed, 0 failed, 1 skipped\n"
	if !ok || out.String() != want {
		t.Errorf("got %v,\n%s\nwant\n%s", ok, out.String(), want)
	}
}

func TestReportOfFailures(t *testing.T) {
	for name, in := range map[string]string{"test": failing, "build": unbuilt, "death": dead} {
		var out strings.Builder
		r, calls := played(&out, in)
		if r.run([]string{"./..."}, 0) || !strings.Contains(out.String(), "wrong") || len(*calls) != 1 {
			t.Errorf("%s: passed, or said nothing, or ran twice: %v\n%s", name, *calls, out.String())
		}
	}
	r, _ := played(io.Discard, "")
	if r.run(nil, 0) {
		t.Error("go test that could not run at all is no failure")
	}
}

func TestAgain(t *testing.T) {
	var out strings.Builder
	r, calls := played(&out, failing, passing)
	if !r.run([]string{"-p", "1", "./..."}, 1) || !strings.Contains(out.String(), "run again:\n  p TestA\n") {
		t.Errorf("the second run does not count:\n%s", out.String())
	}
	if diff := cmp.Diff([][]string{{"-p", "1", "./..."}, {"-p", "1", "-count=1", "p"}}, *calls); diff != "" {
		t.Error(diff)
	}
	r, _ = played(io.Discard, failing, failing)
	if r.run([]string{"./..."}, 1) {
		t.Error("failed twice, and passed")
	}
	r, calls = played(io.Discard, failing+strings.ReplaceAll(failing, `"p"`, `"q"`))
	if r.run([]string{"./..."}, 1) || len(*calls) != 1 {
		t.Error("run again when more failed than chance would have it")
	}
}
