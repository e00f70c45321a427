// Package shelf is the verbs of labs: those on board are listed, shown and copied, and any of them is checked.
package shelf

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"maillab/internal/classroom"
	"maillab/internal/commandline"
	"maillab/internal/lab"
	"maillab/internal/lab/source"
	"maillab/internal/listing"
	"maillab/internal/request"
	"maillab/internal/roster"
	"maillab/internal/say"
	"maillab/labs"
)

// Desk is the command line that the verbs are part of.
type Desk interface {
	// Data is where data goes, Print puts a list there.
	Data() io.Writer
	Print(l listing.List) error
	// Told is where is told what happens, and in which language.
	Told() (io.Writer, say.Tongue)
}

// Labs is the verb that lists, shows and copies the labs on board.
func Labs(d Desk) *cobra.Command {
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
			l := listing.List{Value: map[string]any{"labs": all}, Header: []string{"name", "topology", "tasks", "title"}}
			_, t := d.Told()
			for _, one := range all {
				l.Rows = append(l.Rows, []string{one.Name, one.Topology, fmt.Sprint(one.Tasks), one.Title[t.Language]})
			}
			return d.Print(l)
		},
	}
	cmd.AddCommand(verbsOfLabs(d, cmd)...)
	return cmd
}

// Validate is the verb that checks a lab.
func Validate(d Desk) *cobra.Command {
	var f request.List
	cmd := &cobra.Command{
		Use:   "validate LAB",
		Short: "Check a lab file",
		Long: `Check a lab file and all that it names, and tell everything that is wrong with file, line and a mend. With --class,
check too that the class fits the lab.`,
		Args: commandline.Takes(1, 1),
		RunE: func(_ *cobra.Command, args []string) error { return validate(d, args[0], f) },
	}
	f.Add(cmd, "a class list that the lab is to be used with")
	return cmd
}

// Schema is the verb that prints the schema of lab files.
func Schema(d Desk) *cobra.Command {
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
			_, err = d.Data().Write(text)
			return err
		},
	}
}

// validate checks a lab for the class that was named, else the one beside the lab, else one student.
func validate(d Desk, ref string, f request.List) error {
	s, l, err := request.Lab(ref)
	if err != nil {
		return err
	}
	tell, t := d.Told()
	class, listed, err := f.Or(s, tell, t)
	if err != nil {
		return err
	}
	guess := func(string) string { return "generated" }
	if _, err := lab.Compile(l, class, roster.Seat(nil, class).Given.Seats(), l.Name, guess); err != nil && (listed || l.Topology == lab.Isolated) {
		return commandline.Usage(request.Placed(s, err))
	}
	t.Fprintf(tell, "%s is sound: %s, %s, checked for %s\n", ref, classroom.Count(len(l.Tasks), "task"), l.Topology, classroom.Students(len(class.Students)))
	return nil
}
