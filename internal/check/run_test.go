package check

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"maillab/internal/dialogue"
	"maillab/internal/lab/task"
	"maillab/internal/progress"
)

// runner plays scripts.
type runner struct {
	w       *world
	out     Outcome
	err     error
	listens bool
	does    func(run string) // when it got its mail, or when it runs

	sent    []string
	cleaned []string
	request Request
}

func (r *runner) Run(ctx context.Context, q Request) (Outcome, error) {
	r.request = q
	if q.During != nil {
		q.During(ctx)
	} else if r.does != nil {
		r.does("random")
	}
	return r.out, r.err
}
func (r *runner) Listens(context.Context, string, string) (bool, error) { return r.listens, nil }
func (r *runner) Send(_ context.Context, run string, _ []string, m task.Message) error {
	r.sent = append(r.sent, m.To+" "+m.Subject)
	r.w.boxes["util1/INBOX"] = append(r.w.boxes["util1/INBOX"], BoxMessage{})
	if r.does != nil {
		r.does(run)
	}
	return nil
}
func (r *runner) Clean(_ context.Context, run string, _ []string) error {
	r.cleaned = append(r.cleaned, run)
	return nil
}

// TestRun: what is asked of a script, what it is given, and what is said of what it did.
func TestRun(t *testing.T) {
	zero := 0
	arrives := func(w *world) func(string) {
		return func(run string) {
			m := letter("A1", "util1", 1, "Subject: by "+run+"\n\nx")
			w.mails = append(w.mails, m)
		}
	}
	after := &task.Check{Mail: &task.Mail{Header: map[string]task.Pattern{"Subject": "^by {run}$"}}}
	for name, c := range map[string]struct {
		want   task.Run
		runner runner
		does   bool
		state  progress.State
		seen   string
	}{
		"counts": {want: task.Run{Script: "a.sh", Stdin: "{run}", Mail: []task.Message{{To: "util1", Subject: "{run}"}}, Output: []task.Pattern{"^{messages} of {run}$"}, Exit: &zero},
			runner: runner{out: Outcome{Output: "2 of random\r\n"}}, state: progress.Failed, seen: "that is not what is asked for, messages in the mailbox: 1"},
		"counts right": {want: task.Run{Script: "a.sh", Mail: []task.Message{{To: "util1", Subject: "{run}"}}, Output: []task.Pattern{`^{messages} of {run}\n$`}, Exit: &zero},
			runner: runner{out: Outcome{Output: "1 of random\r\n"}}, state: progress.Passed, seen: "a.sh, 0.0 s, it wrote “1 of random”"},
		"shows a password": {want: task.Run{Script: "a.sh", Terminal: true, NotOutput: []task.Pattern{"(?s)secret.*secret"}},
			runner: runner{out: Outcome{Output: "secret\r\nsecret"}}, state: progress.Failed, seen: "it shows “secret secret”, which it must not"},
		"exit code":   {want: task.Run{Script: "a.sh", Exit: &zero}, runner: runner{out: Outcome{Exit: 2}}, state: progress.Failed, seen: "its exit code is 2"},
		"never ends":  {want: task.Run{Script: "a.sh", Seconds: 7, Exit: &zero}, runner: runner{out: Outcome{TimedOut: true, Exit: -1}}, state: progress.Failed, seen: "it did not end within 7 s"},
		"not run":     {want: task.Run{Script: "a.sh", Exit: &zero}, runner: runner{err: errors.New("no room")}, state: progress.Failed, seen: "could not be run: no room"},
		"not there":   {want: task.Run{Script: "b.sh", Exit: &zero}, state: progress.Failed, seen: "the file b.sh is not there in /home/util1"},
		"sends":       {want: task.Run{Script: "a.sh", After: after}, does: true, state: progress.Passed, seen: "message A1 to util1"},
		"sends not":   {want: task.Run{Script: "a.sh", After: after}, state: progress.Failed, seen: "afterwards: no message has arrived"},
		"serves":      {want: task.Run{Script: "a.sh", Server: &task.Server{Port: "2501"}, Mail: []task.Message{{To: "list"}}, After: after}, runner: runner{listens: true, out: Outcome{Exit: -1}}, does: true, state: progress.Passed, seen: "message A1"},
		"listens not": {want: task.Run{Script: "a.sh", Server: &task.Server{Port: "2501"}, After: after}, runner: runner{out: Outcome{Exit: 1}}, state: progress.Failed, seen: "it does not listen on port 2501"},
		"old mail":    {want: task.Run{Script: "a.sh", After: &task.Check{Mail: &task.Mail{Header: map[string]task.Pattern{"Subject": "old"}}}}, state: progress.Failed, seen: "afterwards"},
	} {
		t.Run(name, func(t *testing.T) {
			old := letter("O", "util1", 1, "Subject: old\n\n")
			old.At = noon().Add(-time.Minute)
			w := &world{mails: []Mail{old}, boxes: map[string][]BoxMessage{}, files: map[string]File{"a.sh": {}}}
			c.runner.w = w
			if c.does {
				c.runner.does = arrives(w)
			}
			e := w.evidence()
			e.Runs, e.Random = &c.runner, func() string { return "random" }
			e.Pause = func(context.Context, time.Duration) error { return context.DeadlineExceeded }
			s := task.Sheet{Accounts: []string{"util1"}, Tasks: []task.Task{{ID: "it", Check: task.Check{Run: &c.want}}}}
			got := Evaluate(t.Context(), s, e, progress.Work{})[0]
			if got.State != c.state || !strings.Contains(got.Seen["en"], c.seen) {
				t.Errorf("%s: %s\nwant %s", got.State, got.Seen["en"], c.seen)
			}
			if strings.Contains(c.want.Stdin, "{run}") && c.runner.request.Stdin != "random" {
				t.Errorf("stdin is %q", c.runner.request.Stdin)
			}
			if name != "not there" && !slices.Equal(c.runner.cleaned, []string{"random"}) {
				t.Errorf("cleaned: %v", c.runner.cleaned)
			}
		})
	}
}

// TestRunsLast: a script is not run when something else is missing already.
func TestRunsLast(t *testing.T) {
	w := &world{boxes: map[string][]BoxMessage{}, files: map[string]File{"a.sh": {}}}
	r := &runner{w: w}
	e := w.evidence()
	e.Runs = r
	s := task.Sheet{Accounts: []string{"util1"}, Tasks: []task.Task{{ID: "it", Check: task.Check{All: []task.Check{{Run: &task.Run{Script: "a.sh"}}, {File: &task.File{Path: "b"}}}}}}}
	if got := Evaluate(t.Context(), s, e, progress.Work{})[0]; got.State != progress.Failed || r.request.Script != "" || !strings.Contains(got.Seen["en"], "the script was not run") {
		t.Errorf("%+v", got)
	}
}

// TestRunUnexecutable: a script without chmod +x is run, and that is told.
func TestRunUnexecutable(t *testing.T) {
	for _, executable := range []bool{false, true} {
		w := &world{boxes: map[string][]BoxMessage{}, files: map[string]File{"a.sh": {Executable: executable}}}
		e := w.evidence()
		e.Runs = &runner{w: w}
		s := task.Sheet{Accounts: []string{"util1"}, Tasks: []task.Task{{ID: "it", Check: task.Check{Run: &task.Run{Script: "a.sh"}}}}}
		got := Evaluate(t.Context(), s, e, progress.Work{})[0]
		if told := strings.Contains(got.Seen["en"], "it is not executable (chmod +x), and was run all the same"); got.State != progress.Passed || told == executable {
			t.Errorf("executable %v: %+v", executable, got)
		}
	}
}

// TestRunIsAProgram: what a script says that the check has started is by program, however long it sleeps between its lines;
// the same dialogue outside of a run is a person's.
func TestRunIsAProgram(t *testing.T) {
	asked := task.Check{Dialogue: &task.Dialogue{Service: "pop3", By: "program", Account: "util1", Commands: []task.Pattern{"(?i)^user ", "(?i)^pass ", "(?i)^stat"}}}
	slowly := talk("pop3", hand, []string{"util1"}, "S: +OK", "C: USER util1", "S: +OK", "C: PASS ****", "S: +OK", "C: STAT", "S: +OK 2 500", "C: QUIT", "S: +OK")
	letters := task.Check{Mail: &task.Mail{By: "program"}}
	sends := sent("A1", hand, "util1")
	w := &world{talks: []dialogue.Dialogue{slowly, sends}, mails: []Mail{letter("A1", "util1", 1, "\nx")}, boxes: map[string][]BoxMessage{}, files: map[string]File{"a.sh": {Executable: true}}}
	for _, want := range []task.Check{asked, letters} {
		e := w.evidence()
		e.Runs = &runner{w: w}
		s := task.Sheet{Accounts: []string{"util1"}, Tasks: []task.Task{{ID: "it", Check: task.Check{Run: &task.Run{Script: "a.sh", After: &want}}}}}
		if got := Evaluate(t.Context(), s, e, progress.Work{})[0]; got.State != progress.Passed {
			t.Errorf("in a run: %s", got.Seen["en"])
		}
		if got := one(t, w, want, progress.Work{}); got.State != progress.Failed || !strings.Contains(got.Seen["en"], "typed by hand") {
			t.Errorf("outside of a run: %s, %s", got.State, got.Seen["en"])
		}
	}
}
