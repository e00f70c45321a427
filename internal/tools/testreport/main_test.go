package main

import (
	"errors"
	"io"
	"strings"
	"testing"
)

const (
	passing = `{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"noise of a passing test\n"}
{"Action":"pass","Package":"p","Test":"TestA/Part","Elapsed":9}
{"Action":"pass","Package":"p","Test":"TestA","Elapsed":1.4}
{"Action":"pass","Package":"p","Test":"TestC","Elapsed":12.5}
{"Action":"pass","Package":"p","Test":"TestQuick","Elapsed":0.9}
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

// played is a runner whose go test prints this, and ends accordingly; calls counts how often it was started.
func played(out io.Writer, text string) (r runner, calls *int) {
	calls = new(int)
	return runner{out: out, test: func(args []string, w io.Writer) error {
		*calls++
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
	ok := r.run([]string{"./..."})
	want := "ok  \tp\t0.1s\n\nslowest:\n    12 s  p TestC\n     1 s  p TestA\n\nskipped:\n  p TestB: b_test.go:7: no engine answers\n\n4 passed, 0 failed, 1 skipped\n"
	if !ok || out.String() != want {
		t.Errorf("got %v,\n%s\nwant\n%s", ok, out.String(), want)
	}
}

// What failed has failed: nothing is run a second time.
func TestReportOfFailures(t *testing.T) {
	for name, in := range map[string]string{"test": failing, "build": unbuilt, "death": dead} {
		var out strings.Builder
		r, calls := played(&out, in)
		if r.run([]string{"./..."}) || !strings.Contains(out.String(), "wrong") || *calls != 1 {
			t.Errorf("%s: passed, or said nothing, or ran %d times:\n%s", name, *calls, out.String())
		}
		if !strings.HasSuffix(out.String(), "\npackages that failed:\n  p\n") {
			t.Errorf("%s: the package is not named at the end:\n%s", name, out.String())
		}
	}
	r, _ := played(io.Discard, "")
	if r.run(nil) {
		t.Error("go test that could not run at all is no failure")
	}
}
