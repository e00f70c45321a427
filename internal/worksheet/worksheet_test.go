package worksheet

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/check"
	"maillab/internal/lab/task"
	"maillab/internal/mail/submit"
	"maillab/internal/progress"
)

var update = flag.Bool("update", false, "write the golden files anew")

// desk has two tasks.
type desk struct {
	who        Student
	answers    map[string]string
	zone       string // a file, "" none; or "none": no domain
	home       string // where the student's files are
	mailServer *Server
}

func (d *desk) Student(uid int) (Student, bool) { return d.who, uid == os.Getuid() && d.who.Name != "" }

func (d *desk) Tasks(string) ([]task.Task, []check.Result, error) {
	tasks := []task.Task{
		{ID: "message-simple", Title: task.Text{"fr": "Un message", "en": "A message"}, Points: 2, Hint: task.Text{"fr": "telnet localhost 25", "en": "telnet localhost 25"},
			Check: task.Check{Mail: &task.Mail{From: "the rule"}}},
		{ID: "journal", Title: task.Text{"fr": "Le journal", "en": "The log"}, Ask: task.Text{"fr": "Quel identifiant ?", "en": "Which ID?"}, Points: 1, Needs: []string{"message-simple"},
			Check: task.Check{Answer: &task.Answer{Log: "the (rule)"}}},
	}
	return tasks, []check.Result{{ID: "message-simple", State: progress.Passed, Given: 1.5, Mark: &progress.Mark{Share: 0.75, Comment: "QUIT ?"}}, {ID: "journal", Answer: d.answers["journal"]}}, nil
}

func (d *desk) Check(_ context.Context, student string, ids []string) ([]check.Result, error) {
	all := []check.Result{
		{ID: "message-simple", State: progress.Failed, Seen: task.Text{"fr": "message A1 pour util11, à 11:09:05, mais son dialogue vient d'un programme (5 lignes sur 5 sont venues plus vite que personne ne tape)",
			"en": "message A1 to util11, at 11:09:05, but its dialogue came from a program (5 of 5 lines came faster than anybody types)"}},
		{ID: "journal", State: progress.Blocked, Seen: task.Text{"fr": "s'ouvre après : message-simple", "en": "opens after: message-simple"}},
	}
	switch {
	case student != d.who.Name:
		return nil, errors.New("somebody else's tasks")
	case len(ids) == 0:
		return all, nil
	case ids[0] == "message-simple":
		return all[:1], nil
	}
	return nil, ErrNoTask
}

func (d *desk) Answer(_ context.Context, _, id, text string) (check.Result, error) {
	switch id {
	case "journal":
	case "message-simple":
		return check.Result{}, ErrNoQuestion
	case "later":
		return check.Result{}, Closed{After: []string{"journal"}}
	default:
		return check.Result{}, ErrNoTask
	}
	d.answers[id] = text
	return check.Result{ID: id, State: progress.Passed, Seen: task.Text{"fr": "réponse « " + text + " »", "en": "answer " + text}}, nil
}

// serve serves a desk on a socket, as maild does.
func serve(t *testing.T, d Desk) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- submit.Serve(ctx, l, New(d)) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return socket
}

// TestCommand: what a student sees, in both languages, with colour and without.
func TestCommand(t *testing.T) {
	for _, lang := range []string{"fr", "en"} {
		d := &desk{who: Student{"alice", lang}, answers: map[string]string{}}
		socket := serve(t, d)
		var all bytes.Buffer
		for _, c := range []struct {
			args  string
			color bool
			code  int
		}{
			{"", false, 0}, {"tasks", true, 0}, {"check", false, 1}, {"check message-simple", true, 1}, {"check none", false, 1}, {"check jurnal", false, 1}, {"show Message", false, 1}, {"show journal", false, 0}, {"show message-simple", false, 0}, {"show none", false, 1},
			{"hint message-simple", false, 0}, {"hint journal", false, 0}, {"answer journal 4bXyz 12", false, 0}, {"show journal", false, 0}, {"answer none x", false, 1},
			{"answer journal \t", false, 1}, {"answer journal \xff", false, 1}, {"answer message-simple x", false, 1}, {"answer later x", false, 1},
			{"dance", false, 2}, {"show", false, 2}, {"hint a b", false, 2}, {"answer journal", false, 1}, {"answer --help", false, 2}, {"answer", false, 2}, {"--lang en", false, 2}, {"tasks all", false, 2},
		} {
			var out, errs bytes.Buffer
			env := Env{Out: &out, Err: &errs, Color: c.color, Width: 60, Getenv: func(name string) string {
				return map[string]string{"MAILLAB_SOCKET": socket, "LANG": lang + "_XX.UTF-8"}[name]
			}}
			args := strings.Split(c.args, " ")
			if c.args == "" {
				args = nil
			}
			if code := Main(t.Context(), args, env); code != c.code {
				t.Errorf("lab %s: exit code %d, want %d", c.args, code, c.code)
			}
			all.WriteString("$ lab " + strings.NewReplacer("\t", "TAB", "\xff", "0xFF").Replace(c.args) + "\n" + strings.ReplaceAll(out.String(), "\x1b", "ESC") + errs.String())
		}
		if strings.Contains(all.String(), "rule") {
			t.Error("a rule is shown")
		}
		golden(t, lang+".txt", all.String())
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

// TestAskedAnswer: an answer that is not in the arguments is read from standard input as it is, shell characters and lines
// included; on a terminal it is asked for, and ends with an empty line or the end.
func TestAskedAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		args, in string
		asks     bool
		code     int
		want     string // the answer that is kept
		out      string
	}{
		"a file":                        {args: "journal", in: "<x@y>\n\nc'est \"ça\"\n", want: "<x@y>\n\nc'est \"ça\""},
		"a terminal":                    {args: "journal", in: "\n <x@y>\n\nls\n", asks: true, want: "<x@y>", out: "    Le journal\n    Quel identifiant ?\nVotre réponse, puis une ligne vide (Entrée deux fois) :\n"},
		"two lines, then Ctrl-D":        {args: "journal", in: "un\ndeux", asks: true, want: "un\ndeux"},
		"nothing, then Ctrl-D":          {args: "journal", asks: true, code: 1},
		"an empty file":                 {args: "journal", code: 1},
		"no such task":                  {args: "nope", in: "x\n", asks: true, code: 1},
		"too long, on a terminal":       {args: "journal", in: strings.Repeat("x", maxAnswer+10) + "\n\n", asks: true, code: 1},
		"too long, from a file":         {args: "journal", in: strings.Repeat("x", maxAnswer+10), code: 1},
		"in the arguments all the same": {args: "journal 4bX", in: "else", asks: true, want: "4bX"},
	} {
		d := &desk{who: Student{"alice", "fr"}, answers: map[string]string{}}
		socket := serve(t, d)
		var out, errs bytes.Buffer
		env := Env{In: strings.NewReader(c.in), Asks: c.asks, Out: &out, Err: &errs, Getenv: func(name string) string { return map[string]string{"MAILLAB_SOCKET": socket}[name] }}
		code := Main(t.Context(), append([]string{"answer"}, strings.Fields(c.args)...), env)
		if code != c.code || d.answers["journal"] != c.want || !strings.HasPrefix(out.String(), c.out) {
			t.Errorf("%s: exit code %d, kept %q, said %s%s", name, code, d.answers["journal"], out.String(), errs.String())
		}
	}
}

// TestLongAnswer: an answer that is too long is told so, with how long it may be.
func TestLongAnswer(t *testing.T) {
	socket := serve(t, &desk{who: Student{"alice", "en"}})
	var errs bytes.Buffer
	env := Env{Out: io.Discard, Err: &errs, Getenv: func(name string) string { return map[string]string{"MAILLAB_SOCKET": socket}[name] }}
	if code := Main(t.Context(), []string{"answer", "journal", strings.Repeat("x", maxAnswer+1)}, env); code != ExitFailed || !strings.Contains(errs.String(), "too long: 8192 octets at most") {
		t.Error(code, errs.String())
	}
}

// slow is a desk whose checks take until they are let go.
type slow struct {
	*desk
	begun, end chan struct{}
}

func (s slow) Check(ctx context.Context, student string, ids []string) ([]check.Result, error) {
	close(s.begun)
	<-s.end
	return s.desk.Check(ctx, student, ids)
}

// TestOneCheckAtATime: who asks again and again does not fill a queue in which the teacher has to wait.
func TestOneCheckAtATime(t *testing.T) {
	d := slow{&desk{who: Student{"alice", "en"}}, make(chan struct{}), make(chan struct{})}
	socket := serve(t, d)
	var out, errs bytes.Buffer
	env := Env{Out: &out, Err: &errs, Getenv: func(name string) string { return map[string]string{"MAILLAB_SOCKET": socket}[name] }}
	first := make(chan int)
	go func() {
		first <- Main(t.Context(), []string{"check"}, Env{Out: io.Discard, Err: io.Discard, Getenv: env.Getenv})
	}()
	<-d.begun
	if code := Main(t.Context(), []string{"check"}, env); code != 1 || !strings.Contains(errs.String(), "already") {
		t.Errorf("a second check: exit code %d, %s", code, errs.String())
	}
	close(d.end)
	if code := <-first; code != 1 { // a task of two has not passed
		t.Errorf("the first check: exit code %d", code)
	}
	if code := Main(t.Context(), []string{"answer", "none", "x"}, env); code != 1 || strings.Count(errs.String(), "already") != 1 {
		t.Errorf("afterwards: exit code %d, %s", code, errs.String())
	}
}

// TestLeft: Ctrl-C while an answer is asked for, or a check goes on, is no fault of anybody's: nothing is said or kept.
func TestLeft(t *testing.T) {
	d := slow{&desk{who: Student{"alice", "en"}, answers: map[string]string{}}, make(chan struct{}), make(chan struct{})}
	socket := serve(t, d)
	defer close(d.end)
	in, typed := io.Pipe()
	defer typed.Close()
	for _, args := range []string{"answer journal", "check"} {
		ctx, interrupt := context.WithCancel(t.Context())
		var errs bytes.Buffer
		env := Env{In: in, Asks: true, Out: io.Discard, Err: &errs, Getenv: func(name string) string { return map[string]string{"MAILLAB_SOCKET": socket}[name] }}
		go func() {
			if args == "check" {
				<-d.begun
			} else {
				_, _ = typed.Write([]byte("half"))
			}
			interrupt()
		}()
		if code := Main(ctx, strings.Fields(args), env); code != ExitLeft || errs.String() != "\n" || len(d.answers) > 0 {
			t.Errorf("lab %s: exit code %d, %q, kept %v", args, code, errs.String(), d.answers)
		}
	}
}

// TestStrangers: who is no student gets nothing, and a daemon that is not there is told in the caller's language.
func TestStrangers(t *testing.T) {
	socket := serve(t, &desk{})
	for _, c := range []struct{ socket, lang, want string }{
		{socket, "fr_FR", "this account is no student's"}, {socket + "x", "fr_FR", "ne répond pas"}, {socket + "x", "C", "does not answer"},
	} {
		var out, errs bytes.Buffer
		env := Env{Out: &out, Err: &errs, Getenv: func(name string) string { return map[string]string{"MAILLAB_SOCKET": c.socket, "LANG": c.lang}[name] }}
		if code := Main(t.Context(), nil, env); code != 1 || !strings.Contains(errs.String(), c.want) || out.Len() > 0 {
			t.Errorf("%d %q %q, want %q", code, out.String(), errs.String(), c.want)
		}
	}
}

// TestAddresses: who calls from outside of the sandbox is told in hints where its services are from there.
func TestAddresses(t *testing.T) {
	socket := serve(t, &desk{who: Student{"alice", "en"}, answers: map[string]string{}})
	for _, c := range []struct {
		addresses map[string]string
		want      string
	}{
		{nil, "telnet localhost 25"},
		{map[string]string{"smtp": "127.0.0.1:10125", "pop3": "127.0.0.1:10110"}, "telnet 127.0.0.1 10125"},
		{map[string]string{"pop3": "127.0.0.1:10110"}, "telnet localhost 25"},
		{map[string]string{"smtp": "[::1]:2525"}, "telnet ::1 2525"},
	} {
		var out bytes.Buffer
		env := Env{Out: &out, Err: io.Discard, Addresses: c.addresses, Getenv: func(name string) string { return map[string]string{"MAILLAB_SOCKET": socket}[name] }}
		if code := Main(t.Context(), []string{"hint", "message-simple"}, env); code != 0 || !strings.Contains(out.String(), "Hint: "+c.want+"\n") {
			t.Errorf("%v: %d, %s", c.addresses, code, out.String())
		}
	}
}
