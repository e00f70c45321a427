package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"maillab/internal/classroom"
	"maillab/internal/instance"
	"maillab/internal/login"
	"maillab/internal/period"
	"maillab/internal/screen"
)

func execVerb(a *app) *cobra.Command {
	var all bool
	var run login.Command
	cmd := &cobra.Command{
		Use:   "exec STUDENT… | --all [--root] -- CMD…",
		Short: "A command in some or all sandboxes",
		Long: `Run a command in sandboxes, as their students over SSH or, with --root, as root. Root in a sandbox is weak: it reads
nobody's mail or home; --account runs the command as any account. A single argument is a line for the shell, several are
a program and its arguments. With several students each line of
output begins with whose it is, and the students' come in the order of their seats. A command is ended after --timeout; what it
leaves in the background is not waited for, and stays. The exit code is the command's own for one student; for several it is 3 when it failed
for some and 1 when it failed for all; 124 is out of time.`,
		Example: `  maillab exec alice -- tail -3 /var/log/mail.log
  maillab exec --all -- 'ls -l /var/mail'
  maillab exec --all --root -- df -h /var/mail`,
		ValidArgsFunction: completion{a}.students,
		RunE: func(cmd *cobra.Command, args []string) error {
			names, command, err := splitCommand(cmd, args, all)
			if err != nil {
				return err
			}
			i, chosen, err := a.those(cmd.Context(), names)
			if err != nil {
				return err
			}
			run.Words = command
			return inSandboxes(cmd.Context(), a, i, chosen, run)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "in every sandbox")
	cmd.Flags().BoolVar(&run.Root, "root", false, "as root")
	cmd.Flags().StringVar(&run.Account, "account", "", "as this account instead of the student's first")
	period.Var(cmd.Flags(), &run.Limit, "timeout", time.Minute, "end the command after this time, such as 10m; 0 is never")
	cmd.MarkFlagsMutuallyExclusive("root", "account")
	return cmd
}

// splitCommand parts students from the command at --.
func splitCommand(cmd *cobra.Command, args []string, all bool) (names, command []string, err error) {
	at := cmd.ArgsLenAtDash()
	if at < 0 {
		return nil, nil, usagef("put -- before the command: maillab exec alice -- CMD")
	}
	names, command = args[:at], args[at:]
	switch {
	case len(command) == 0:
		return nil, nil, usagef("no command after --")
	case all && len(names) > 0:
		return nil, nil, usagef("either students or --all")
	case !all && len(names) == 0:
		return nil, nil, usagef("name students, or say --all")
	}
	return names, command, nil
}

// inSandboxes runs a command in the chosen sandboxes side by side.
func inSandboxes(ctx context.Context, a *app, i running, picked instance.Chosen, run login.Command) error {
	chosen := picked.Sandboxes
	if err := hasSSH(i); err != nil && !run.Root {
		return err
	}
	client := i.Client()
	defer client.Close()
	var mu sync.Mutex
	codes, place := map[int]int{}, classroom.Places(chosen)
	allOut, allErr := screen.NewTurns(a.Out, len(chosen)), screen.NewTurns(a.Err, len(chosen))
	failed := instance.Each(ctx, chosen, classroom.InTurn(place, classroom.Awake(func(ctx context.Context, s instance.Sandbox) error {
		student := append(picked.Students(s), "")[0] // who was named, else whoever is first
		out, errs := io.Writer(a.Out), io.Writer(a.Err)
		var in io.Reader = a.In
		if len(chosen) > 1 {
			in = nil
			first, second := screen.NewPrefixer(allOut.Writer(place[s.Seat]), s.Name()), screen.NewPrefixer(allErr.Writer(place[s.Seat]), s.Name())
			defer first.Flush()
			defer second.Flush()
			out, errs = first, second
		}
		code, err := run.In(ctx, i.Engine, client, i.Name, s, student, in, out, errs)
		mu.Lock()
		defer mu.Unlock()
		codes[s.Seat] = code
		if err == nil && code != 0 && len(chosen) > 1 {
			err = fmt.Errorf("exit code %d", code)
		}
		return err
	}), allOut, allErr))
	if len(chosen) == 1 && len(failed) == 0 {
		return silent(codes[chosen[0].Seat])
	}
	if late := (login.OutOfTime{}); len(chosen) == 1 && errors.As(failed[chosen[0].Seat], &late) {
		return late
	}
	return a.failures(chosen, failed)
}
