package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"maillab/internal/classroom"
	"maillab/internal/commandline"
	"maillab/internal/period"
	"maillab/internal/screen"
)

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
		Args: commandline.Takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if every == 0 {
				return usagef("--every 0: how often it looks, such as 5s")
			}
			ctx := cmd.Context()
			i, err := a.the(ctx)
			if err != nil {
				return err
			}
			people, err := a.people(i)
			if err != nil {
				return err
			}
			client := i.Client()
			defer client.Close()
			for {
				rows, failed := classroom.Board(ctx, i, client, people)
				if ctx.Err() != nil {
					return nil // Ctrl-C is how one ends it
				}
				if err := a.failures(i.Sandboxes, failed); err != nil && len(rows) == 0 { // who does not answer is left out, and told
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
	period.Var(cmd.Flags(), &every, "every", 5*time.Second, "how often it looks again")
	return cmd
}

func boardList(a *app, name string, rows []classroom.BoardRow) list {
	value := struct {
		Instance string               `json:"instance"`
		Students []classroom.BoardRow `json:"students"`
	}{name, rows}
	l := list{value: value, header: []string{"student", "passed", "next", "since", "last command", "ago", "last refusal"}}
	now := a.Now()
	for _, r := range rows {
		ago := ""
		if !r.At.IsZero() {
			ago = minutes(now.Sub(r.At))
		}
		l.rows = append(l.rows, []string{r.Student, fmt.Sprintf("%d/%d", r.Passed, r.Total), dash(r.Next), minutes(now.Sub(r.Progress)),
			dash(screen.Shortened(strings.TrimSpace(r.Service+" "+r.Command), 32)), dash(ago), dash(screen.Shortened(r.Error, 48))})
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
