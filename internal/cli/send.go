package cli

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"maillab/internal/classroom"
	"maillab/internal/commandline"
	"maillab/internal/instance"
)

func sendVerb(a *app) *cobra.Command {
	var from, subject string
	cmd := &cobra.Command{
		Use:   "send FILE [STUDENT…]",
		Short: "A message into everybody's mailbox",
		Long: `Deliver a message to each student's login account: a file with a header and a body, or just a text; - is standard
input. {student}, {account}, {seat} and every column of the class list by its name are filled in, {{ is a brace; any other
word in braces is refused. A text without a header needs a --subject.

A header stays as it is, but for letters that are not ASCII, which are encoded as mail has them (RFC 2047); what is missing
is added: From, To, Date, Message-Id, and the charset of the body, which is UTF-8 where the header does not say otherwise.`,
		Example: `  maillab send exam.eml
  echo 'Bonjour {student}, ...' | maillab send - --subject "TP 2" alice bruno`,
		Args: commandline.Takes(1, -1),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 0 {
				return nil, cobra.ShellCompDirectiveDefault // a file
			}
			return completion{a}.students(cmd, args, start)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			letter, err := readLetter(a, args[0], from, subject)
			if err != nil {
				return err
			}
			return runSend(cmd.Context(), a, args[0], letter, args[1:])
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "the sender, where the file has no From")
	cmd.Flags().StringVar(&subject, "subject", "", "the subject, where the file has none")
	return cmd
}

// sendMost bounds a message, as SMTP does.
const sendMost = 10_240_000

func runSend(ctx context.Context, a *app, file string, letter classroom.Letter, names []string) error {
	i, chosen, err := a.those(ctx, names)
	if err != nil {
		return err
	}
	class, err := a.folder(i.Name).Class()
	if err != nil {
		return err
	}
	if err := classroom.Fillable(file, letter, class); err != nil {
		return usage(err)
	}
	client := i.Client()
	defer client.Close()
	failed := instance.Each(ctx, chosen.Sandboxes, classroom.Awake(func(ctx context.Context, s instance.Sandbox) error {
		return classroom.Send(ctx, client, s, letter, class, chosen.In(s))
	}))
	if sent := len(chosen.Sandboxes) - len(failed); sent > 0 {
		a.Fprintf(a.Err, "sent to %s\n", classroom.Students(classroom.Reached(chosen, failed)))
	}
	return a.failures(chosen.Sandboxes, failed)
}

// readLetter reads the file, - is standard input.
func readLetter(a *app, file, from, subject string) (letter classroom.Letter, err error) {
	in := a.In
	if file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return letter, usage(err)
		}
		defer opened.Close()
		in = opened
	}
	text, err := io.ReadAll(io.LimitReader(in, sendMost+1))
	if err == nil && len(text) > sendMost {
		err = fmt.Errorf("more than %d bytes", sendMost)
	}
	if err == nil {
		letter, err = classroom.ReadLetter(text, from, subject)
	}
	if err != nil {
		return letter, usagef("%s: %w", file, err)
	}
	return letter, nil
}
