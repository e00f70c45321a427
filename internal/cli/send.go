package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/mail"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"maillab/internal/classroom"
	"maillab/internal/instance"
	"maillab/internal/roster"
)

func sendVerb(a *app) *cobra.Command {
	var from, subject string
	cmd := &cobra.Command{
		Use:   "send FILE [STUDENT…]",
		Short: "A message into everybody's mailbox",
		Long: `Deliver a message to each student's login account: a file with a header and a body, or just a text; - is standard
input. {student}, {account}, {seat} and every column of the class list by its name are filled in, {{ is a brace; any other
word in braces is refused. A text without a header needs a --subject.`,
		Example: `  maillab send exam.eml
  echo 'Bonjour {student}, ...' | maillab send - --subject "TP 2" alice bruno`,
		Args: cobra.MinimumNArgs(1),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 0 {
				return nil, cobra.ShellCompDirectiveDefault // a file
			}
			return a.completeStudents(cmd, args, start)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := readMessage(a, args[0], from, subject, cmd.Flags().Changed("subject"))
			if err != nil {
				return err
			}
			return runSend(cmd.Context(), a, args[0], text, args[1:])
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "the sender, where the file has no From")
	cmd.Flags().StringVar(&subject, "subject", "", "the subject, where the file has none")
	return cmd
}

// sendMost bounds a message, as SMTP does.
const sendMost = 10_240_000

func runSend(ctx context.Context, a *app, file, text string, names []string) error {
	i, chosen, err := a.those(ctx, names)
	if err != nil {
		return err
	}
	class, err := knownClass(a.folder(i.Name))
	if err != nil {
		return err
	}
	if err := classroom.Fillable(file, text, class); err != nil {
		return usage(err)
	}
	client := i.Client()
	defer client.Close()
	failed := instance.Each(ctx, chosen.Sandboxes, classroom.Awake(func(ctx context.Context, s instance.Sandbox) error {
		return classroom.Send(ctx, client, s, text, class, chosen.Students(s))
	}))
	if sent := len(chosen.Sandboxes) - len(failed); sent > 0 {
		fmt.Fprintf(a.Err, "sent to %s\n", students(classroom.SentTo(chosen, failed)))
	}
	return a.failures(chosen.Sandboxes, failed)
}

// readMessage reads the file and gives it the header fields that it lacks.
func readMessage(a *app, file, from, subject string, titled bool) (string, error) {
	var text []byte
	var err error
	if file == "-" {
		text, err = io.ReadAll(io.LimitReader(a.In, sendMost+1))
	} else {
		text, err = os.ReadFile(file)
	}
	if err != nil {
		return "", usage(err)
	}
	if len(text) > sendMost {
		return "", usagef("%s: more than %d bytes", file, sendMost)
	}
	body := strings.ReplaceAll(string(text), "\r\n", "\n")
	has := mail.Header{}
	if m, err := mail.ReadMessage(strings.NewReader(body)); err == nil && len(m.Header) > 0 {
		has = m.Header
	} else if !titled {
		return "", usagef("%s: a text without a header: say its --subject", file)
	} else {
		body = "MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n\n" + body
	}
	for _, field := range [][2]string{{"Subject", subject}, {"From", from}} {
		if field[1] != "" && has.Get(field[0]) == "" {
			body = field[0] + ": " + field[1] + "\n" + body
		}
	}
	return body, nil
}

// knownClass is the class of the last up, by the keys that its students have; empty when there was no list.
func knownClass(folder instance.Folder) (roster.Class, error) {
	text, err := folder.Roster()
	if err != nil || text == nil {
		return roster.Class{}, err
	}
	known, err := folder.Seats()
	if err != nil {
		return roster.Class{}, err
	}
	class, _, err := roster.Read("the class list of the last up", bytes.NewReader(text), roster.Options{})
	return roster.Seat(known, class).Class, err
}
