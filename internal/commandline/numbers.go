package commandline

import (
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// Range are the whole numbers that a flag takes.
type Range struct{ Least, Most int }

// From are all from least on.
func From(least int) Range { return Range{least, math.MaxInt} }

func (r Range) String() string {
	if r.Most == math.MaxInt {
		return fmt.Sprintf("a whole number from %d on", r.Least)
	}
	return fmt.Sprintf("a whole number from %d to %d", r.Least, r.Most)
}

// Count is a flag that takes a whole number, and what it is where it is not given, which a help names when it is in the range.
func Count(flags *pflag.FlagSet, n *int, name string, otherwise int, in Range, usage string) {
	*n = otherwise
	flags.Var(&count{n, in}, name, usage)
}

type count struct {
	n  *int
	in Range
}

func (c *count) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < c.in.Least || n > c.in.Most {
		return errors.New(c.in.String())
	}
	*c.n = n
	return nil
}

// String is "0" for what is not given: by that pflag knows that a help need not name it.
func (c *count) String() string {
	if c.n == nil || *c.n < c.in.Least || *c.n > c.in.Most {
		return "0"
	}
	return strconv.Itoa(*c.n)
}

// Type is what stands behind the flag in a help.
func (*count) Type() string { return "int" }

// Positive is a flag that takes a number above 0, and what it is where it is not given.
func Positive(flags *pflag.FlagSet, x *float64, name string, otherwise float64, usage string) {
	*x = otherwise
	flags.Var((*positive)(x), name, usage)
}

type positive float64

func (p *positive) Set(text string) error {
	x, err := strconv.ParseFloat(strings.Replace(text, ",", ".", 1), 64)
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) || x <= 0 {
		return errors.New("a number above 0, such as 0.5")
	}
	*p = positive(x)
	return nil
}

func (p *positive) String() string { return strconv.FormatFloat(float64(*p), 'g', -1, 64) }

// Type is what stands behind the flag in a help.
func (*positive) Type() string { return "float" }

// Mistyped is an error of a flag's value, without Go's words.
func Mistyped(err error) error {
	var number *strconv.NumError
	var list *csv.ParseError
	text := err.Error()
	switch {
	case errors.As(err, &number):
		text = strings.Replace(text, number.Error(), "true or false", 1) // numbers have words of their own
	case errors.As(err, &list):
		text = strings.Replace(text, list.Error(), "a list with commas; quotes go around a whole value", 1)
	}
	if text == err.Error() {
		return err
	}
	return errors.New(text)
}
