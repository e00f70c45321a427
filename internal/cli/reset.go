package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"maillab/internal/classroom"
	"maillab/internal/control"
	"maillab/internal/instance"
)

// scopes are what --scope takes.
func scopes() []string { return []string{"mail", "home", "all"} }

func resetVerb(a *app) *cobra.Command {
	var to, scope string
	cmd := &cobra.Command{
		Use:   "reset [STUDENT…]",
		Short: "Put spools back to the start, or to a snapshot",
		Long: `Put the students' mail back: every mailbox is replaced by a new file, ~/mbox, ~/mail and waiting mail are dropped, and
the lab's starting mail is delivered again. Containers, shells, SSH and telnet to port 25 stay; POP3 and IMAP sessions are told
and end, mail readers that have a mailbox open are ended and their users told on their terminals. What was done before no
longer counts for checks; on a server that the class shares, a reset of some leaves the others' mail and evidence alone, and
the epoch keeps its number. A sandbox that does not answer is restarted first, and the report says so.

--scope home puts back the homes instead (the lab's files and what every home begins with; all else goes), all does both.
--to NAME puts back the snapshot of that name. The lab file is not needed. It asks first on a terminal, unless -y;
elsewhere, as in a script, it does not ask: the command itself is the answer.

-o json prints {"instance","sandboxes":[{"seat","student","dropped","queued","sessions","ended","epoch"}]}.`,
		Example: `  maillab reset
  maillab reset alice --scope all
  maillab reset --to before-lesson-2`,
		ValidArgsFunction: a.completeStudents,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runReset(cmd.Context(), a, args, to, scope)
		},
	}
	cmd.Flags().StringVar(&to, "to", "clean", "clean, or the name of a snapshot")
	cmd.Flags().StringVar(&scope, "scope", "mail", "mail, home or all")
	_ = cmd.RegisterFlagCompletionFunc("scope", fixed(scopes()...))
	_ = cmd.RegisterFlagCompletionFunc("to", a.completeSnapshots)
	return cmd
}

func runReset(ctx context.Context, a *app, names []string, to, scope string) error {
	if err := checkScope(scope); err != nil {
		return err
	}
	i, chosen, err := a.those(ctx, names)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("Put %s of %s back to the start? What is there now is lost.", scopeNames(scope), whose(chosen, names))
	if to != "clean" {
		what = fmt.Sprintf("Put %s of %s back to snapshot %s? What is there now is lost.", scopeNames(scope), whose(chosen, names), to)
	}
	if err := a.confirmAtTerminal(ctx, what); err != nil {
		return err
	}
	if to != "clean" {
		return restoreTo(ctx, a, i, chosen, to, scope)
	}
	return resetAll(ctx, a, i, chosen, scope)
}

func resetAll(ctx context.Context, a *app, i running, chosen instance.Chosen, scope string) error {
	client := i.Client()
	defer client.Close()
	return putBack(ctx, a, i, client, chosen.Sandboxes, func(ctx context.Context, s instance.Sandbox) (control.ResetReport, error) {
		return client.Reset(ctx, s.Seat, control.Reset{Students: chosen.Of(s), Scope: scope})
	})
}

type resetJSON struct {
	Seat     int      `json:"seat"`
	Student  string   `json:"student"`
	Dropped  int      `json:"dropped"`  // messages that were in mailboxes
	Queued   int      `json:"queued"`   // waiting messages that were dropped
	Sessions int      `json:"sessions"` // POP3 and IMAP sessions that were ended
	Ended    []string `json:"ended"`    // programs that had a mailbox open
	Epoch    int      `json:"epoch"`
	LeftOut  []string `json:"left_out,omitempty"`

	Restarted bool `json:"restarted,omitempty"` // it did not answer: all sessions in it were ended
}

func resetList(name string, chosen []instance.Sandbox, reports map[int]control.ResetReport, anew map[int]bool) list {
	value := struct {
		Instance  string      `json:"instance"`
		Sandboxes []resetJSON `json:"sandboxes"`
	}{name, []resetJSON{}}
	l := list{header: []string{"seat", "student", "dropped", "queued", "sessions", "ended"}}
	for _, s := range chosen {
		report, ok := reports[s.Seat]
		if !ok {
			continue
		}
		row := resetJSON{Seat: s.Seat, Student: s.Name(), Queued: report.Queued, Sessions: report.Sessions,
			Ended: []string{}, Epoch: report.Epoch, LeftOut: report.LeftOut, Restarted: anew[s.Seat]}
		for _, account := range report.Accounts {
			row.Dropped += account.Dropped
			for _, program := range account.Ended {
				row.Ended = append(row.Ended, account.Name+": "+program)
			}
		}
		value.Sandboxes = append(value.Sandboxes, row)
		ended := row.Ended
		if row.Restarted {
			ended = append([]string{"it did not answer and was restarted"}, ended...)
		}
		l.rows = append(l.rows, []string{strconv.Itoa(row.Seat), row.Student, strconv.Itoa(row.Dropped), strconv.Itoa(row.Queued),
			strconv.Itoa(row.Sessions), dash(strings.Join(ended, ", "))})
	}
	l.value = value
	return l
}

// whose names students for a question.
func whose(chosen instance.Chosen, typed []string) string {
	if len(typed) == 0 || len(chosen.Keys()) > 5 {
		return students(len(chosen.Keys()))
	}
	return strings.Join(chosen.Keys(), ", ")
}

func scopeNames(scope string) string {
	return map[string]string{"mail": "the mail", "home": "the homes", "all": "the mail and the homes"}[scope]
}

func checkScope(scope string) error {
	if scopeNames(scope) == "" {
		return usagef("no scope is called %q: mail, home or all", scope)
	}
	return nil
}

// putBack does it in every sandbox, and tells what was dropped.
func putBack(ctx context.Context, a *app, i running, client *control.Client, chosen []instance.Sandbox,
	do func(context.Context, instance.Sandbox) (control.ResetReport, error)) error {
	reports, anew, failed := classroom.PutBack(ctx, i, client, chosen, do)
	if err := a.print(resetList(i.Name, chosen, reports, anew)); err != nil {
		return err
	}
	return a.failures(chosen, failed)
}
