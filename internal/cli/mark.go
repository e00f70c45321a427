package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"maillab/internal/classroom"
	"maillab/internal/commandline"
	"maillab/internal/control"
	"maillab/internal/progress"
)

// mark is the teacher's word.
func markVerb(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "mark STUDENT TASK passed|failed|auto",
		Short: "Your own word on a student's task",
		Long: `Say that a student's task has passed or failed, whatever the check finds; auto leaves it to the check again. A mark
belongs to the epoch: a reset begins anew. The sandbox has it, and the instance's folder a copy.`,
		Args: commandline.Takes(3, 3),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
			return completeMark(a, cmd, args, start)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := word(args[2])
			if err != nil {
				return err
			}
			return runMark(cmd.Context(), a, args[0], args[1], args[2], m)
		},
	}
}

func runMark(ctx context.Context, a *app, typed, task, word string, m *progress.Mark) error {
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
	if _, err := classroom.Mark(ctx, i, h, s, control.Mark{Student: student, Task: task, Mark: m}); err != nil {
		return err
	}
	fmt.Fprintf(a.Err, "%s of %s: %s\n", task, student, word)
	return nil
}

func word(text string) (*progress.Mark, error) {
	switch text {
	case "passed":
		return &progress.Mark{Share: 1}, nil
	case "failed":
		return &progress.Mark{}, nil
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
