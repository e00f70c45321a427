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

	"maillab/internal/commandline"
	"maillab/internal/control"
	"maillab/internal/instance"
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
	if account, err = accountOf(ctx, client, s, student, account); err != nil {
		return err
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
	if err := client.SetPassword(ctx, s.Seat, control.Password{Account: account, Hash: hash}); err != nil {
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

// accountOf finds a student's account: the first that is the student's, or the one that was named.
func accountOf(ctx context.Context, client *control.Client, s instance.Sandbox, student, named string) (string, error) {
	status, err := client.Status(ctx, s.Seat)
	if err != nil {
		return "", err
	}
	var theirs []string
	for _, account := range status.Accounts {
		if account.Student == student || s.Seat != 0 {
			if named == "" || account.Name == named {
				return account.Name, nil
			}
			theirs = append(theirs, account.Name)
		}
	}
	if s.Seat != 0 {
		student = s.Name() // a seat's number may have been given
	}
	return "", usagef("%s has no account %q: %s", student, named, strings.Join(theirs, ", "))
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
		return goodPassword(strings.TrimRight(line, "\r\n"))
	}
	words, err := a.person().Hidden(ctx, f, a.Text("New password for "+account+": "), a.Text("Again: "))
	if err != nil {
		return "", leftOpen(err)
	}
	if words[0] != words[1] {
		return "", &failure{err: errors.New("the two are not the same"), code: exitUsage}
	}
	return goodPassword(words[0])
}

// goodPassword refuses what nobody can type at a prompt.
func goodPassword(word string) (string, error) {
	if word == "" || len(word) > 200 || strings.ContainsFunc(word, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", usagef("a password has 1 to 200 characters, none of them a control character")
	}
	return word, nil
}
