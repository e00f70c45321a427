package commandline

import (
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// TestWhatNoNumberIs: a flag's value that cannot be is told in words, with what can be, and nothing is changed.
func TestWhatNoNumberIs(t *testing.T) {
	for typed, want := range map[string]string{
		"--base=80":         "a whole number from 1024 to 65000",
		"--base=x":          "a whole number from 1024 to 65000",
		"--students=0":      "a whole number from 1 on",
		"--students=-3":     "a whole number from 1 on",
		"--students=1e3":    "a whole number from 1 on",
		"--round=foo":       "a number above 0, such as 0.5",
		"--round=0":         "a number above 0, such as 0.5",
		"--round=-1":        "a number above 0, such as 0.5",
		"--round=NaN":       "a number above 0, such as 0.5",
		"--round=Inf":       "a number above 0, such as 0.5",
		"--round=1e999":     "a number above 0, such as 0.5",
		"--web=perhaps":     "true or false",
		`--column=a"b`:      "a list with commas; quotes go around a whole value",
		"--students=99 --x": "a whole number from 1 on",
	} {
		var base, students int
		var round float64
		flags := pflag.NewFlagSet("", pflag.ContinueOnError)
		Count(flags, &base, "base", 0, Range{1024, 65000}, "")
		Count(flags, &students, "students", 0, From(1), "")
		Positive(flags, &round, "round", 0, "")
		flags.Bool("web", false, "")
		flags.StringSlice("column", nil, "")
		err := Mistyped(flags.Parse([]string{typed}))
		if err == nil || !strings.HasSuffix(err.Error(), "flag: "+want) || strings.Contains(err.Error(), "strconv") || base != 0 || students != 0 || round != 0 {
			t.Errorf("%s: %v, %d %d %v", typed, err, base, students, round)
		}
	}
}

func TestNumbers(t *testing.T) {
	var lines, base int
	var round float64
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	Count(flags, &lines, "lines", -1, From(0), "only so many")
	Count(flags, &base, "base", 0, Range{1024, 65000}, "")
	Positive(flags, &round, "round", 0.5, "steps")
	if usage := flags.FlagUsages(); !strings.Contains(usage, "(default 0.5)") || strings.Contains(usage, "-1") || strings.Contains(usage, "default 0)") {
		t.Error(usage)
	}
	if err := flags.Parse([]string{"--lines", "0", "--base=1024", "--round=0,25"}); err != nil || lines != 0 || base != 1024 || round != 0.25 {
		t.Errorf("%v: %d %d %v", err, lines, base, round)
	}
}
