package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"maillab/internal/deploy"
	"maillab/internal/screen"
	"maillab/internal/worksheet"
)

// lab is the student's lab command, for who has no shell in the sandbox to call it in.
func labVerb(a *app) *cobra.Command {
	var student string
	cmd := &cobra.Command{
		Use:   "lab [tasks | show TASK | check [TASK…] | hint TASK | answer TASK [TEXT] | mail explain FILE]",
		Short: "What a student sees of the tasks: hints, checks, answers",
		Long: `The lab command that students have in their sandbox, from outside: it is how one works through a lab with maillab sandbox,
where there is no shell to call it in. It speaks the student's language and shows what the student may see. Without a
verb it lists the tasks. The exit code is 4 when a task that was checked has not passed.

In a class it shows what a student sees, and gives answers in the student's name: maillab lab --student alice.`,
		Example: `  maillab lab
  maillab lab check message-simple
  maillab lab hint journal
  maillab lab answer journal 4bXyz12
  maillab lab answer q3-webmail < essay.txt
  maillab lab --student alice check`,
		RunE: func(cmd *cobra.Command, args []string) error {
			i, err := a.the(cmd.Context())
			if err != nil {
				return err
			}
			if student == "" {
				if student, err = onlyStudent(a, i); err != nil {
					return err
				}
			}
			s, name, err := a.theStudent(i, student)
			if err != nil {
				return err
			}
			if !i.Gateway { // lab itself would call it the mail server, which students take it for
				return &deploy.NoGatewayError{Instance: i.Name}
			}
			client := i.Client()
			defer client.Close()
			code, err := worksheet.Run(cmd.Context(), args, worksheet.Env{In: a.In, Asks: screen.IsTerminal(a.In), Out: a.Out, Err: a.Err, Getenv: a.Getenv,
				Addresses: s.Addresses(i.Host), Transport: client.Seat(s.Seat).Worksheet(name)})
			if err != nil {
				return err
			}
			return silent(map[int]int{worksheet.ExitDone: exitDone, worksheet.ExitFailed: exitChecks, worksheet.ExitUsage: exitUsage}[code])
		},
	}
	cmd.Flags().StringVar(&student, "student", "", "whose tasks; may be left out when there is one student only")
	_ = cmd.RegisterFlagCompletionFunc("student", completion{a}.students)
	return cmd
}

// onlyStudent is whose an instance is that has one student.
func onlyStudent(a *app, i running) (string, error) {
	all, err := a.some(i, nil)
	if err != nil {
		return "", err
	}
	if keys := all.Keys(); len(keys) != 1 {
		return "", usagef("whose tasks? say --student, one of %s", screen.Shortened(strings.Join(keys, ", "), 200))
	}
	return all.Keys()[0], nil
}
