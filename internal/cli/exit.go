package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"maillab/internal/author/studio"
	"maillab/internal/commandline"
	"maillab/internal/deploy"
	"maillab/internal/engine"
	"maillab/internal/login"
)

// Exit codes. The table in the help is made from exitCodes.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = commandline.ExitUsage
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

// usage makes an error one of usage, nil staying nil; usagef does with a text.
func usage(err error) error { return commandline.Usage(err) }

func usagef(format string, args ...any) error { return commandline.Usagef(format, args...) }

// withHint adds what the user may do.
func withHint(err error, hint string) error {
	return &commandline.Error{Err: err, Code: exitCode(err), Mend: hint}
}

// hintFor is what the user may do about an error, "" when nothing is known.
func hintFor(err error) string {
	var told *commandline.Error
	var away *deploy.ElsewhereError
	var down *deploy.DownError
	switch {
	case errors.As(err, &told) && told.Mend != "":
		return told.Mend
	case errors.As(err, &down) && down.Left:
		return fmt.Sprintf("maillab up -n %s brings it up again; maillab down -n %[1]s removes what is left of it", down.Name)
	case errors.As(err, &down):
		return fmt.Sprintf("maillab up -n %s brings it up again; what is kept of it tell check, grades, mark, handout and bundle", down.Name)
	case errors.As(err, &away):
		return fmt.Sprintf("start that engine and try again, or bring up another instance with -n; maillab doctor looks at the engines\n"+
			"where it is gone for good: remove place.json from the folder of %s in maillab's data", away.Name)
	}
	return ""
}

// exitCode tells an error's code.
func exitCode(err error) int {
	var told *commandline.Error
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &told):
		return told.Code
	case errors.As(err, new(*deploy.RefusedError)), errors.As(err, new(*login.NoAccountError)):
		return exitUsage
	case errors.As(err, new(*studio.NotProvenError)):
		return exitChecks
	case errors.Is(err, engine.ErrUnavailable):
		return exitNoEngine
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.Is(err, context.DeadlineExceeded):
		return exitTimeout
	}
	return exitFailed
}
