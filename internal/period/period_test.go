package period

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spf13/pflag"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90s": 90 * time.Second, "30m": 30 * time.Minute, "1h30m": 90 * time.Minute, "2d": 48 * time.Hour, "2j": 48 * time.Hour,
		"1w": 168 * time.Hour, "1w2d": 216 * time.Hour, "2d12h": 60 * time.Hour, " 4h ": 4 * time.Hour, "1.5h": 90 * time.Minute, "0": 0, "0s": 0,
	} {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", " ", "2", "d", "2 days", "-2d", "2d-1h", "1.5d", "99999999999999999999d", "40000d", "876001h", "2d1w", "tomorrow"} {
		if got, err := Parse(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func TestFormat(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0s": 0, "36m": 36 * time.Minute, "2d": 48 * time.Hour, "2d12h": 60 * time.Hour, "1h30m": 90 * time.Minute, "1m5s": 65 * time.Second,
		"9d": 216 * time.Hour, "1.5s": 1500 * time.Millisecond, "-1h": -time.Hour,
	} {
		if got := Format(d); got != want {
			t.Errorf("%v is %s, not %s", d, got, want)
		}
	}
}

func TestAFlag(t *testing.T) {
	var d, none time.Duration
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	Var(flags, &d, "ttl", time.Hour, "life")
	Var(flags, &none, "limit", 0, "end")
	if flags.Parse([]string{"--ttl", "soon"}) == nil || d != time.Hour {
		t.Errorf("after what is wrong it is %v", d)
	}
	if err := flags.Parse([]string{"--ttl", "2d"}); err != nil || d != 48*time.Hour {
		t.Errorf("it is %v, %v", d, err)
	}
	if help := flags.FlagUsages(); !strings.Contains(help, "life (default 1h)") || strings.Contains(help, "default 0") {
		t.Error(help)
	}
}

// FuzzParse: what is read and formatted is read as the same again.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"1w2d3h4m5s", "2d12h", "1.5h", "0", "-1h", "1ns"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := Parse(text)
		if err != nil {
			return
		}
		if again, err := Parse(Format(d)); err != nil || again != d {
			t.Errorf("%q is %v, which is written %s and read as %v, %v", text, d, Format(d), again, err)
		}
	})
}

// TestWait: it waits as long as it is told, and no longer than anybody wants it.
func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if err := Wait(t.Context(), time.Hour); err != nil || time.Since(began) != time.Hour {
			t.Error(time.Since(began), err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := Wait(ctx, time.Hour); !errors.Is(err, context.Canceled) || time.Since(began) != time.Hour {
			t.Error(time.Since(began), err)
		}
	})
}
