package request

import (
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"maillab/internal/commandline"
	"maillab/internal/lab/source"
	"maillab/internal/roster"
	"maillab/internal/say"
)

// List says which class list it is, and what of it is wanted.
type List struct {
	Class string
	maps  []string
	group string
}

// Add adds the flags of it.
func (l *List) Add(cmd *cobra.Command, usage string) {
	flags := cmd.Flags()
	flags.StringVar(&l.Class, "class", "", usage+": CSV, XLSX or ODS, as registrars and Moodle give it")
	flags.StringArrayVar(&l.maps, "map", nil, `what a column of the class list is called, such as number="N° étudiant"; lang= takes none for it; may be repeated`)
	flags.StringVar(&l.group, "group", "", "take only the students of this group in the class list")
}

// options are what was said of the list.
func (l List) options() (o roster.Options, err error) {
	if (len(l.maps) > 0 || l.group != "") && l.Class == "" {
		return o, commandline.Usagef("--map and --group speak of a class list: say which with --class")
	}
	o = roster.Options{Group: l.group, Map: map[string]string{}}
	for _, m := range l.maps {
		field, column, ok := strings.Cut(m, "=")
		field = strings.ToLower(strings.TrimSpace(field))
		if _, twice := o.Map[field]; !ok || field == "" || twice {
			return o, commandline.Usagef(`--map %s: say each field once, as in number="N° étudiant"`, m)
		}
		o.Map[field] = strings.TrimSpace(column)
	}
	return o, nil
}

// Read reads the class list that was named, and tells what was understood.
func (l List) Read(tell io.Writer, t say.Tongue) (class roster.Class, err error) {
	o, err := l.options()
	if err != nil {
		return class, err
	}
	in, err := os.Open(l.Class)
	if err != nil {
		return class, commandline.Usage(err)
	}
	defer in.Close()
	class, understood, err := roster.Read(l.Class, in, o)
	if err == nil {
		t.Fprintf(tell, "%s: %s\n", l.Class, t.Text(understood.String()))
	}
	return class, commandline.Usage(err)
}

// Or is the class of the list that was named, else of the one beside the lab, else one student, who stands on none.
func (l List) Or(s source.Lab, tell io.Writer, t say.Tongue) (class roster.Class, listed bool, err error) {
	if l.Class != "" {
		class, err = l.Read(tell, t)
		return class, true, err
	}
	if _, err := l.options(); err != nil {
		return class, false, err
	}
	if class, listed, err = s.Class(); err == nil && !listed {
		class = roster.Count(1)
	}
	return class, listed, commandline.Usage(err)
}
