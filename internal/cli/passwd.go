package cli

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"maillab/internal/classroom"
	"maillab/internal/commandline"
	"maillab/internal/control"
	"maillab/internal/lab"
	"maillab/internal/mail/auth"
	"maillab/internal/screen"
)

func passwdVerb(a *app) *cobra.Command {
	var account string
	var generate bool
	cmd := &cobra.Command{
		Use:   "passwd STUDENT",
		Short: "A new password for a student's account",
		Long: `Give a student's account (the login, or --account) a new password. It counts at once in SSH, POP3, IMAP and SMTP
AUTH, survives another up, and is on the next handout. It is asked for on a terminal, read from standard input elsewhere;
--generate makes one and prints it.`,
		Args:              commandline.Takes(1, 1),
		ValidArgsFunction: completion{a}.students,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runPasswd(cmd.Context(), a, args[0], account, generate)
		},
	}
	cmd.Flags().StringVar(&account, "account", "", "another of the student's accounts")
	cmd.Flags().BoolVar(&generate, "generate", false, "make a password and print it")
	return cmd
}

func runPasswd(ctx context.Context, a *app, student, account string, generate bool) error {
	i, s, student, err := a.theOne(ctx, student)
	if err != nil {
		return err
	}
	client := i.Client()
	defer client.Close()
	named := account
	account, theirs, err := classroom.AccountOf(ctx, client, s, student, named)
	switch {
	case err != nil:
		return err
	case account == "":
		return usagef("%s has no account %q: %s", s.Name(), named, strings.Join(theirs, ", "))
	}
	word, err := newPassword(ctx, a, account, generate)
	if err != nil {
		return err
	}
	i, h, err := a.hold(ctx, i) // while the password was typed the student may have gone
	if err != nil {
		return err
	}
	defer h.Release()
	if s, _, err = a.theStudent(i, student); err != nil {
		return err
	}
	hasher, err := h.Hasher(auth.Hash)
	if err != nil {
		return err
	}
	hash, err := hasher(word)
	if err != nil {
		return err
	}
	if err := client.Seat(s.Seat).SetPassword(ctx, control.Password{Account: account, Hash: hash}); err != nil {
		return err
	}
	if err := h.KeepPassword(s.Seat, account, word); err != nil {
		return fmt.Errorf("the password is in force, but the next up will not know it: %w", err)
	}
	if generate {
		fmt.Fprintln(a.Out, word)
	}
	a.Fprintf(a.Err, "%s of %s has a new password\n", account, s.Name())
	return nil
}

// newPassword asks twice on a terminal, and reads a line elsewhere.
func newPassword(ctx context.Context, a *app, account string, generate bool) (string, error) {
	if generate {
		word := strings.ToLower(rand.Text())
		return word[:5] + "-" + word[5:10], nil
	}
	f, ok := a.In.(*os.File)
	if !ok || !screen.IsTerminal(a.In) {
		line, err := bufio.NewReader(a.In).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		word := strings.TrimRight(line, "\r\n")
		return word, usage(lab.CheckPassword(word))
	}
	words, err := a.person().Hidden(ctx, f, a.Text("New password for "+account+": "), a.Text("Again: "))
	if err != nil {
		return "", leftOpen(err)
	}
	if words[0] != words[1] {
		return "", &commandline.Error{Err: errors.New("the two are not the same"), Code: exitUsage}
	}
	return words[0], usage(lab.CheckPassword(words[0]))
}
