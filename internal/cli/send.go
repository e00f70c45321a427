package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/mail"
	"os"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"maillab/internal/control"
	"maillab/internal/instance"
	"maillab/internal/lab/placeholder"
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
	if err := fillable(file, text, class); err != nil {
		return err
	}
	client := i.Client()
	defer client.Close()
	failed := instance.Each(ctx, chosen.Sandboxes, awake(func(ctx context.Context, s instance.Sandbox) error {
		return sendIn(ctx, client, s, text, class, chosen.Students(s))
	}))
	if sent := len(chosen.Sandboxes) - len(failed); sent > 0 {
		fmt.Fprintf(a.Err, "sent to %s\n", sentTo(chosen, failed))
	}
	return a.failures(chosen.Sandboxes, failed)
}

// sentTo counts whom the message has reached.
func sentTo(chosen instance.Chosen, failed map[int]error) string {
	n := 0
	for _, s := range chosen.Sandboxes {
		if failed[s.Seat] == nil {
			n += len(chosen.Students(s))
		}
	}
	return students(n)
}

// aWord is what may be meant as a placeholder; other things in braces are the text's own.
var aWord = regexp.MustCompile(`^\pL[\pL\pN_-]*$`)

// fillable refuses a message with words in braces that nothing fills in: they would go out to the class as they are.
func fillable(file, text string, class roster.Class) error {
	var wrong []error
	seen := map[string]bool{"student": true, "account": true, "seat": true}
	for _, name := range placeholder.Names(text) {
		if !seen[name] && aWord.MatchString(name) && !class.HasColumn(name) {
			wrong = append(wrong, fmt.Errorf("%s: nothing fills in {%s}: it is neither student, account or seat nor a column of the class list; {{%[2]s} is the word itself", file, name))
		}
		seen[name] = true
	}
	return usageIf(errors.Join(wrong...))
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
	class, err := roster.Read("the class list of the last up", text)
	return roster.Seat(known, class).Class, err
}

// sendIn sends to these students of a sandbox.
func sendIn(ctx context.Context, client *control.Client, s instance.Sandbox, text string, class roster.Class, named []string) error {
	status, err := client.Status(ctx, s.Seat)
	if err != nil {
		return err
	}
	wanted := map[string]bool{}
	for _, student := range named {
		wanted[student] = true
	}
	for _, account := range status.Accounts {
		if !wanted[account.Student] {
			continue
		}
		wanted[account.Student] = false // the first is the login
		raw := merged(text, class, account, s.Seat)
		if err := client.Send(ctx, s.Seat, control.Send{From: senderOf(raw), To: []string{account.Name}, Raw: []byte(raw)}); err != nil {
			return fmt.Errorf("%s: %w", account.Name, err)
		}
	}
	return nil
}

// merged fills in a student's own words.
func merged(text string, class roster.Class, account control.Account, seat int) string {
	student, _ := class.Find(account.Student)
	return placeholder.Expand(text, func(name string) (string, bool) {
		switch name {
		case "student":
			return account.Student, true
		case "account":
			return account.Name, true
		case "seat":
			return fmt.Sprint(seat), true
		}
		value, ok := student.Fields[name]
		return value, ok || class.HasColumn(name) // a row may be short
	})
}

// senderOf is the address in a message's From, "" when there is none.
func senderOf(raw string) string {
	m, err := mail.ReadMessage(bytes.NewReader([]byte(raw)))
	if err != nil {
		return ""
	}
	from, err := mail.ParseAddress(m.Header.Get("From"))
	if err != nil {
		return ""
	}
	return from.Address
}
