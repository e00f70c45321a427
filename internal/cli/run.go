package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"time"

	"github.com/spf13/cobra"

	"maillab/internal/classroom"
	"maillab/internal/commandline"
	"maillab/internal/deploy"
	"maillab/internal/disposable"
	"maillab/internal/leash"
	"maillab/internal/period"
	"maillab/internal/request"
	"maillab/internal/screen"
	"maillab/labs"
)

// runFlags are what run was told.
type runFlags struct {
	upFlags
	artifacts string
	junit     string
	limit     time.Duration
}

func runVerb(a *app) *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run [-f LAB] [--students N] -- CMD…",
		Short: "A disposable lab for one command, such as a test suite",
		Long: `Bring a lab up, run one command against it, take the lab away, and exit with the command's code (124 when --timeout
was over, 130 when interrupted, 128 and the signal's number when a signal ended the command). The lab is taken away
whatever happens; where even SIGKILL ends maillab, testcontainers' reaper does it where it is to be had, else maillab
prune once its time is over.

The command finds in its environment

  MAILLAB_SMTP, _POP3, _IMAP, _SSH     host:port of each service that is on, of the first sandbox
  MAILLAB_SMTP_2, …                    the same of the sandbox with that seat
  MAILLAB_USER_1, MAILLAB_PASSWORD_1   the accounts of the first sandbox: those of its student first, then in the
                                       lab's order: _2, _3, …
  MAILLAB_DOMAIN, MAILLAB_HOSTNAME     the mail domain and the server's own name
  MAILLAB_INSTANCE                     what -n wants: maillab -n "$MAILLAB_INSTANCE" check
  MAILLAB_JSON                         a file with everything: {"instance","lab","engine","topology","domain","hostname",
                                       "sandboxes":[{"seat","students":[…],"addresses":{"smtp":…},
                                       "accounts":[{"name","password","student","full_name"}]}]}

With --artifacts, when the command fails, the folder gets a folder for each sandbox: mail.log, dialogues.txt (what was typed and
answered), and the mailboxes in mail/.`,
		Example: `  maillab run -- python3 test_mail.py
  maillab run -f ./my-lab --students 3 --timeout 5m --artifacts out -- go test ./...
  maillab run --engine embedded -- sh -c 'curl -s "smtp://$MAILLAB_SMTP" --mail-from a --mail-rcpt util1 -T m.eml'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if at := cmd.ArgsLenAtDash(); at != 0 || len(args) == 0 {
				return usagef("put the command after --: maillab run -f LAB -- CMD")
			}
			return runRun(cmd.Context(), a, f, args)
		},
	}
	flags := cmd.Flags()
	f.AddLab(cmd, labs.Default)
	f.AddClass(cmd, "the class list")
	flags.StringVar(&f.Listen, "listen", "", "address to listen on; by default one that only the command reaches, where that can be told")
	flags.StringVar(&f.Host, "host", "", "host name or address at which the command reaches the lab")
	commandline.Count(flags, &f.Base, "base", 0, request.Ports(), "where the ports begin; by default anywhere")
	period.Var(flags, &f.limit, "timeout", 0, "end everything after this time, such as 10m; 0 is never")
	flags.StringVar(&f.artifacts, "artifacts", "", "folder for what is left of a command that failed")
	flags.StringVar(&f.junit, "junit", "", "file for a JUnit report of the lab's checks, made after the command; they leave the exit code alone")
	return cmd
}

// Lives of a disposable instance, for prune: past its timeout, or a day.
const (
	lifeBeyond = 10 * time.Minute
	lifeMost   = 24 * time.Hour
)

func runRun(ctx context.Context, a *app, f runFlags, command []string) error {
	program, err := exec.LookPath(command[0])
	if err != nil {
		return usage(err)
	}
	interrupted := ctx
	f.TTL = lifeMost
	if f.limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.limit)
		defer cancel()
		f.TTL = f.limit + lifeBeyond
	}
	defer a.tellLeave(interrupted)()
	a, release, err := temporary(a)
	if err != nil {
		return err
	}
	defer release()
	a, h := hostedBy(ctx, a)
	defer h.End()
	id := fmt.Sprintf("%08x", rand.Uint32())
	guard := disposable.Guarded{Session: id}
	f.Alone, f.Run, f.Labels = true, id, disposable.Labels(id)
	f.name = cmp.Or(a.flags.instance, "run-"+id)
	code, err := runIn(ctx, a, f, program, command, func(o deploy.Outcome) {
		if o.Engine.Capabilities().System { // it would outlive this process
			guard.Start(ctx)
		}
	})
	err = errors.Join(err, guard.End(ctx))
	switch {
	case interrupted.Err() != nil:
		return withCode(err, exitInterrupted)
	case ctx.Err() != nil:
		return withCode(errors.Join(fmt.Errorf("timed out after %s", f.limit), err), exitTimeout)
	case err != nil:
		return err
	}
	return silent(code)
}

// withCode ends with a code, and with what was told or else is to be told.
func withCode(err error, code int) error {
	var told *commandline.Error
	if err == nil || errors.As(err, &told) && errors.Is(told.Err, errSilent) {
		return silent(code)
	}
	return &commandline.Error{Err: err, Code: code}
}

// runIn runs the command in a new instance and takes that away.
func runIn(ctx context.Context, a *app, f runFlags, program string, command []string, decided func(deploy.Outcome)) (code int, err error) {
	out, err := begin(ctx, a, f.upFlags, decided)
	defer func() { err = errors.Join(err, finish(ctx, a, out, deploy.Nothing)) }()
	if err != nil {
		return 0, errors.Join(err, collect(ctx, a, out, f.artifacts))
	}
	told, err := classroom.Surroundings(out, a.DataDir)
	if err != nil {
		return 0, err
	}
	cmd := exec.Command(program, command[1:]...)
	cmd.Args[0] = command[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = a.In, screen.Raw(a.Out), screen.Raw(a.Err)
	cmd.Env = append(os.Environ(), told...)
	code, err = leash.Run(ctx, cmd, a.Program, screen.IsTerminal(a.In))
	err = errors.Join(err, report(ctx, a, out, f.junit))
	if err != nil || code != 0 || ctx.Err() != nil {
		err = errors.Join(err, collect(ctx, a, out, f.artifacts))
	}
	return code, err
}
