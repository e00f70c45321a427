package submit

import (
	"fmt"
	"path"
	"strings"
)

// mode is what the command is to do.
type mode int

const (
	sendMail mode = iota // -bm
	runSMTP              // -bs
	listMail             // -bp, mailq
	flushAll             // -q
	nothing              // -bi, newaliases: the lab's aliases are not a file
)

// options are a command line.
type options struct {
	name        string // as called, for messages
	mode        mode
	fromHeaders bool // -t
	dots        bool // -i, -oi: a line with a dot is a line with a dot
	Submission
}

// withValue are the options that take a value, attached or in the next argument.
const withValue = "BCFLNORVXfhr"

// parseOptions reads a command line as sendmail(1) does: options may be bundled (-ti), values attached (-fme@here), and
// what is meaningless here (-oem, -odb, -v, -G, -U, -n, -m) is taken without a word, because mail programs pass it.
func parseOptions(args []string) (options, error) {
	o := options{}
	if len(args) == 0 {
		return o, fmt.Errorf("usage: sendmail [options]")
	}
	o.name, args = path.Base(args[0]), args[1:]
	switch o.name {
	case "mailq":
		o.mode = listMail
	case "newaliases":
		o.mode = nothing
	}
	for len(args) > 0 {
		arg := args[0]
		if arg == "--" {
			args = args[1:]
			break
		}
		if len(arg) < 2 || arg[0] != '-' {
			break
		}
		used, err := o.bundle(arg[1:], args[1:])
		if err != nil {
			return o, err
		}
		args = args[1+used:]
	}
	o.Recipients = args
	return o, nil
}

// bundle reads one argument's options; used is how many further arguments were values.
func (o *options) bundle(letters string, next []string) (used int, err error) {
	for i := 0; i < len(letters); i++ {
		c, rest := letters[i], letters[i+1:]
		switch {
		case c == 'b', c == 'o', c == 'q', c == 'd', c == 'A', c == 'p': // values only attached
			return 0, o.attached(c, rest)
		case strings.IndexByte(withValue, c) >= 0:
			if rest != "" {
				return 0, o.value(c, rest)
			}
			if len(next) == 0 {
				return 0, fmt.Errorf("option requires an argument -- '%c'", c)
			}
			return 1, o.value(c, next[0])
		case c == 't':
			o.fromHeaders = true
		case c == 'i':
			o.dots = true
		case c == 'I':
			o.mode = nothing
		case strings.IndexByte("GUmnsv", c) < 0:
			return 0, fmt.Errorf("invalid option -- '%c'", c)
		}
	}
	return 0, nil
}

// attached takes an option whose value can only follow at once.
func (o *options) attached(c byte, value string) error {
	switch c {
	case 'o':
		o.dots = o.dots || value == "i"
	case 'q':
		o.mode = flushAll
	case 'b':
		modes := map[string]mode{"m": sendMail, "s": runSMTP, "p": listMail, "i": nothing}
		m, ok := modes[value]
		if !ok {
			return fmt.Errorf("unsupported: -b%s", value)
		}
		o.mode = m
	}
	return nil
}

// value takes an option with its value.
func (o *options) value(c byte, value string) error {
	switch c {
	case 'f', 'r':
		sender := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(value), "<"), ">")
		o.Sender = &sender
	case 'F':
		o.FullName = value
	case 'V':
		o.EnvID = value
	case 'R':
		if o.Return = strings.ToUpper(value); o.Return != "FULL" && o.Return != "HDRS" {
			return fmt.Errorf("bad -R option value: %s", value)
		}
	case 'N':
		return o.notify(value)
	}
	return nil
}

// notify reads -N: never, or some of success, failure, delay.
func (o *options) notify(value string) error {
	o.Notify = strings.Split(strings.ToUpper(value), ",")
	for _, n := range o.Notify {
		switch n {
		case "SUCCESS", "FAILURE", "DELAY":
		case "NEVER":
			if len(o.Notify) > 1 {
				return fmt.Errorf("bad -N option value: %s", value)
			}
		default:
			return fmt.Errorf("bad -N option value: %s", value)
		}
	}
	return nil
}
