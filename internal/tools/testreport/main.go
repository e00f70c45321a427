// Command testreport runs go test with the arguments that it is given and shows what go test does, and at the end which tests
// took the longest, what was skipped, with the reason, and how many passed, failed and were skipped. It exits with 1 when anything failed.
//
//	testreport [--] ./...
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

func main() {
	goTool := flag.String("go", "go", "the go `command`")
	flag.Parse()
	r := runner{out: os.Stdout, test: func(args []string, out io.Writer) error {
		cmd := exec.Command(*goTool, append([]string{"test", "-json"}, args...)...)
		cmd.Stdout, cmd.Stderr = out, os.Stderr
		return cmd.Run()
	}}
	if !r.run(flag.Args()) {
		os.Exit(1)
	}
}

// runner runs tests and reports on them.
type runner struct {
	out  io.Writer
	test func(args []string, out io.Writer) error // go test -json
}

// run tells whether all went well.
func (r runner) run(args []string) bool {
	total, err := r.watch(args)
	list(r.out, "slowest", total.slowest())
	list(r.out, "skipped", total.skips)
	fmt.Fprintf(r.out, "\n%d passed, %d failed, %d skipped\n", total.passed, total.failed, len(total.skips))
	if err != nil {
		fmt.Fprintln(r.out, "testreport:", err)
	}
	list(r.out, "packages that failed", total.packages)
	return err == nil && len(total.packages) == 0
}

// watch runs tests and shows them while they run.
func (r runner) watch(args []string) (*tally, error) {
	in, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := r.test(args, out)
		ended <- err
		out.Close()
	}()
	t, err := report(in, r.out)
	if ran := <-ended; err == nil && ran != nil && len(t.packages) == 0 {
		err = fmt.Errorf("run go test: %w", ran) // it failed before there was a package to blame
	}
	return t, err
}

func list(out io.Writer, title string, lines []string) {
	if len(lines) > 0 {
		fmt.Fprintf(out, "\n%s:\n  %s\n", title, strings.Join(lines, "\n  "))
	}
}
