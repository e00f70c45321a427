package cli

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"maillab/internal/control"
	"maillab/internal/instance"
)

// mark is the teacher's word.
func (a *app) mark() *cobra.Command {
	return &cobra.Command{
		Use:   "mark STUDENT TASK passed|failed|auto",
		Short: "Your own word on a student's task",
		Long: `Say that a student's task has passed or failed, whatever the check finds; auto leaves it to the check again. Marks
are kept in the instance's folder; they outlive a reset, and, with down --keep-results, the instance.`,
		Args:              cobra.ExactArgs(3),
		ValidArgsFunction: a.completeMark,
		RunE: func(cmd *cobra.Command, args []string) error {
			passed, err := word(args[2])
			if err != nil {
				return err
			}
			i, err := a.the(cmd.Context())
			if err != nil {
				return err
			}
			s, student, err := theStudent(i, args[0])
			if err != nil {
				return err
			}
			if err := a.hasTasks(i.Name, args[1:2]); err != nil {
				return err
			}
			client := i.client()
			defer client.Close()
			if err := client.Mark(cmd.Context(), s.Seat, control.Mark{Student: student, Task: args[1], Passed: passed}); err != nil {
				return err
			}
			if err := instance.OpenFolder(a.DataDir, i.Name).KeepMark(student, args[1], passed); err != nil {
				return err
			}
			fmt.Fprintf(a.Err, "%s of %s: %s\n", args[1], student, args[2])
			return nil
		},
	}
}

func word(text string) (*bool, error) {
	switch text {
	case "passed", "failed":
		passed := text == "passed"
		return &passed, nil
	case "auto":
		return nil, nil
	}
	return nil, usagef("%q is no mark: passed, failed or auto", text)
}

// theStudent finds one student's sandbox, which runs, and the student's key where a seat was given.
func theStudent(i running, name string) (instance.Sandbox, string, error) {
	s, err := i.Find(name)
	if err != nil {
		return s, "", usage(err)
	}
	if err := notRunning(s); err != nil {
		return s, "", fmt.Errorf("%s: %w", s.Name(), err)
	}
	if slices.Contains(s.Students, name) {
		return s, name, nil
	}
	if len(s.Students) != 1 {
		return s, "", usage(errors.New("name a student"))
	}
	return s, s.Students[0], nil
}

// completeMark completes a student, then a task, then a word.
func (a *app) completeMark(cmd *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
	switch len(args) {
	case 0:
		return a.completeStudents(cmd, args, start)
	case 1:
		return a.completeTasks(cmd, args, start)
	case 2:
		return []string{"passed", "failed", "auto"}, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}
