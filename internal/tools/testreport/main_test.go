package main

import (
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	in := `{"Action":"run","Package":"p","Test":"TestA"}
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
	var out strings.Builder
	failed, err := report(strings.NewReader(in), &out)
	want := "ok  \tp\t0.1s\n\nskipped:\n  p TestB: b_test.go:7: no engine answers\n\n1 passed, 0 failed, 1 skipped\n"
	if failed || err != nil || out.String() != want {
		t.Errorf("got %v, %v,\n%s\nwant\n%s", failed, err, out.String(), want)
	}
}

func TestReportOfFailures(t *testing.T) {
	for name, in := range map[string]string{
		"test":  `{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:3: wrong\n"}` + "\n" + `{"Action":"fail","Package":"p","Test":"TestA"}`,
		"build": `{"ImportPath":"p","Action":"build-output","Output":"a.go:3: wrong\n"}` + "\n" + `{"Action":"fail","Package":"p"}`,
	} {
		var out strings.Builder
		if failed, err := report(strings.NewReader(in), &out); !failed || err != nil || !strings.Contains(out.String(), "wrong") {
			t.Errorf("%s: got %v, %v,\n%s", name, failed, err, out.String())
		}
	}
}
