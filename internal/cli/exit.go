package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"maillab/internal/commandline"
	"maillab/internal/deploy"
	"maillab/internal/engine"
	"maillab/internal/login"
)

// Exit codes. The table in the help is made from exitCodes.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitPartly      = 3
	exitChecks      = 4
	exitNoEngine    = 5
	exitTimeout     = 124
	exitInterrupted = 130
)

// exitCodes lists every code with its meaning, for the help.
func exitCodes() string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, row := range []struct {
		code    int
		meaning string
	}{
		{exitDone, "done"},
		{exitFailed, "failed"},
		{exitUsage, "usage, or a bad lab file or class list"},
		{exitPartly, "partly failed: some students"},
		{exitChecks, "checks failed"},
		{exitNoEngine, "no engine answers, or not the one that may have the instance"},
		{exitTimeout, "timed out"},
		{exitInterrupted, "interrupted"},
	} {
		fmt.Fprintf(w, "  %d\t%s\n", row.code, row.meaning)
	}
	_ = w.Flush() // a strings.Builder does not fail
	return text.String()
}

// failure is an error with an exit code and, apart from it, what the user may do about it.
type failure struct {
	err  error
	code int
	hint string
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// usage makes an error one of usage.
func usage(err error) error { return &failure{err: err, code: exitUsage} }

// usagef is usage with a text.
func usagef(format string, args ...any) error { return usage(fmt.Errorf(format, args...)) }

// withHint adds what the user may do.
func withHint(err error, hint string) error {
	return &failure{err: err, code: exitCode(err), hint: hint}
}

// hintFor is what the user may do about an error, "" when nothing is known.
func hintFor(err error) string {
	var f *failure
	var away *deploy.ElsewhereError
	var typed *commandline.Error
	switch {
	case errors.As(err, &typed):
		return typed.Mend
	case errors.As(err, &f) && f.hint != "":
		return f.hint
	case errors.As(err, &away):
		return fmt.Sprintf("start that engine and try again, or bring up another instance with -n; maillab doctor looks at the engines\n"+
			"where it is gone for good: remove place.json from the folder of %s in maillab's data", away.Name)
	}
	return ""
}

// exitCode tells an error's code.
func exitCode(err error) int {
	var f *failure
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &f):
		return f.code
	case errors.As(err, new(*commandline.Error)), errors.As(err, new(*deploy.RefusedError)), errors.As(err, new(*login.NoAccountError)):
		return exitUsage
	case errors.Is(err, engine.ErrUnavailable):
		return exitNoEngine
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.Is(err, context.DeadlineExceeded):
		return exitTimeout
	}
	return exitFailed
}
