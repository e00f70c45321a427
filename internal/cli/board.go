package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"maillab/internal/check"
	"maillab/internal/control"
	"maillab/internal/instance"
	"maillab/internal/screen"
)

// boardRow is where one student is.
type boardRow struct {
	Seat     int       `json:"seat"`
	Student  string    `json:"student"`
	Passed   int       `json:"passed"`
	Total    int       `json:"total"`
	Next     string    `json:"next"` // the first task that has not passed
	At       time.Time `json:"at,omitzero"`
	Service  string    `json:"service"`
	Command  string    `json:"command"`
	Error    string    `json:"error,omitempty"`
	Progress time.Time `json:"progress,omitzero"` // when a task passed last; the epoch's start when none has
}

func boardVerb(a *app) *cobra.Command {
	var every time.Duration
	cmd := &cobra.Command{
		Use:   "board",
		Short: "Who is where: a live view of the class",
		Long: `Who is where, again and again until Ctrl-C: tasks passed, the next one, the last command and how long ago it was, the
last refusal. Who has got on least lately comes first; who has passed everything last. Scripts are not run for it.
When the output is not a terminal it is printed once.

The last command and refusal are of dialogues that are surely the student's: on a shared server, those with a login. SMTP
without one may be anybody's there.

-o json prints {"instance","students":[{"seat","student","passed","total","next","at","service","command","error","progress"}]}.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			i, err := a.the(ctx)
			if err != nil {
				return err
			}
			client := i.Client()
			defer client.Close()
			for {
				rows, err := askBoard(ctx, a, i, client)
				if ctx.Err() != nil {
					return nil // Ctrl-C is how one ends it
				}
				if err != nil {
					return err
				}
				if !screen.IsTerminal(a.Out) || a.flags.output != "table" {
					return a.print(boardList(a, i.Name, rows))
				}
				_, _ = io.WriteString(screen.Raw(a.Out), "\x1b[H\x1b[2J")
				if err := a.print(boardList(a, i.Name, rows)); err != nil {
					return err
				}
				select {
				case <-ctx.Done():
					return nil
				case <-time.After(every):
				}
			}
		},
	}
	cmd.Flags().DurationVar(&every, "every", 5*time.Second, "how often it looks again")
	return cmd
}

// askBoard asks all sandboxes side by side. One that does not answer is left out, and told.
func askBoard(ctx context.Context, a *app, i running, client *control.Client) ([]boardRow, error) {
	ctx, cancel := context.WithTimeout(ctx, statusPatience)
	defer cancel()
	var mu sync.Mutex
	var rows []boardRow
	failed := instance.Each(ctx, i.Sandboxes, func(ctx context.Context, s instance.Sandbox) error {
		checked, err := client.Check(ctx, s.Seat, control.CheckRequest{NoRuns: true})
		if err != nil {
			return err
		}
		activity, err := client.Activity(ctx, s.Seat)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		for n, act := range activity {
			rows = append(rows, boardRowOf(s.Seat, act, checked[n].Results))
		}
		return nil
	})
	for _, s := range i.Sandboxes {
		if err := failed[s.Seat]; err != nil {
			fmt.Fprintf(a.Err, "maillab: %s: %v\n", s.Name(), err)
		}
	}
	if len(rows) == 0 && len(failed) > 0 {
		return nil, silent(exitFailed)
	}
	slices.SortStableFunc(rows, stuckFirst)
	return rows, nil
}

func boardRowOf(seat int, act control.Activity, results []check.Result) boardRow {
	row := boardRow{Seat: seat, Student: act.Student, Total: len(results), At: act.At, Service: act.Service, Command: act.Command, Error: act.Error, Progress: act.Passed}
	if row.Progress.IsZero() {
		row.Progress = act.Started
	}
	row.Passed, _ = check.Progress(results)
	for _, r := range results {
		if r.State == check.Failed && row.Next == "" {
			row.Next = r.ID
		}
	}
	return row
}

// stuckFirst puts who has got on least lately first, and who is through last.
func stuckFirst(x, y boardRow) int {
	through := func(r boardRow) int { return map[bool]int{true: 1}[r.Passed == r.Total] }
	minute := func(t time.Time) time.Time { return t.Truncate(time.Minute) } // as it is shown: who did nothing stays by seat
	return cmp.Or(cmp.Compare(through(x), through(y)), minute(x.Progress).Compare(minute(y.Progress)), cmp.Compare(x.Passed, y.Passed),
		cmp.Compare(x.Seat, y.Seat), strings.Compare(x.Student, y.Student))
}

func boardList(a *app, name string, rows []boardRow) list {
	value := struct {
		Instance string     `json:"instance"`
		Students []boardRow `json:"students"`
	}{name, rows}
	l := list{value: value, header: []string{"student", "passed", "next", "since", "last command", "ago", "last refusal"}}
	now := a.Now()
	for _, r := range rows {
		ago := ""
		if !r.At.IsZero() {
			ago = minutes(now.Sub(r.At))
		}
		l.rows = append(l.rows, []string{r.Student, fmt.Sprintf("%d/%d", r.Passed, r.Total), dash(r.Next), minutes(now.Sub(r.Progress)),
			dash(shortened(strings.TrimSpace(r.Service+" "+r.Command), 32)), dash(ago), dash(shortened(r.Error, 48))})
	}
	return l
}

// minutes is how long ago something was.
func minutes(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%d s", int(max(0, d).Seconds()))
	}
	return fmt.Sprintf("%d min", int(d.Minutes()))
}
