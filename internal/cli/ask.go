package cli

import (
	"context"
	"errors"
	"fmt"

	"maillab/internal/ask"
	"maillab/internal/commandline"
)

// person is who may be asked.
func (a *app) person() ask.Person { return ask.Person{In: a.In, Out: a.Err, Say: a.Tongue} }

// asks tells whether somebody can be asked, and is to be. Where nobody can, a command that destroys what it is named after goes on.
func (a *app) asks() bool { return !a.flags.yes && a.person().There() }

// confirm asks before something is destroyed. Without a terminal, and without -y, the answer is no.
func (a *app) confirm(ctx context.Context, question string) error {
	if a.flags.yes {
		return nil
	}
	if !a.asks() {
		return &commandline.Error{Err: fmt.Errorf("%s — nothing was done", question), Code: exitUsage, Mend: "say -y to agree where nobody can be asked"}
	}
	agreed, err := a.person().Yes(ctx, question)
	if err == nil && !agreed {
		return &commandline.Error{Err: errors.New("nothing was done"), Code: exitFailed}
	}
	return leftOpen(err)
}

// leftOpen is how a command ends whose question was left open.
func leftOpen(err error) error {
	code := exitCode(err)
	switch {
	case errors.Is(err, ask.ErrLeft):
		code = exitInterrupted
	case !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return &commandline.Error{Err: errors.New("nothing was done"), Code: code}
}
