package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"maillab/internal/commandline"
	"maillab/internal/lab"
	"maillab/internal/roster"
	"maillab/labs"
)

// source is a lab where it was found.
type source struct {
	fsys fs.FS
	file string // of the lab file in fsys
	name string // as it was given
}

// find finds a lab: a folder, a file, or the name of one on board.
func find(ref string) (source, error) {
	if info, err := os.Stat(ref); err == nil {
		dir, file := ref, labs.File
		if !info.IsDir() {
			dir, file = filepath.Split(filepath.Clean(ref))
		}
		folder, err := lab.Folder(filepath.Clean(dir))
		return source{folder, file, ref}, usageIf(err)
	}
	onBoard, err := labs.Open(ref)
	if err != nil {
		return source{}, usage(fmt.Errorf("%w; nor is there such a file or folder", err))
	}
	return source{onBoard, labs.File, ref}, nil
}

// lasting is a name under which the lab is found again from any folder.
func (s source) lasting() string {
	if _, err := os.Stat(s.name); err != nil {
		return s.name // on board
	}
	if path, err := filepath.Abs(s.name); err == nil {
		return path
	}
	return s.name
}

// parse reads the lab; what is wrong in it is told with the path that was given.
func (s source) parse() (*lab.Lab, error) {
	l, err := lab.Parse(s.fsys, s.file)
	return l, usageIf(s.placed(err))
}

// placed puts the folder as it was given in front of the names in problems, which are the user's.
func (s source) placed(err error) error {
	var problems lab.Problems
	if !errors.As(err, &problems) {
		return err
	}
	folder := s.name
	if info, err := os.Stat(s.name); err == nil && !info.IsDir() {
		folder = filepath.Dir(s.name)
	}
	for i := range problems {
		if problems[i].File == s.file { // a roster's name is as it was given
			problems[i].File = filepath.Join(folder, problems[i].File)
		}
	}
	return usage(problems)
}

// roster is the example class list that lies beside the lab; nil when there is none.
func (s source) roster() ([]byte, error) {
	text, err := lab.ReadFile(s.fsys, labs.Roster, maxRoster)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return text, err
}

// maxRoster is far more than any class list has, in octets.
const maxRoster = 16 << 20

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
			names, err := labs.List()
			if err != nil {
				return err
			}
			type row struct {
				Name     string            `json:"name"`
				Title    map[string]string `json:"title"`
				Topology string            `json:"topology"`
				Tasks    int               `json:"tasks"`
			}
			rows := []row{}
			l := list{header: []string{"name", "topology", "tasks", "title"}}
			for _, name := range names {
				s, err := find(name)
				if err != nil {
					return err
				}
				parsed, err := s.parse()
				if err != nil {
					return err
				}
				title := map[string]string{"fr": parsed.Title.In("fr"), "en": parsed.Title.In("en")}
				rows = append(rows, row{name, title, parsed.Topology, len(parsed.Tasks)})
				l.rows = append(l.rows, []string{name, parsed.Topology, fmt.Sprint(len(parsed.Tasks)), parsed.Title.In(a.Language)})
			}
			l.value = map[string]any{"labs": rows}
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
			l, err := s.parse()
			if err != nil {
				return err
			}
			class, listed, err := exampleOr(a, s, f)
			if err != nil {
				return err
			}
			guess := func(string) string { return "generated" }
			if _, err := lab.Compile(l, class, roster.Seat(nil, class).Given.Seats(), l.Name, guess); err != nil && (listed || l.Topology == lab.Isolated) {
				return usage(s.placed(err))
			}
			a.Fprintf(a.Err, "%s is sound: %s, %s, checked for %s\n", args[0], count(len(l.Tasks), "task"), l.Topology, students(len(class.Students)))
			return nil
		},
	}
	f.add(cmd, "a class list that the lab is to be used with")
	return cmd
}

// exampleOr is the class that a lab is judged for: the list that was named, else the one beside the lab, else one student.
func exampleOr(a *app, s source, f listFlags) (class roster.Class, listed bool, err error) {
	if f.class != "" {
		class, err = f.read(a)
		return class, true, err
	}
	if _, err := f.options(); err != nil {
		return class, false, err
	}
	text, err := s.roster()
	if err != nil || text == nil {
		return roster.Count(1), false, err
	}
	class, _, err = roster.Read(filepath.Join(s.name, labs.Roster), bytes.NewReader(text), roster.Options{})
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
