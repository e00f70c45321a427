package login

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"maillab/internal/control"
	"maillab/internal/engine"
	"maillab/internal/instance"
	"maillab/internal/period"
)

// Command is one that a teacher runs in sandboxes: as their students over SSH, or as root in the engine's own way.
type Command struct {
	Words   []string // a single one is a line for the shell, several are a program and its arguments
	Root    bool
	Account string        // instead of the student's first
	Limit   time.Duration // it is ended then; 0 is never
}

// OutOfTime is a command that took longer than it may.
type OutOfTime struct{ Limit time.Duration }

func (o OutOfTime) Error() string {
	return fmt.Sprintf("not done after %s, and ended: --timeout says how long it may take", period.Format(o.Limit))
}

func (o OutOfTime) Unwrap() error { return context.DeadlineExceeded }

// ErrNoRoot is an engine in whose sandboxes nobody is root.
var ErrNoRoot = errors.New("this engine cannot run commands as root")

// In runs the command in one sandbox of an instance, and tells its exit code.
func (c Command) In(ctx context.Context, e engine.Engine, client *control.Client, name string, s instance.Sandbox, student string, in io.Reader, out, errs io.Writer) (code int, err error) {
	bounded := ctx
	if c.Limit > 0 {
		var cancel context.CancelFunc
		bounded, cancel = context.WithTimeout(ctx, c.Limit)
		defer cancel()
	}
	if execer, can := e.(engine.Execer); c.Root && can {
		code, err = execer.Exec(bounded, name, s.Seat, c.itself(), engine.IO{In: in, Out: out, Err: errs})
	} else if c.Root {
		return 0, ErrNoRoot
	} else {
		code, err = Run(bounded, client, s, student, c.Account, c.Line(), in, out, errs)
	}
	if bounded.Err() != nil && ctx.Err() == nil {
		return 0, OutOfTime{c.Limit}
	}
	return code, err
}

// Line is the command as one line for a shell: sshd gives what it is told to the account's.
func (c Command) Line() string {
	if len(c.Words) == 1 {
		return c.Words[0]
	}
	quoted := make([]string, len(c.Words))
	for i, word := range c.Words {
		quoted[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return strings.Join(quoted, " ")
}

// itself is the command for who starts programs himself. It ends itself a moment after nobody waits for it any more: no engine
// ends what it has begun.
func (c Command) itself() []string {
	words := c.Words
	if len(words) == 1 {
		words = []string{"sh", "-c", words[0]}
	}
	if c.Limit > 0 {
		words = append([]string{"timeout", "--signal=KILL", fmt.Sprintf("%.3f", (c.Limit + time.Second).Seconds())}, words...)
	}
	return words
}
