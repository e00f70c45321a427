// Package period reads and tells lengths of time as people write them: 90s, 30m, 1h30m, 2d, 1w, 2d12h. A day has 24 hours,
// a week seven days. It is the one parser of them, for flags, arguments and files, and waits for them.
package period

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

const (
	day  = 24 * time.Hour
	week = 7 * day
)

// form is weeks and days in front of what time.ParseDuration reads. A day is a jour to half of those who write one.
var form = regexp.MustCompile(`^(?:(\d+)w)?(?:(\d+)[dj])?(.*)$`)

// most is so much that it is a slip: what is added to a time must stay one.
const most = 100 * 365 * day

// Parse reads a length of time that is not negative.
func Parse(text string) (time.Duration, error) {
	wrong := fmt.Errorf("%q is no length of time such as 30m, 4h or 2d", text)
	parts := form.FindStringSubmatch(strings.TrimSpace(text))
	if parts == nil || parts[0] == "" {
		return 0, wrong
	}
	var sum time.Duration
	for n, unit := range []time.Duration{week, day} {
		if parts[n+1] == "" {
			continue
		}
		count, err := strconv.Atoi(parts[n+1])
		if err != nil || count > int(most/unit) {
			return 0, wrong
		}
		sum += time.Duration(count) * unit
	}
	if rest := parts[3]; rest != "" {
		d, err := time.ParseDuration(rest)
		if err != nil || d < 0 || d > most {
			return 0, wrong
		}
		sum += d
	}
	if sum > most {
		return 0, wrong
	}
	return sum, nil
}

// Format is a length of time as Parse reads it, without units of which there is none: 2d12h, 36m, 0s.
func Format(d time.Duration) string {
	if d < 0 {
		return "-" + Format(-d)
	}
	var text strings.Builder
	for _, unit := range []struct {
		is   time.Duration
		name string
	}{{day, "d"}, {time.Hour, "h"}, {time.Minute, "m"}} {
		if n := d / unit.is; n > 0 {
			fmt.Fprintf(&text, "%d%s", n, unit.name)
			d -= n * unit.is
		}
	}
	if d > 0 || text.Len() == 0 {
		text.WriteString(d.String())
	}
	return text.String()
}

// Wait waits so long, or returns early with the context's error.
func Wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Var is a flag that takes a length of time, and what it is where it is not given.
func Var(flags *pflag.FlagSet, d *time.Duration, name string, otherwise time.Duration, usage string) {
	*d = otherwise
	flags.Var((*value)(d), name, usage)
}

// value is a length of time as pflag.Value.
type value time.Duration

func (v *value) Set(text string) error {
	d, err := Parse(text)
	if err == nil {
		*v = value(d)
	}
	return err
}

// String is "0" for none at all: by that pflag knows that a help need not name it.
func (v *value) String() string {
	if *v == 0 {
		return "0"
	}
	return Format(time.Duration(*v))
}

// Type is what stands behind the flag in a help.
func (*value) Type() string { return "duration" }
