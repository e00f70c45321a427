package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"maillab/internal/classroom"
	"maillab/internal/commandline"
	"maillab/internal/control"
	"maillab/internal/marking"
	"maillab/internal/progress"
)

// mark is the teacher's word.
func markVerb(a *app) *cobra.Command {
	var next bool
	var comment string
	var tasks []string
	cmd := &cobra.Command{
		Use:   "mark STUDENT TASK passed|failed|SHARE|auto",
		Short: "Your own word on a student's task",
		Long: `Say that a student's task has passed or failed, or which share of the points it gets (0.5, 3/5), whatever the check finds; auto
leaves it to the check again. With --comment the student reads why, in lab show and lab check; it is in gradebooks, too. Half of the points and
more is a pass for the tasks that wait for this one. A mark belongs to the epoch: a reset begins anew. The sandbox has
it, and the instance's folder a copy.

--next goes through the answers that wait for your word, of all students or of those named, one task after the other: it shows the answer
and what to look for, and takes a line: a word and, behind it, a comment. What you said is kept at once.`,
		Example: `  maillab mark alice journal passed
  maillab mark alice q3-webmail 3/5 --comment "Right, but why?"
  maillab mark --next
  maillab mark --next --task q3-webmail 2-9`,
		Args: func(cmd *cobra.Command, args []string) error {
			if next {
				return nil
			}
			return commandline.Takes(3, 3)(cmd, args)
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
			return completeMark(a, cmd, args, start, next)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if next {
				return runNext(cmd.Context(), a, args, tasks)
			}
			m, err := progress.Word(args[2])
			switch {
			case err != nil:
				return usage(err)
			case m == nil && comment != "":
				return usagef("auto takes your word back, and a comment goes with a word")
			case m != nil:
				m.Comment = comment
			}
			return runMark(cmd.Context(), a, args[0], args[1], m)
		},
	}
	cmd.Flags().StringVar(&comment, "comment", "", "what the student is to read about it")
	cmd.Flags().BoolVar(&next, "next", false, "go through the answers that wait")
	cmd.Flags().StringSliceVar(&tasks, "task", nil, "with --next: only this task; may be given several times")
	cmd.MarkFlagsMutuallyExclusive("next", "comment")
	_ = cmd.RegisterFlagCompletionFunc("task", completion{a}.tasks)
	return cmd
}

func runMark(ctx context.Context, a *app, typed, task string, m *progress.Mark) error {
	c, err := a.class(ctx)
	if err != nil {
		return err
	}
	if err := a.hasTasks(c.Name, []string{task}); err != nil {
		return err
	}
	student, before, err := c.mark(ctx, typed, control.Mark{Task: task, Mark: m})
	if err != nil {
		return err
	}
	a.Fprintf(a.Err, "%s of %s: %s\n", task, student, marking.Now(a.Tongue, m, before, 0))
	return nil
}

// mark keeps a word where the student's work is, and returns the one that stood before. The class is held for this word only:
// others may work on it meanwhile.
func (c class) mark(ctx context.Context, typed string, m control.Mark) (student string, before *progress.Mark, err error) {
	if m.By = c.Getenv("USER"); m.By == "" {
		m.By = c.Getenv("USERNAME")
	}
	switch {
	case c.away != nil: // its sandboxes would know nothing of it, and their word counts
		return "", nil, c.away
	case !c.up:
		h, err := c.lock(ctx, c.Name)
		if err != nil {
			return "", nil, err
		}
		defer h.Release()
		chosen, err := c.some(c.running, []string{typed})
		if err != nil {
			return "", nil, err
		}
		if m.Student, err = oneOf(chosen, typed); err == nil {
			before, err = classroom.MarkKept(h, m, c.Now())
		}
		return m.Student, before, err
	}
	i, h, err := c.hold(ctx, c.running)
	if err != nil {
		return "", nil, err
	}
	defer h.Release()
	s, student, err := c.theStudent(i, typed)
	if err == nil {
		m.Student = student
		before, err = classroom.Mark(ctx, i, h, s, m, c.Now())
	}
	return student, before, err
}

// runNext goes through what waits.
func runNext(ctx context.Context, a *app, typed, tasks []string) error {
	c, err := a.class(ctx)
	if err != nil {
		return err
	}
	if err := a.hasTasks(c.Name, tasks); err != nil {
		return err
	}
	r, err := c.results(ctx, typed, control.CheckRequest{Tasks: tasks})
	if err != nil {
		return err
	}
	result := classroom.Result(c.Name, r.Entries, a.Language)
	if _, err := classroom.NameCopies(a.folder(c.Name), result, a.Language); err != nil {
		a.mention([]string{err.Error()})
	}
	round := marking.Round{Answers: classroom.Waiting(result, r.Chosen.People), In: a.In, Out: a.Out, Err: a.Err, Say: a.Tongue,
		Keep: func(ctx context.Context, answer marking.Answer, m *progress.Mark) (before *progress.Mark, err error) {
			_, before, err = c.mark(ctx, answer.Student, control.Mark{Task: answer.Task, Mark: m})
			return before, err
		}}
	done, err := round.Run(ctx)
	a.Fprintln(a.Err, done)
	if err != nil {
		return &commandline.Error{Err: errors.New("interrupted: what you said is kept"), Code: exitCode(err)}
	}
	return a.failures(r.Chosen.Sandboxes, r.Failed)
}

// completeMark completes a student, then a task, then a word; with --next students.
func completeMark(a *app, cmd *cobra.Command, args []string, start string, next bool) ([]string, cobra.ShellCompDirective) {
	switch {
	case len(args) == 0 || next:
		return completion{a}.students(cmd, args, start)
	case len(args) == 1:
		return completion{a}.tasks(cmd, args, start)
	case len(args) == 2:
		return []string{"passed", "failed", "auto"}, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}
