package cli

import (
	"os"
	"strings"

	"github.com/spf13/cobra"

	"maillab/internal/roster"
)

// listFlags say which class list it is, and what of it is wanted.
type listFlags struct {
	class string
	maps  []string
	group string
}

func (f *listFlags) add(cmd *cobra.Command, usage string) {
	flags := cmd.Flags()
	flags.StringVar(&f.class, "class", "", usage+": CSV, XLSX or ODS, as registrars and Moodle give it")
	flags.StringArrayVar(&f.maps, "map", nil, `what a column of the class list is called, such as number="N° étudiant"; lang= takes none for it; may be repeated`)
	flags.StringVar(&f.group, "group", "", "take only the students of this group in the class list")
}

// options are what was said of the list.
func (f listFlags) options() (o roster.Options, err error) {
	if (len(f.maps) > 0 || f.group != "") && f.class == "" {
		return o, usagef("--map and --group speak of a class list: say which with --class")
	}
	o = roster.Options{Group: f.group, Map: map[string]string{}}
	for _, m := range f.maps {
		field, column, ok := strings.Cut(m, "=")
		field = strings.ToLower(strings.TrimSpace(field))
		if _, twice := o.Map[field]; !ok || field == "" || twice {
			return o, usagef(`--map %s: say each field once, as in number="N° étudiant"`, m)
		}
		o.Map[field] = strings.TrimSpace(column)
	}
	return o, nil
}

// read reads the class list that was named, and tells what was understood.
func (f listFlags) read(a *app) (roster.Class, error) {
	o, err := f.options()
	if err != nil {
		return roster.Class{}, err
	}
	in, err := os.Open(f.class)
	if err != nil {
		return roster.Class{}, usage(err)
	}
	defer in.Close()
	class, understood, err := roster.Read(f.class, in, o)
	if err != nil {
		return roster.Class{}, usage(err)
	}
	a.Fprintf(a.Err, "%s: %s\n", f.class, a.Text(understood.String()))
	return class, nil
}
