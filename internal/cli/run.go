package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"maillab/internal/deploy"
	"maillab/internal/disposable"
	"maillab/internal/leash"
	"maillab/internal/period"
	"maillab/internal/safeio"
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
	flags.StringVarP(&f.lab, "lab", "f", labs.Default, "the lab: a folder, a file, or the name of one on board")
	f.add(cmd, "the class list")
	flags.IntVar(&f.students, "students", 0, "so many students without a list")
	flags.StringVar(&f.listen, "listen", "", "address to listen on; by default one that only the command reaches, where that can be told")
	flags.StringVar(&f.host, "host", "", "host name or address at which the command reaches the lab")
	flags.IntVar(&f.base, "base", 0, "where the ports begin; by default anywhere")
	period.Var(flags, &f.limit, "timeout", 0, "end everything after this time, such as 10m; 0 is never")
	flags.StringVar(&f.artifacts, "artifacts", "", "folder for what is left of a command that failed")
	flags.StringVar(&f.junit, "junit", "", "file for a JUnit report of the lab's checks, made after the command; they leave the exit code alone")
	cmd.MarkFlagsMutuallyExclusive("class", "students")
	_ = cmd.RegisterFlagCompletionFunc("lab", completeLabs)
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
	f.ttl = lifeMost
	if f.limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.limit)
		defer cancel()
		f.ttl = f.limit + lifeBeyond
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
	guard := guard(ctx, a, id)
	f.fleeting = fleeting{name: a.flags.instance, alone: true, run: id, labels: disposable.Labels(id)}
	if f.fleeting.name == "" {
		f.fleeting.name = "run-" + id
	}
	code, err := runIn(ctx, a, f, program, command, guard.start)
	err = errors.Join(err, guard.end(ctx))
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

// guarding has the instance taken away by a reaper when we are gone without having done it.
type guarding struct {
	start func(o deploy.Outcome)
	end   func(ctx context.Context) error
}

// guardPatience is how long the reaper may take to be told that it is not needed.
const guardPatience = 2 * time.Minute

// guard starts a reaper where there is something that would outlive this process.
func guard(ctx context.Context, a *app, session string) guarding {
	var watch *disposable.Guard
	return guarding{
		start: func(o deploy.Outcome) {
			if o.Engine.Capabilities().System {
				watch = disposable.Watch(ctx, session)
			}
		},
		end: func(ctx context.Context) error {
			if watch == nil {
				return nil
			}
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), guardPatience)
			defer cancel()
			return watch.Close(ctx)
		},
	}
}

// withCode ends with a code, and with what was told or else is to be told.
func withCode(err error, code int) error {
	var told *failure
	if err == nil || errors.As(err, &told) && errors.Is(told.err, errSilent) {
		return silent(code)
	}
	return &failure{err: err, code: code}
}

// surroundings are the variables that a command gets, and the file that one of them names.
func surroundings(a *app, o deploy.Outcome) ([]string, error) {
	told := o.Tell()
	text, err := json.MarshalIndent(told, "", "  ")
	if err != nil {
		return nil, err
	}
	file := filepath.Join(a.DataDir, "lab.json")
	if err := safeio.WriteFile(file, append(text, '\n'), 0o600, safeio.Whole); err != nil {
		return nil, err
	}
	return append(told.Variables(), "MAILLAB_JSON="+file), nil
}

// runIn runs the command in a new instance and takes that away.
func runIn(ctx context.Context, a *app, f runFlags, program string, command []string, decided func(deploy.Outcome)) (code int, err error) {
	out, err := begin(ctx, a, f.upFlags, decided)
	defer func() { err = errors.Join(err, finish(ctx, a, out, deploy.Nothing)) }()
	if err != nil {
		return 0, errors.Join(err, collect(ctx, a, out, f.artifacts))
	}
	told, err := surroundings(a, out)
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
