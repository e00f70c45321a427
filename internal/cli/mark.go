package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"maillab/internal/commandline"
	"maillab/internal/control"
)

// mark is the teacher's word.
func markVerb(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "mark STUDENT TASK passed|failed|auto",
		Short: "Your own word on a student's task",
		Long: `Say that a student's task has passed or failed, whatever the check finds; auto leaves it to the check again. Marks
are kept in the instance's folder; they outlive a reset, and, with down --keep-results, the instance.`,
		Args: commandline.Takes(3, 3),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
			return completeMark(a, cmd, args, start)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			passed, err := word(args[2])
			if err != nil {
				return err
			}
			return runMark(cmd.Context(), a, args[0], args[1], args[2], passed)
		},
	}
}

// runMark keeps the word first, and takes it back where the sandbox does not take it: it is in both or in none.
func runMark(ctx context.Context, a *app, typed, task, word string, passed *bool) error {
	i, h, err := a.held(ctx)
	if err != nil {
		return err
	}
	defer h.Release()
	s, student, err := a.theStudent(i, typed)
	if err != nil {
		return err
	}
	if err := a.hasTasks(i.Name, []string{task}); err != nil {
		return err
	}
	marks, err := h.Marks()
	if err != nil {
		return err
	}
	var before *bool
	if had, ok := marks[student][task]; ok {
		before = &had
	}
	if err := h.KeepMark(student, task, passed); err != nil {
		return fmt.Errorf("%s of %s is as it was: %w", task, student, err)
	}
	client := i.Client()
	defer client.Close()
	if err := client.Mark(ctx, s.Seat, control.Mark{Student: student, Task: task, Passed: passed}); err != nil {
		return errors.Join(err, h.KeepMark(student, task, before))
	}
	fmt.Fprintf(a.Err, "%s of %s: %s\n", task, student, word)
	return nil
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

// completeMark completes a student, then a task, then a word.
func completeMark(a *app, cmd *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
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
