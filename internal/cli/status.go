package cli

import (
	"context"
	"fmt"
	"io"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"maillab/internal/classroom"
	"maillab/internal/commandline"
	"maillab/internal/control"
	"maillab/internal/screen"
)

func statusVerb(a *app) *cobra.Command {
	var watch bool
	cmd := &cobra.Command{
		Use:   "status [STUDENT…]",
		Short: "State, addresses and messages of each student's sandbox",
		Long: `State, addresses and messages of each student's sandbox.

-o json prints {"instance","lab","engine","topology","sandboxes":[{"seat","student","state","addresses":{"ssh","smtp",
"pop3","imap"},"accounts":[{"name","messages","unread"}],"tasks":{"passed","total"}}]}. A shared sandbox is one row with seat 0 and "students".
States: ready, starting, unconfigured, unreachable (it runs but does not answer), stopped, paused, missing (somebody removed
the container; its mail and homes are there).`,
		ValidArgsFunction: a.completeStudents,
		RunE: func(cmd *cobra.Command, args []string) error {
			return watching(cmd.Context(), a, watch, func(ctx context.Context) error { return showStatus(ctx, a, args) })
		},
	}
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "again every two seconds, until Ctrl-C")
	return cmd
}

// watchPause is how often --watch looks again.
const watchPause = 2 * time.Second

// watching shows once, or again and again on a cleared screen.
func watching(ctx context.Context, a *app, again bool, show func(context.Context) error) error {
	if !again {
		return show(ctx)
	}
	for {
		if screen.IsTerminal(a.Out) {
			_, _ = io.WriteString(screen.Raw(a.Out), "\x1b[H\x1b[2J")
		}
		if err := show(ctx); err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(watchPause):
		}
	}
}

func showStatus(ctx context.Context, a *app, names []string) error {
	i, chosen, err := a.those(ctx, names)
	if err != nil {
		return err
	}
	return a.print(statusList(classroom.AskStatus(ctx, i, chosen.Sandboxes)))
}

// statusList renders a status: one row a sandbox, and only accounts that have mail.
func statusList(s classroom.Status) list {
	l := list{value: s, header: []string{"seat", "student", "state", "ssh", "smtp", "pop3", "imap", "tasks", "mail (unread)"}}
	for _, row := range s.Sandboxes {
		name := row.Student
		if row.Seat == 0 {
			name = fmt.Sprintf("shared: %s", students(len(row.Students)))
		}
		mail := mailOf(row.Accounts)
		if row.Problem != "" {
			mail = row.Problem
		}
		l.rows = append(l.rows, []string{strconv.Itoa(row.Seat), name, row.State,
			dash(row.Addresses["ssh"]), dash(row.Addresses["smtp"]), dash(row.Addresses["pop3"]), dash(row.Addresses["imap"]), tasksOf(row.Tasks), mail})
	}
	return l
}

// tasksOf is how far a row's students got; on a shared server all of them together.
func tasksOf(t *classroom.TasksStatus) string {
	if t == nil || t.Total == 0 {
		return "-"
	}
	return fmt.Sprintf("%d/%d", t.Passed, t.Total)
}

func mailOf(accounts []classroom.AccountStatus) string {
	var parts []string
	for _, account := range accounts {
		if account.Messages > 0 {
			parts = append(parts, fmt.Sprintf("%s %d (%d)", account.Name, account.Messages, account.Unread))
		}
	}
	return dash(strings.Join(parts, ", "))
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func lsVerb(a *app) *cobra.Command {
	var watch bool
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "The instances that there are",
		Long: `The instances that there are, on every engine that answers.

-o json prints {"instances":[{"instance","lab","engine","sandboxes","ready"}]}.`,
		Args: commandline.Takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return watching(cmd.Context(), a, watch, func(ctx context.Context) error { return showInstances(ctx, a) })
		},
	}
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "again every two seconds, until Ctrl-C")
	return cmd
}

type instanceJSON struct {
	Instance  string `json:"instance"`
	Lab       string `json:"lab"`
	Engine    string `json:"engine"`
	Sandboxes int    `json:"sandboxes"`
	Ready     int    `json:"ready"`
	Expires   string `json:"expires,omitempty"`
}

func showInstances(ctx context.Context, a *app) error {
	s, err := a.look(ctx, a.flags.instance)
	if err != nil {
		return err
	}
	if len(s.Problems) > 0 {
		fmt.Fprintln(a.Err, unanswered(s))
	}
	value := struct {
		Instances []instanceJSON `json:"instances"`
	}{[]instanceJSON{}}
	l := list{header: []string{"instance", "lab", "engine", "sandboxes", "ready", "expires"}}
	value.Instances = append(value.Instances, countReady(ctx, a, s.Instances)...)
	sort.Slice(value.Instances, func(x, y int) bool { return value.Instances[x].Instance < value.Instances[y].Instance })
	for _, row := range value.Instances {
		l.rows = append(l.rows, []string{row.Instance, row.Lab, row.Engine, strconv.Itoa(row.Sandboxes), strconv.Itoa(row.Ready), dash(row.Expires)})
	}
	l.value = value
	return a.print(l)
}

// countReady asks the instances side by side: one that does not answer keeps no other waiting.
func countReady(ctx context.Context, a *app, instances []running) []instanceJSON {
	rows := make([]instanceJSON, len(instances))
	var asked sync.WaitGroup
	for n, i := range instances {
		asked.Go(func() {
			status := classroom.AskStatus(ctx, i, i.Sandboxes)
			rows[n] = instanceJSON{Instance: i.Name, Lab: i.Lab, Engine: status.Engine, Sandboxes: len(status.Sandboxes), Expires: status.Expires}
			for _, sandbox := range status.Sandboxes {
				if sandbox.State == control.StateReady {
					rows[n].Ready++
				}
			}
		})
	}
	asked.Wait()
	return rows
}
