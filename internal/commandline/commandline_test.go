package commandline

import (
	"errors"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// program is a root with verbs of all kinds; did is what ran.
func program(did *string) *cobra.Command {
	root := &cobra.Command{Use: "maillab", SilenceErrors: true, SilenceUsage: true, Args: Takes(0, 0)}
	group := &cobra.Command{Use: "snapshot"}
	group.AddCommand(verb(did, "save SNAPSHOT", 1, 1))
	up := verb(did, "up", 0, 0)
	up.Flags().String("class", "", "")
	up.Flags().Int("students", 0, "")
	up.MarkFlagsMutuallyExclusive("class", "students")
	root.AddCommand(group, up, verb(did, "mark STUDENT TASK passed|failed", 3, 3), verb(did, "passwd STUDENT", 1, 1),
		verb(did, "ssh STUDENT [-- CMD…]", 1, -1), verb(did, "extend [DURATION]", 0, 1), verb(did, "due [STUDENT…] +TIME", 1, -1))
	Whole(root)
	return root
}

func verb(did *string, use string, least, most int) *cobra.Command {
	return &cobra.Command{Use: use, Args: Takes(least, most), RunE: func(cmd *cobra.Command, _ []string) error { *did = cmd.Name(); return nil }}
}

func TestArgumentsAreToldInOurWords(t *testing.T) {
	for line, want := range map[string]string{
		"ssh":                      "STUDENT is missing: maillab ssh STUDENT [-- CMD…]",
		"mark alice":               "TASK and passed|failed are missing: maillab mark STUDENT TASK passed|failed",
		"mark":                     "STUDENT, TASK and passed|failed are missing: maillab mark STUDENT TASK passed|failed",
		"mark alice t passed more": `"more" is too much: maillab mark STUDENT TASK passed|failed`,
		"passwd Zoé Lefèvre":       "maillab passwd takes one student, and was given Zoé Lefèvre\na name of several words wants quotes: maillab passwd \"Zoé Lefèvre\"",
		"up monday":                "maillab up takes no argument, and was given \"monday\"\nan instance is named with -n\n",
		"extend 2d 3d":             `"3d" is too much: maillab extend [DURATION]`,
		"due":                      "+TIME is missing: maillab due [STUDENT…] +TIME",
		"snapshot save":            "SNAPSHOT is missing: maillab snapshot save SNAPSHOT",
		"snapshot sav":             "maillab snapshot has no verb \"sav\"\ndid you mean maillab snapshot save?",
		"exten":                    "maillab has no verb \"exten\"\ndid you mean maillab extend?",
		"qqqqqqqqqq":               "maillab has no verb \"qqqqqqqqqq\"\nsee: maillab --help",
	} {
		did := ""
		root := program(&did)
		root.SetArgs(strings.Fields(line))
		err := root.Execute()
		var wrong *Error
		if !errors.As(err, &wrong) {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if got := wrong.Error() + "\n" + wrong.Mend; !strings.HasPrefix(got, want) || did != "" || wrong.Code != ExitUsage {
			t.Errorf("%s: %s %q; want %q", line, did, got, want)
		}
	}
}

func TestWhatIsRightRuns(t *testing.T) {
	for line, want := range map[string]string{
		"ssh alice -- ls -l": "ssh", "mark a b passed": "mark", "extend": "extend", "extend 2d": "extend", "snapshot save x": "save", "up": "up",
	} {
		did := ""
		root := program(&did)
		root.SetArgs(strings.Fields(line))
		if err := root.Execute(); err != nil || did != want {
			t.Errorf("%s: %s, %v", line, did, err)
		}
	}
}

func TestFlagsFromTheEnvironment(t *testing.T) {
	for _, c := range []struct {
		line, class, students string // what is typed, and the two variables
		want, wrong           string
	}{
		{"", "a.csv", "", "a.csv 0", ""},
		{"--class b.csv", "a.csv", "", "b.csv 0", ""},
		{"--students 2", "a.csv", "", " 2", ""},
		{"", "a.csv", "3", "", "--class and --students exclude each other"},
		{"", "", "many", "", "MAILLAB_FLAG_STUDENTS"},
	} {
		did := ""
		up, rest, err := program(&did).Find([]string{"up"})
		if err == nil {
			err = up.ParseFlags(append(rest, strings.Fields(c.line)...))
		}
		if err != nil {
			t.Fatal(err)
		}
		env := map[string]string{"MAILLAB_FLAG_CLASS": c.class, "MAILLAB_FLAG_STUDENTS": c.students}
		err = Complete(up, func(name string) string { return env[name] })
		if c.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%+v: %v", c, err)
			}
			continue
		}
		got := up.Flags().Lookup("class").Value.String() + " " + up.Flags().Lookup("students").Value.String()
		if err != nil || got != c.want {
			t.Errorf("%+v: %q, %v", c, got, err)
		}
	}
}
