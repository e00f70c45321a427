package submit

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/mail"
	"maillab/internal/mail/queue"
)

// TestMain lets the test binary be sendmail, for tests that need a real process.
func TestMain(m *testing.M) {
	if name := os.Getenv("MAILLAB_TEST_AS"); name != "" {
		os.Exit(Main(context.Background(), append([]string{name}, os.Args[1:]...), os.Environ(), os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// taken is what a fake queue got.
type taken struct {
	Sender, FullName string
	UID              int
	Recipients       []string
	Notify           []string
	Ret, EnvID, Body string
}

// fakeQueue is a Queue that keeps what it gets.
type fakeQueue struct {
	mu      sync.Mutex
	taken   []taken
	picked  []string
	flushed int
	err     error // for Accept
	broken  chan error
}

func (q *fakeQueue) NewID() string { return "9FE5B102295" }
func (q *fakeQueue) Flush()        { q.mu.Lock(); q.flushed++; q.mu.Unlock() }
func (q *fakeQueue) List() []queue.Item {
	return []queue.Item{{ID: "9FE5B102295", Size: 324, Arrived: time.Date(2026, 11, 21, 20, 26, 10, 0, time.UTC),
		Sender: "util1@local.isri.fr", Recipients: []queue.ItemRecipient{{Address: "a@example.com", Reason: "no"}}}}
}

func (q *fakeQueue) Accept(_ context.Context, env *mail.Envelope, body io.Reader) error {
	text, err := io.ReadAll(body)
	if err != nil {
		if q.broken != nil {
			q.broken <- err
		}
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err != nil {
		return q.err
	}
	t := taken{Sender: env.Sender.Typed, FullName: env.FullName, UID: env.UID, Ret: env.Ret, EnvID: env.EnvID, Body: string(text)}
	for _, r := range env.Recipients {
		t.Recipients, t.Notify = append(t.Recipients, r.Typed), r.Notify
	}
	q.taken = append(q.taken, t)
	return nil
}

// daemon serves a fake queue on a socket and returns where.
func daemon(t *testing.T, q *fakeQueue, change func(*Config)) (socket string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		Queue: q,
		Lookup: func(uid int) (queue.Account, bool) {
			return queue.Account{Name: "util1", FullName: "Jean Dupont,,,"}, uid == os.Getuid()
		},
		Pickup: func(id string, uid int, sender string) {
			q.mu.Lock()
			defer q.mu.Unlock()
			q.picked = append(q.picked, fmt.Sprintf("%s: uid=%d from=<%s>", id, uid, sender))
		},
	}
	if change != nil {
		change(&cfg)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- Serve(ctx, l, New(cfg)) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error("serving ended with", err)
		}
	})
	return socket
}

// call runs the command in this process.
func call(t *testing.T, socket, stdin string, args ...string) (exit int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	env := []string{"MAILLAB_SOCKET=" + socket, "MAILLAB_WAIT=20s"}
	exit = Main(t.Context(), args, env, strings.NewReader(stdin), &out, &errs)
	return exit, out.String(), errs.String()
}

func TestSend(t *testing.T) {
	uid := os.Getuid()
	for _, c := range []struct {
		name   string
		args   []string
		stdin  string
		want   taken
		picked string
	}{
		{"plain", []string{"util2"}, "Subject: x\n\nhello\n.\nmore\n",
			taken{Sender: "util1", FullName: "Jean Dupont", Recipients: []string{"util2"}, Body: "Subject: x\n\nhello\n"}, "util1"},
		{"mailutils mail", []string{"-oi", "-f", "util1@local.isri.fr", "-t"},
			"To: util11\nSubject: x\nBcc: \"Secret, one\" <util12>,\n util13\n\nbody\n.\nend\n",
			taken{Sender: "util1@local.isri.fr", FullName: "Jean Dupont", Recipients: []string{"util11", "util12", "util13"},
				Body: "To: util11\nSubject: x\nBcc: \"Secret, one\" <util12>,\n util13\n\nbody\n.\nend\n"}, "util1@local.isri.fr"},
		{"mutt", []string{"-oem", "-oi", "-f", "moi@x.fr", "--", "util2", "-x@y.fr"}, "\nb\n",
			taken{Sender: "moi@x.fr", FullName: "Jean Dupont", Recipients: []string{"util2", "-x@y.fr"}, Body: "\nb\n"}, "moi@x.fr"},
		{"cron", []string{"-FCronDaemon", "-i", "-B8BITMIME", "-oem", "util1"}, "\xc3\xa9\n",
			taken{Sender: "util1", FullName: "CronDaemon", Recipients: []string{"util1"}, Body: "\xc3\xa9\n"}, "util1"},
		{"null sender, DSN", []string{"-f", "<>", "-N", "success,failure", "-R", "hdrs", "-V", "abc", "Bob <util2>, util3"}, "",
			taken{Sender: "", FullName: "Jean Dupont", Recipients: []string{"util2", "util3"},
				Notify: []string{"SUCCESS", "FAILURE"}, Ret: "HDRS", EnvID: "abc"}, ""},
		{"bundled", []string{"-ti"}, "Cc: util4\n\n.\nx\n",
			taken{Sender: "util1", FullName: "Jean Dupont", Recipients: []string{"util4"}, Body: "Cc: util4\n\n.\nx\n"}, "util1"},
		{"resent", []string{"-t"}, "To: util2\nResent-To: util3\n\nx\n",
			taken{Sender: "util1", FullName: "Jean Dupont", Recipients: []string{"util3"}, Body: "To: util2\nResent-To: util3\n\nx\n"}, "util1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := &fakeQueue{}
			exit, _, stderr := call(t, daemon(t, q, nil), c.stdin, append([]string{"/usr/sbin/sendmail"}, c.args...)...)
			if exit != 0 {
				t.Fatalf("exit %d, %s", exit, stderr)
			}
			c.want.UID = uid
			if diff := cmp.Diff([]taken{c.want}, q.taken); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if diff := cmp.Diff([]string{fmt.Sprintf("9FE5B102295: uid=%d from=<%s>", uid, c.picked)}, q.picked); diff != "" {
				t.Errorf("pickup -want +got:\n%s", diff)
			}
		})
	}
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		in   string
		exit int
		want string
	}{
		{[]string{"sendmail"}, "x\n", 64, "Recipient addresses must be specified on the command line or via the -t option\n"},
		{[]string{"sendmail", ""}, "x\n", 64, "Recipient addresses must be specified"},
		{[]string{"sendmail", "-t"}, "Subject: s\n\nTo: x\n", 64, "No recipient addresses found in message header\n"},
		{[]string{"sendmail", "-Z", "util2"}, "", 64, "sendmail: fatal: invalid option -- 'Z'\n"},
		{[]string{"sendmail", "-f"}, "", 64, "sendmail: fatal: option requires an argument -- 'f'\n"},
		{[]string{"sendmail", "-bd"}, "", 64, "sendmail: fatal: unsupported: -bd\n"},
		{[]string{"sendmail", "-N", "sometimes", "u"}, "", 64, "bad -N option value: sometimes"},
		{[]string{"sendmail", "-f", "a\nb", "u"}, "", 65, "control character"},
		{[]string{"newaliases"}, "", 0, ""},
		{[]string{"sendmail", "-bi"}, "", 0, ""},
	} {
		q := &fakeQueue{}
		exit, _, stderr := call(t, daemon(t, q, nil), c.in, c.args...)
		if exit != c.exit || !strings.Contains(stderr, c.want) {
			t.Errorf("%q: exit %d, %q; want %d, %q", c.args, exit, stderr, c.exit, c.want)
		}
		if len(q.taken) > 0 {
			t.Errorf("%q: a message was taken", c.args)
		}
	}
}

func TestMailqAndFlush(t *testing.T) {
	q := &fakeQueue{}
	socket := daemon(t, q, nil)
	want := `-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------
9FE5B102295      324 Sat Nov 21 20:26:10  util1@local.isri.fr
` + strings.Repeat(" ", 74) + `(no)
                                         a@example.com

-- 0 Kbytes in 1 Request.
`
	for _, args := range [][]string{{"mailq"}, {"sendmail", "-bp"}} {
		if exit, out, _ := call(t, socket, "", args...); exit != 0 || out != want {
			t.Errorf("%q: exit %d\n%s", args, exit, cmp.Diff(want, out))
		}
	}
	if exit, _, stderr := call(t, socket, "", "sendmail", "-q"); exit != 0 || q.flushed != 1 {
		t.Errorf("exit %d, %s, flushed %d times", exit, stderr, q.flushed)
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		err  error
		exit int
		want string
	}{
		{&mail.Reply{Code: 452, Enhanced: "4.3.1", Text: "Insufficient system storage"}, 75, "Insufficient system storage"},
		{&mail.Reply{Code: 552, Enhanced: "5.3.4", Text: "Error: message file too big"}, 65, ": message file too big"},
		{errors.New("something else"), 75, "something else"},
	} {
		socket := daemon(t, &fakeQueue{err: c.err}, nil)
		exit, _, stderr := call(t, socket, strings.Repeat("a long message\n", 100_000), "sendmail", "util2")
		if exit != c.exit || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: exit %d, %q", c.err, exit, stderr)
		}
	}
	socket := daemon(t, &fakeQueue{}, func(cfg *Config) {
		cfg.Lookup = func(int) (queue.Account, bool) { return queue.Account{}, false }
	})
	exit, _, stderr := call(t, socket, "x\n", "sendmail", "util2")
	if os.Getuid() != 0 && exit != exitNoPerm {
		t.Errorf("a stranger: exit %d, %q", exit, stderr)
	}
}

func TestNoDaemon(t *testing.T) {
	var errs bytes.Buffer
	env := []string{"MAILLAB_SOCKET=" + filepath.Join(t.TempDir(), "nobody"), "MAILLAB_WAIT=1ms"}
	exit := Main(t.Context(), []string{"sendmail", "util2"}, env, strings.NewReader("x\n"), io.Discard, &errs)
	if exit != 75 || !strings.Contains(errs.String(), "the mail system does not answer") {
		t.Errorf("exit %d, %q", exit, errs.String())
	}
}

// TestDaemonComesBack sends while the daemon is being restarted.
func TestDaemonComesBack(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	q := &fakeQueue{}
	done := make(chan int)
	var errs bytes.Buffer
	go func() {
		env := []string{"MAILLAB_SOCKET=" + socket, "MAILLAB_WAIT=20s"}
		done <- Main(t.Context(), []string{"sendmail", "util2"}, env, strings.NewReader("x\n"), io.Discard, &errs)
	}()
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	cfg := Config{Queue: q, Lookup: func(int) (queue.Account, bool) { return queue.Account{Name: "util1"}, true },
		Pickup: func(string, int, string) {}}
	go func() { ended <- Serve(ctx, l, New(cfg)) }()
	if exit := <-done; exit != 0 {
		t.Errorf("exit %d, %s", exit, errs.String())
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestSMTP speaks SMTP on standard input through the daemon.
func TestSMTP(t *testing.T) {
	socket := daemon(t, &fakeQueue{}, func(cfg *Config) {
		cfg.SMTP = func(_ context.Context, uid int, conn net.Conn) {
			fmt.Fprintf(conn, "220 %s %d\r\n", conn.RemoteAddr(), uid)
			in := bufio.NewScanner(conn)
			for in.Scan() {
				fmt.Fprintf(conn, "250 %s\r\n", in.Text())
			}
		}
	})
	exit, out, stderr := call(t, socket, "helo x\r\nquit\r\n", "sendmail", "-bs")
	want := fmt.Sprintf("220 127.0.0.1:0 %d\r\n250 helo x\r\n250 quit\r\n", os.Getuid())
	if exit != 0 || out != want {
		t.Errorf("exit %d, %q, %s; want %q", exit, out, stderr, want)
	}
	exit, _, _ = call(t, daemon(t, &fakeQueue{}, nil), "", "sendmail", "-bs")
	if exit != exitUnavailable {
		t.Errorf("without a hook: exit %d", exit)
	}
}

// process starts the test binary as sendmail.
func process(t *testing.T, socket string, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, args...)
	cmd.Env = append(os.Environ(), "MAILLAB_TEST_AS=sendmail", "MAILLAB_SOCKET="+socket)
	return cmd
}

// TestKilledClient takes no message that was not finished.
func TestKilledClient(t *testing.T) {
	q := &fakeQueue{broken: make(chan error, 1)}
	cmd := process(t, daemon(t, q, nil), "util2")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(in, strings.Repeat("half of it\n", 10_000)); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if err := <-q.broken; err == nil || errors.Is(err, io.EOF) {
		t.Errorf("an unfinished message ended with %v", err)
	}
	if len(q.taken) > 0 {
		t.Error("an unfinished message was taken")
	}
}

// TestPython is what Python programs do to send mail without SMTP.
func TestPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 here")
	}
	q := &fakeQueue{}
	socket := daemon(t, q, nil)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	const script = `
import subprocess, sys
from email.message import EmailMessage
m = EmailMessage()
m["To"], m["Subject"] = "util2, Util Trois <util3@local.isri.fr>", "été"
m.set_content("bonjour\n.\nfin\n")
sys.exit(subprocess.run([sys.argv[1], "-t", "-oi"], input=m.as_bytes()).returncode)
`
	cmd := exec.Command(python, "-c", script, exe)
	cmd.Env = append(os.Environ(), "MAILLAB_TEST_AS=sendmail", "MAILLAB_SOCKET="+socket)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want := []string{"util2", "util3@local.isri.fr"}
	if len(q.taken) != 1 || !cmp.Equal(want, q.taken[0].Recipients) || !strings.Contains(q.taken[0].Body, "\nbonjour\n.\nfin\n") {
		t.Errorf("got %+v", q.taken)
	}
}

// TestConnectionsOfOne bounds what one uid may hold open.
func TestConnectionsOfOne(t *testing.T) {
	socket := daemon(t, &fakeQueue{}, nil)
	var open []net.Conn
	defer func() {
		for _, c := range open {
			_ = c.Close()
		}
	}()
	for range connectionsEach {
		c, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
	}
	one, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	if _, err := one.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("one too many got %v, want it closed", err)
	}
}

// TestUnknownCaller answers nobody without credentials.
func TestUnknownCaller(t *testing.T) {
	h := New(Config{Queue: &fakeQueue{}})
	w := &recorder{header: http.Header{}}
	r, _ := http.NewRequest(http.MethodGet, "/v1/mailq", http.NoBody)
	h.ServeHTTP(w, r)
	if w.status != http.StatusUnprocessableEntity || !strings.Contains(w.body.String(), "not known") {
		t.Errorf("got %d %s", w.status, w.body.String())
	}
}

type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

func TestDots(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"a\n.\nb\n", "a\n"}, {"a\n.\r\nb", "a\n"}, {".\n", ""}, {".", ""}, {"a\n.", "a\n"},
		{"..\n.x\n", "..\n.x\n"}, {"a.\n", "a.\n"}, {"", ""}, {".\rx\n", ".\rx\n"},
	} {
		got, err := io.ReadAll(newBody(strings.NewReader(c.in), false))
		if err != nil || string(got) != c.want {
			t.Errorf("%q: got %q, %v, want %q", c.in, got, err, c.want)
		}
	}
}

// FuzzHeader reads recipients from any message: nothing is lost of it, and no recipient can break a line.
func FuzzHeader(f *testing.F) {
	f.Add("To: a, b <c>\nBcc: d\n\nx\n")
	f.Add("To: undisclosed-recipients:;\n")
	f.Add("To: \"a\\\"b\" <c@d>, (x) e,\n f\nResent-To: g\n\n")
	f.Fuzz(func(t *testing.T, message string) {
		rcpts, whole, err := recipientsOf(strings.NewReader(message))
		if err != nil {
			return
		}
		got, err := io.ReadAll(whole)
		if err != nil || string(got) != message {
			t.Fatalf("message changed: %q, %v", got, err)
		}
		for _, r := range rcpts {
			if r == "" || strings.TrimSpace(r) != r {
				t.Fatalf("recipient %q", r)
			}
		}
	})
}

// FuzzOptions never panics on a command line.
func FuzzOptions(f *testing.F) {
	f.Add("sendmail -oi -t -f me you")
	f.Add("sendmail -ti -Nnever -- -x")
	f.Fuzz(func(t *testing.T, line string) {
		o, err := parseOptions(strings.Fields(line))
		if err == nil && o.name == "" {
			t.Fatal("no name")
		}
	})
}
