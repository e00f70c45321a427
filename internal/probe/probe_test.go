package probe

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
)

// fake is a world that answers as it is told.
type fake struct {
	exit func(seat int, command string) (int, error)
}

func (f fake) Run(_ context.Context, seat int, command string) (string, int, error) {
	exit, err := f.exit(seat, command)
	return "last words\n", exit, err
}

func (f fake) Answers(context.Context, int) error { return nil }

func one(t *testing.T, p Probe, f fake) Result {
	t.Helper()
	got, err := Run(t.Context(), f, []Probe{p}, 1, 2, func(Probe) {})
	if err != nil || len(got) != 1 {
		t.Fatalf("%v, %v", got, err)
	}
	return got[0]
}

// A probe that finds something, or that could not be made, must not pass.
func TestVerdicts(t *testing.T) {
	exits := func(code int) fake { return fake{exit: func(int, string) (int, error) { return code, nil }} }
	noSession := fake{exit: func(int, string) (int, error) { return 0, errors.New("no session") }}
	victim := func(code int, err error) fake {
		return fake{exit: func(seat int, command string) (int, error) {
			if seat == 1 && command == "load" {
				return code, err
			}
			return 0, nil
		}}
	}
	cut := func(times int, then int) fake { // its session is cut off so often
		return fake{exit: func(int, string) (int, error) {
			if times--; times >= 0 {
				return 0, errors.New("cut off")
			}
			return then, nil
		}}
	}
	besideFails := fake{exit: func(seat int, _ string) (int, error) { return seat - 1, nil }}
	for _, test := range []struct {
		what string
		kind Kind
		f    fake
		want string // in Seen; "" is OK
	}{
		{"denied", Denied, exits(1), ""},
		{"got through", Denied, exits(0), "it succeeds"},
		{"no such program", Denied, exits(127), "could not be tried"},
		{"no session", Denied, noSession, "could not be tried"},
		{"cut off twice, and denied", Denied, cut(2, 1), ""},
		{"cut off, and got through", Denied, cut(1, 0), "it succeeds"},
		{"cut off again and again", Denied, cut(3, 1), "could not be tried"},
		{"works", Works, exits(0), ""},
		{"does not work", Works, exits(1), "exit code 1: last words"},
		{"load", Load, victim(0, nil), ""},
		{"load that loses its session", Load, victim(0, errors.New("killed")), ""},
		{"load that is no program", Load, victim(127, nil), "could not be tried"},
		{"load under which the neighbour suffers", Load, besideFails, "the neighbour suffers"},
	} {
		r := one(t, Probe{Kind: test.kind, Command: "load"}, test.f)
		if (r.Err == nil) != (test.want == "") || r.Err != nil && !strings.Contains(r.Err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.what, r.Err, test.want)
		}
	}
}

// hangs is a world in which no command ends by itself; it counts them.
type hangs struct {
	fake
	run int
}

func (h *hangs) Run(ctx context.Context, _ int, _ string) (string, int, error) {
	h.run++
	<-ctx.Done()
	return "", 0, ctx.Err()
}

// One that does not end in its time is not made again.
func TestNoEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hangs{}
		got, err := Run(t.Context(), h, []Probe{{Kind: Denied}}, 1, 2, func(Probe) {})
		if err != nil || h.run != 1 || !errors.Is(got[0].Err, context.DeadlineExceeded) {
			t.Errorf("run %d times: %v, %v", h.run, got, err)
		}
	})
}

// Every probe has a name of its own in its group, and a command that is filled in.
func TestMatrix(t *testing.T) {
	place := Place{
		Doors: []string{"192.0.2.1:10222"}, Names: []string{"two"}, Other: "util11", Host: []string{"192.0.2.1"}, Ports: []string{"10122"},
	}
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell to read the commands")
	}
	seen, kinds := map[string]bool{}, map[Kind]int{}
	for _, p := range Matrix(place) {
		id := p.Group + "/" + p.Name
		if seen[id] || p.Command == "" || strings.Contains(p.Command, "%!") {
			t.Errorf("%s: %q", id, p.Command)
		}
		seen[id] = true
		kinds[p.Kind]++
		for _, command := range []string{p.Command, p.After} { // a command that no shell understands would be denied everything
			if out, err := exec.Command(sh, "-n", "-c", command).CombinedOutput(); err != nil {
				t.Errorf("%s: %v: %s", id, err, out)
			}
		}
	}
	if kinds[Works] < 5 || kinds[Denied] < 60 || kinds[Load] != 7 {
		t.Errorf("%v", kinds)
	}
}

func TestAnEndedContextEndsTheRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f := fake{exit: func(int, string) (int, error) { cancel(); return 1, nil }}
	told := 0
	_, err := Run(ctx, f, Matrix(Place{}), 1, 2, func(Probe) { told++ })
	if !errors.Is(err, context.Canceled) || told != 0 {
		t.Errorf("%v after %d", err, told)
	}
}
