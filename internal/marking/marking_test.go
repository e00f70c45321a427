package marking

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/progress"
	"maillab/internal/say"
)

func three() []Answer {
	return []Answer{
		{Seat: 1, Student: "alice", Name: "Alice A", Task: "q1", Title: "Why?", Points: 5, Text: "because\nof it", Look: "a\n  reason"},
		{Seat: 2, Student: "bruno", Name: "bruno", Task: "q1", Title: "Why?", Points: 5, Text: "because\nof it", Copied: "alice"},
		{Seat: 1, Student: "alice", Name: "Alice A", Task: "q2", Title: "Show it", Points: 2, Seen: "waits for the teacher"},
	}
}

// desk is a round with what came of it.
type desk struct {
	Round
	kept     []string
	stood    map[string]*progress.Mark
	out, err bytes.Buffer
}

func newDesk(in string) *desk {
	d := &desk{stood: map[string]*progress.Mark{}}
	d.Round = Round{Answers: three(), In: strings.NewReader(in), Out: &d.out, Err: &d.err,
		Keep: func(_ context.Context, a Answer, m *progress.Mark) (*progress.Mark, error) {
			key, before := a.Student+" "+a.Task, d.stood[a.Student+" "+a.Task]
			d.stood[key] = m
			text := "auto"
			if m != nil {
				text = strings.TrimSpace(m.String() + " " + m.Comment)
			}
			d.kept = append(d.kept, key+": "+text)
			return before, nil
		}}
	return d
}

func TestRound(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		kept []string
		done Done
	}{
		"each":           {"passed\n3/5 say why, too\nfailed\n", []string{"alice q1: passed", "bruno q1: 0.6 say why, too", "alice q2: failed"}, Done{3, 0}},
		"skipped":        {"\ns\n0,5\n", []string{"alice q2: 0.5"}, Done{1, 2}},
		"quit":           {"passed\nq\nfailed\n", []string{"alice q1: passed"}, Done{1, 2}},
		"input ends":     {"passed", []string{"alice q1: passed"}, Done{1, 2}},
		"nothing":        {"", nil, Done{0, 3}},
		"back":           {"passed\nb\nfailed sorry\n\n\n", []string{"alice q1: passed", "alice q1: failed sorry"}, Done{1, 2}},
		"back too far":   {"b\nb\npassed\nq\n", []string{"alice q1: passed"}, Done{1, 2}},
		"taken back":     {"passed\nb\nauto\nq\n", []string{"alice q1: passed", "alice q1: auto"}, Done{0, 3}},
		"slips":          {"pased\n1\n6/5\nauto because\n?\npassed\nq\n", []string{"alice q1: passed"}, Done{1, 2}},
		"comment's size": {"passed " + strings.Repeat("x", progress.MaxComment+1) + "\nq\n", nil, Done{0, 3}},
	} {
		d := newDesk(c.in)
		done, err := d.Run(t.Context())
		if err != nil || done != c.done {
			t.Errorf("%s: %+v, %v", name, done, err)
		}
		if diff := cmp.Diff(c.kept, d.kept); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestShown: the answer as it was written, what to look for, whose code it carries, and what was said when one comes back.
func TestShown(t *testing.T) {
	d := newDesk("3/5 why?\nb\npassed\nq\n")
	if _, err := d.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	first := "\n1 of 3: Alice A (seat 1), q1: Why?\n  │ because\n  │ of it\nLook for: a reason\n"
	second := "\n2 of 3: bruno (seat 2), q1: Why?\n  │ because\n  │ of it\nIt carries the code of alice.\n"
	if diff := cmp.Diff(first+second+first+"You said: 0.6 (3 of 5 points), “why?”\n"+second, d.out.String()); diff != "" {
		t.Error(diff)
	}
	if want := "passed, failed, 0.5 or 3/5, and behind it a comment; Return skips; b, q, ?\n> 0.6 (3 of 5 points), “why?”\n> > passed (5 of 5 points)\n> "; d.err.String() != want {
		t.Errorf("%q, want %q", d.err.String(), want)
	}
	d = newDesk("\n\nfailed\n")
	d.stood["alice q2"] = &progress.Mark{Share: 1, By: "prof"}
	if _, err := d.Run(t.Context()); err != nil || !strings.Contains(d.out.String(), "  │ waits for the teacher\n") {
		t.Errorf("%v, %q", err, d.out.String())
	}
	if want := "failed (0 of 2 points); it was passed, by prof"; !strings.Contains(d.err.String(), want) {
		t.Errorf("a word that another has said: %q", d.err.String())
	}
}

// TestNotKept: what cannot be kept is told, and the answer stays.
func TestNotKept(t *testing.T) {
	d := newDesk("passed\npassed\nq\n")
	keep, first := d.Keep, true
	d.Keep = func(ctx context.Context, a Answer, m *progress.Mark) (*progress.Mark, error) {
		if first {
			first = false
			return nil, errors.New("the sandbox does not answer")
		}
		return keep(ctx, a, m)
	}
	done, err := d.Run(t.Context())
	if err != nil || done.Marked != 1 || !strings.Contains(d.err.String(), "this is not kept: the sandbox does not answer") {
		t.Errorf("%+v, %v, %q", done, err, d.err.String())
	}
}

// TestInterrupted: Ctrl-C while a word is being kept does not take it back; the round ends at the next question.
func TestInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	in, typed := io.Pipe()
	defer typed.Close()
	d := newDesk("")
	d.In = in
	keep := d.Keep
	d.Keep = func(ctx context.Context, a Answer, m *progress.Mark) (*progress.Mark, error) {
		interrupt()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return keep(ctx, a, m)
	}
	go fmt.Fprintln(typed, "passed")
	done, err := d.Run(ctx)
	if !errors.Is(err, context.Canceled) || done != (Done{1, 2}) || len(d.kept) != 1 {
		t.Errorf("%+v, %v, %q", done, err, d.kept)
	}
}

func TestSort(t *testing.T) {
	all := []Answer{{Seat: 2, Task: "b"}, {Seat: 1, Task: "b"}, {Seat: 2, Task: "a"}, {Seat: 1, Task: "a"}}
	Sort(all, []string{"b", "a"})
	if diff := cmp.Diff([]Answer{{Seat: 1, Task: "b"}, {Seat: 2, Task: "b"}, {Seat: 1, Task: "a"}, {Seat: 2, Task: "a"}}, all); diff != "" {
		t.Error(diff)
	}
}

func TestDone(t *testing.T) {
	for want, d := range map[string]Done{"nothing waits for your word": {}, "marked: 3, still waiting: 2": {3, 2}} {
		if d.String() != want {
			t.Errorf("%+v: %q", d, d.String())
		}
	}
}

// TestNow: a word is told with what it took the place of, in either language, whatever a comment says.
func TestNow(t *testing.T) {
	half, all := &progress.Mark{Share: 0.5, Comment: "nearly (2 of 4 points)"}, &progress.Mark{Share: 1, By: "bea"}
	for _, c := range []struct {
		m, before  *progress.Mark
		points     int
		en, french string
	}{
		{half, nil, 4, "0.5 (2 of 4 points), “nearly (2 of 4 points)”", "0.5 (2 sur 4 points), “nearly (2 of 4 points)”"},
		{all, half, 1, "passed (1 of 1 point), by bea; it was 0.5, “nearly (2 of 4 points)”", "passed (1 sur 1 point), par bea ; c'était 0.5, “nearly (2 of 4 points)”"},
		{nil, all, 4, "left to the check; it was passed, by bea", "laissé à la vérification ; c'était passed, par bea"},
		{half, nil, 0, "0.5, “nearly (2 of 4 points)”", "0.5, “nearly (2 of 4 points)”"},
	} {
		for language, want := range map[string]string{"en": c.en, "fr": c.french} {
			if got := Now(say.In(language), c.m, c.before, c.points); got != want {
				t.Errorf("%s: %q, not %q", language, got, want)
			}
		}
	}
}
