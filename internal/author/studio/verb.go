package studio

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"maillab/internal/commandline"
	"maillab/internal/control"
	"maillab/internal/deploy"
	"maillab/internal/say"
)

// House is what the program does for an author.
type House struct {
	say.Tongue
	Err  io.Writer
	Data string // the data folder
	// Running finds an instance that is up.
	Running func(ctx context.Context, name string) (deploy.Running, error)
	// Record opens a sandbox of a lab file's and calls begun when it is up; it returns when that ends.
	Record func(ctx context.Context, file string, base int, begun func(deploy.Outcome) error) error
	// Bring brings labs up on an engine, "" being the one that was asked for.
	Bring func(engine string) Bring
	// Usage makes an error one of what was typed, or of the lab.
	Usage func(error) error
	// Instance is the one that was asked for, "" being the only one.
	Instance string
}

// Verb is maillab author.
func Verb(h func() House, bases commandline.Range) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "author",
		Short: "Write a lab's tasks by doing them",
		Long: `Write a lab's tasks by doing them: record opens a sandbox of the lab, in which you do an exercise by hand; task makes a task
of what you did since, with a solution and ways that must not pass, and writes it into lab.yaml once all of them were played and
came as they should; discard leaves out what was done; try plays them again after you have changed the lab. docs/lab-authors.md goes through a whole lab.`,
		Args: commandline.Takes(0, 0),
	}
	cmd.AddCommand(record(h, bases), makeTask(h), discard(h), tryAgain(h))
	return cmd
}

func record(h func() House, bases commandline.Range) *cobra.Command {
	var lab string
	var base int
	cmd := &cobra.Command{
		Use:   "record -f LAB",
		Short: "Open a sandbox in which an exercise is done by hand",
		Long: `Open a sandbox of a lab in which you do an exercise by hand, until Ctrl-C; in another terminal maillab author task makes a task
of it. A folder that is not there, or whose lab.yaml is empty, gets a small lab to begin with. Without Docker (the embedded engine,
which it takes unless told otherwise) there is telnet; with --engine docker there are SSH, the mail command and files, too.`,
		Example: `  maillab author record -f ./my-lab
  maillab author record -f ./my-lab --engine docker`,
		Args: commandline.Takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error { return h().record(cmd.Context(), lab, base) },
	}
	labFlag(cmd, &lab)
	commandline.Count(cmd.Flags(), &base, "base", 0, bases, "where the ports begin, instead of the lab's")
	return cmd
}

func labFlag(cmd *cobra.Command, lab *string) {
	cmd.Flags().StringVarP(lab, "lab", "f", "", "the lab: a folder or a file")
}

func (h House) record(ctx context.Context, ref string, base int) error {
	file, made, err := Lab(ref)
	if err != nil {
		return h.Usage(err)
	}
	if made {
		h.Fprintf(h.Err, "%s is new: a small lab, to be changed\n", file)
	}
	l, err := Parsed(file)
	if err == nil {
		err = Fit(l)
	}
	if err != nil {
		return h.Usage(err)
	}
	var s Session
	err = h.Record(ctx, file, base, func(o deploy.Outcome) error {
		var err error
		if s, err = h.begin(ctx, begun(o, file)); err != nil {
			return err
		}
		which := ""
		if _, err := Open(h.Data, ""); err != nil { // another is at work, too
			which = "-n " + s.Instance + " "
		}
		h.Fprintf(h.Err, "Do an exercise; then, in another terminal: maillab %sauthor task NAME\n", which)
		return nil
	})
	if s.Instance != "" {
		err = errors.Join(err, s.Forget(h.Data))
	}
	return err
}

// begin keeps a session that begins now.
func (h House) begin(ctx context.Context, s Session) (Session, error) {
	i, err := h.Running(ctx, s.Instance)
	if err != nil {
		return Session{}, err
	}
	client := i.Client()
	defer client.Close()
	if s.Since, err = s.clock(ctx, client, i); err != nil {
		return Session{}, err
	}
	return s, s.Keep(h.Data)
}

func makeTask(h func() House) *cobra.Command {
	var answer string
	var needs []string
	cmd := &cobra.Command{
		Use:   "task NAME",
		Short: "Make a task of what was done since the last one",
		Long: `Make a task of what was done in the sandbox of maillab author record since the last task: a check that sees it, a solution, and
ways that must not pass (nothing, a step left out, another account, pasted by a program). All of them are played in new sandboxes;
only when the solution passes and nothing else does, lab.yaml, solution/solve.sh and solution/wrong.sh are written. In lab.yaml all
that is there stays as it is. Title, question and hint are yours to write, in French and English.

--answer is what a student is to conclude: a value in mail.log or in a reply. Students give theirs with lab answer.

The exit code is 4 when the solution does not pass, or something else does: then nothing was written.`,
		Example: `  maillab author task read-by-pop
  maillab author task queue-id --answer 3F4A1023703 --needs send-by-smtp`,
		Args: commandline.Takes(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return h().task(cmd.Context(), args[0], answer, needs)
		},
	}
	cmd.Flags().StringVar(&answer, "answer", "", "what a student is to answer, as it stands in your log or in a reply")
	cmd.Flags().StringSliceVar(&needs, "needs", nil, "tasks after which it opens")
	return cmd
}

func (h House) task(ctx context.Context, id, answer string, needs []string) error {
	s, client, i, err := h.open(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	r, next, err := s.Gather(ctx, client, i)
	if err != nil {
		return err
	}
	r.Answer = answer
	bring := func(ctx context.Context, file string, ways int, do func(Stage) error) error {
		h.Fprintf(h.Err, "ways to be played side by side, each after the tasks before it: %d; it takes as long as typing them does\n", ways)
		return h.Bring(i.Engine.Capabilities().Name)(ctx, file, ways, do)
	}
	seen, err := s.Write(ctx, id, needs, r, bring)
	h.tell(seen)
	if errors.As(err, new(*NotProvenError)) {
		h.Fprintln(h.Err, "nothing was written; what was done since the last task stays: do more, or maillab author discard")
	}
	if err != nil {
		return err
	}
	h.Fprintf(h.Err, "task %s is in %s: write its title and hint, and the exercise into the statement\n", id, s.Lab)
	return next.Keep(h.Data)
}

func discard(h func() House) *cobra.Command {
	return &cobra.Command{
		Use:   "discard",
		Short: "Leave out what was done since the last task",
		Long:  `Leave out what was done in the sandbox since the last task, of which none is to be made. Mail and files stay there.`,
		Args:  commandline.Takes(0, 0),
		RunE:  func(cmd *cobra.Command, _ []string) error { return h().discard(cmd.Context()) },
	}
}

func (h House) discard(ctx context.Context) error {
	s, client, i, err := h.open(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	r, next, err := s.After(ctx, client, i)
	if err != nil {
		return err
	}
	h.Fprintf(h.Err, "left out: dialogues %d, messages %d, and what files are new\n", len(r.Dialogues), len(r.Messages))
	return next.Keep(h.Data)
}

// open finds the session that is meant, and its sandbox. The caller closes the client.
func (h House) open(ctx context.Context) (s Session, client *control.Client, i deploy.Running, err error) {
	s, err = Open(h.Data, h.Instance)
	switch {
	case errors.Is(err, ErrNone):
		return s, nil, i, &commandline.Error{Err: err, Code: commandline.ExitUsage, Mend: "maillab author record -f LAB opens a sandbox to do it in"}
	case err != nil:
		return s, nil, i, h.Usage(err)
	}
	if i, err = h.Running(ctx, s.Instance); err != nil {
		return s, nil, i, err
	}
	return s, i.Client(), i, nil
}

func tryAgain(h func() House) *cobra.Command {
	var lab string
	cmd := &cobra.Command{
		Use:   "try -f LAB [TASK…]",
		Short: "Play solutions and wrong ways again",
		Long: `Play the solution of tasks that maillab author wrote, and the ways that must not pass, against the lab as it is now: after you have
changed a pattern. Without names all such tasks. The exit code is 4 when one came otherwise than it should.`,
		Example: `  maillab author try -f ./my-lab read-by-pop`,
		RunE:    func(cmd *cobra.Command, args []string) error { return h().try(cmd.Context(), lab, args) },
	}
	labFlag(cmd, &lab)
	return cmd
}

func (h House) try(ctx context.Context, ref string, ids []string) error {
	tasks, s, err := Kept(ref, ids)
	if err != nil {
		return h.Usage(err)
	}
	for _, t := range tasks {
		seen, wrong := s.Try(ctx, t, h.Bring(""))
		h.Fprintln(h.Err, t.ID)
		h.tell(seen)
		err = errors.Join(err, wrong)
	}
	return err
}

// tell tells what came of ways.
func (h House) tell(seen []Seen) {
	for _, s := range seen {
		if s.Right() {
			h.Fprintf(h.Err, "%s: %s, as it should (%s)\n", s.Name, h.Cell(string(s.State)), s.Text.In(h.Language))
		} else {
			h.Fprintf(h.Err, "%s: %s, as it should not (%s)\n", s.Name, h.Cell(string(s.State)), s.Text.In(h.Language))
		}
	}
}
