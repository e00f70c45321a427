package cli

import (
	"bytes"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"maillab/internal/commandline"
	"maillab/internal/lab"
	"maillab/internal/lab/source"
	"maillab/internal/roster"
	"maillab/labs"
)

// find finds a lab: a folder, a file, or the name of one on board.
func find(ref string) (source.Lab, error) {
	s, err := source.Find(ref)
	return s, usageIf(err)
}

// parse reads a lab.
func parse(s source.Lab) (*lab.Lab, error) {
	l, err := s.Parse()
	return l, usageIf(err)
}

// placed tells problems of a lab as ones of usage, where they are in the user's files.
func placed(s source.Lab, err error) error {
	if problems, are := s.Placed(err); are {
		return usage(problems)
	}
	return err
}

// usageIf makes an error one of usage, nil staying nil.
func usageIf(err error) error {
	if err == nil {
		return nil
	}
	return usage(err)
}

func labsVerb(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "labs",
		Short: "The labs that this program carries",
		Long: `The labs that this program carries. Any of them can be given to -f by its name.

-o json prints {"labs":[{"name","title":{"fr","en"},"topology","tasks"}]}.`,
		Args: commandline.Takes(0, 0),
		RunE: func(*cobra.Command, []string) error {
			all, err := source.OnBoard()
			if err != nil {
				return err
			}
			l := list{value: map[string]any{"labs": all}, header: []string{"name", "topology", "tasks", "title"}}
			for _, one := range all {
				l.rows = append(l.rows, []string{one.Name, one.Topology, fmt.Sprint(one.Tasks), one.Title[a.Language]})
			}
			return a.print(l)
		},
	}
	cmd.AddCommand(verbsOfLabs(a, cmd)...)
	return cmd
}

func validateVerb(a *app) *cobra.Command {
	var f listFlags
	cmd := &cobra.Command{
		Use:   "validate LAB",
		Short: "Check a lab file",
		Long: `Check a lab file and all that it names, and tell everything that is wrong with file, line and a mend. With --class,
check too that the class fits the lab.`,
		Args: commandline.Takes(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			s, err := find(args[0])
			if err != nil {
				return err
			}
			l, err := parse(s)
			if err != nil {
				return err
			}
			class, listed, err := exampleOr(a, s, f)
			if err != nil {
				return err
			}
			guess := func(string) string { return "generated" }
			if _, err := lab.Compile(l, class, roster.Seat(nil, class).Given.Seats(), l.Name, guess); err != nil && (listed || l.Topology == lab.Isolated) {
				return usage(placed(s, err))
			}
			a.Fprintf(a.Err, "%s is sound: %s, %s, checked for %s\n", args[0], count(len(l.Tasks), "task"), l.Topology, students(len(class.Students)))
			return nil
		},
	}
	f.add(cmd, "a class list that the lab is to be used with")
	return cmd
}

// exampleOr is the class that a lab is judged for: the list that was named, else the one beside the lab, else one student.
func exampleOr(a *app, s source.Lab, f listFlags) (class roster.Class, listed bool, err error) {
	if f.class != "" {
		class, err = f.read(a)
		return class, true, err
	}
	if _, err := f.options(); err != nil {
		return class, false, err
	}
	text, err := s.Roster()
	if err != nil || text == nil {
		return roster.Count(1), false, err
	}
	class, _, err = roster.Read(filepath.Join(s.Name, labs.Roster), bytes.NewReader(text), roster.Options{})
	return class, true, usageIf(err)
}

func schemaVerb(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "The JSON Schema of lab files",
		Long: `Print the JSON Schema of lab files. An editor that knows YAML schemas uses it when a lab begins with
  # yaml-language-server: $schema=PATH`,
		Args: commandline.Takes(0, 0),
		RunE: func(*cobra.Command, []string) error {
			text, err := labs.Schema()
			if err != nil {
				return err
			}
			_, err = a.Out.Write(text)
			return err
		},
	}
}
