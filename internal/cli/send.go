package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/mail"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"maillab/internal/control"
	"maillab/internal/instance"
	"maillab/internal/lab/placeholder"
	"maillab/internal/roster"
)

func (a *app) send() *cobra.Command {
	var from, subject string
	cmd := &cobra.Command{
		Use:   "send FILE [STUDENT…]",
		Short: "A message into everybody's mailbox",
		Long: `Deliver a message to each student's login account: a file with a header and a body, or just a text; - is standard
input. {student}, {account}, {seat} and every column of the class list by its name are filled in, {{ is a brace.`,
		Example: `  maillab send exam.eml
  echo 'Bonjour {student}, ...' | maillab send - --subject "TP 2" alice bruno`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runSend(cmd.Context(), args[0], args[1:], from, subject)
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "the sender, where the file has no From")
	cmd.Flags().StringVar(&subject, "subject", "", "the subject, where the file has none")
	return cmd
}

// sendMost bounds a message, as SMTP does.
const sendMost = 10_240_000

func (a *app) runSend(ctx context.Context, file string, names []string, from, subject string) error {
	text, err := a.readMessage(file, from, subject)
	if err != nil {
		return err
	}
	i, err := a.the(ctx)
	if err != nil {
		return err
	}
	chosen, err := some(i.Instance, names)
	if err != nil {
		return err
	}
	class, err := a.knownClass(i.Name)
	if err != nil {
		return err
	}
	client := i.client()
	defer client.Close()
	failed := instance.Each(ctx, chosen, func(ctx context.Context, s instance.Sandbox) error {
		return sendIn(ctx, client, s, text, class, namedIn(s, names))
	})
	return a.failures(chosen, failed)
}

// readMessage reads the file and gives it the header fields that it lacks.
func (a *app) readMessage(file, from, subject string) (string, error) {
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
	} else {
		body = "MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n\n" + body
	}
	if subject == "" && file != "-" {
		subject = strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	}
	for _, field := range [][2]string{{"Subject", subject}, {"From", from}} {
		if field[1] != "" && has.Get(field[0]) == "" {
			body = field[0] + ": " + field[1] + "\n" + body
		}
	}
	return body, nil
}

// knownClass is the class of the last up, empty when there was no list.
func (a *app) knownClass(name string) (roster.Class, error) {
	text, err := instance.OpenFolder(a.DataDir, name).Roster()
	if err != nil || text == nil {
		return roster.Class{}, err
	}
	return roster.Read("the class list of the last up", text)
}

// sendIn sends to each student of a sandbox, or to those that were named.
func sendIn(ctx context.Context, client *control.Client, s instance.Sandbox, text string, class roster.Class, named []string) error {
	status, err := client.Status(ctx, s.Seat)
	if err != nil {
		return err
	}
	wanted := map[string]bool{}
	for _, student := range s.Students {
		wanted[student] = len(named) == 0
	}
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
		return value, ok
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
