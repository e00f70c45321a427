// Command testreport runs go test with the arguments that it is given and shows what go test does, and at the end what was
// skipped, with the reason, and how many tests passed, failed and were skipped. It exits with 1 when anything failed.
//
//	testreport [-again N] [--] ./...
//
// With -again, up to N packages that failed are run once more, whole and each alone: tests that play a person at a terminal
// want a machine that keeps up, and a shared one does not always. What passes then is listed as unsteady, with what it
// printed the first time above; it is for somebody to look at. When more packages failed it was not chance.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

func main() {
	again := flag.Int("again", 0, "run up to `N` packages that failed once more")
	goTool := flag.String("go", "go", "the go `command`")
	flag.Parse()
	r := runner{out: os.Stdout, test: func(args []string, out io.Writer) error {
		cmd := exec.Command(*goTool, append([]string{"test", "-json"}, args...)...)
		cmd.Stdout, cmd.Stderr = out, os.Stderr
		return cmd.Run()
	}}
	if !r.run(flag.Args(), *again) {
		os.Exit(1)
	}
}

// runner runs tests and reports on them.
type runner struct {
	out  io.Writer
	test func(args []string, out io.Writer) error // go test -json
}

// run tells whether all went well, in the end.
func (r runner) run(args []string, again int) bool {
	total, err := r.once(args)
	failed := total.packages
	var unsteady []string
	if err == nil && len(failed) <= again {
		for _, pkg := range slices.Clone(failed) {
			fmt.Fprintf(r.out, "\n%s again, alone:\n", pkg)
			if second, err := r.once(append(flags(args), pkg)); err == nil && len(second.packages) == 0 {
				failed = slices.DeleteFunc(failed, func(p string) bool { return p == pkg })
				unsteady = append(unsteady, total.failures[pkg]...)
			}
		}
	}
	list(r.out, "skipped", total.skips)
	list(r.out, "unsteady: failed, and passed when the package was run again", unsteady)
	fmt.Fprintf(r.out, "\n%d passed, %d failed, %d skipped\n", total.passed, total.failed, len(total.skips))
	if err != nil {
		fmt.Fprintln(r.out, "testreport:", err)
	}
	list(r.out, "packages that failed", failed)
	return err == nil && len(failed) == 0
}

// once runs tests and shows them while they run.
func (r runner) once(args []string) (*tally, error) {
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

// flags are the arguments without the packages at their end.
func flags(args []string) []string {
	end := len(args)
	for end > 0 && strings.HasPrefix(args[end-1], ".") {
		end--
	}
	return append(slices.Clone(args[:end]), "-count=1")
}

func list(out io.Writer, title string, lines []string) {
	if len(lines) > 0 {
		fmt.Fprintf(out, "\n%s:\n  %s\n", title, strings.Join(lines, "\n  "))
	}
}
