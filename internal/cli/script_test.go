package cli_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/smtp"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/text/encoding/charmap"

	"maillab/internal/cli"
	"maillab/internal/commandline"
	"maillab/internal/deploy"
	"maillab/internal/engine"
	"maillab/internal/engine/embedded"
	"maillab/internal/instance"
)

// The program is run whole by scripts, on the embedded engine, which needs nothing of the machine.

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"maillab":   func() { os.Exit(maillab()) },
		"starttls":  func() { os.Exit(starttls(os.Args[1], os.Args[2], os.Args[3:])) },
		"terminal":  func() { os.Exit(terminal(os.Args[1:])) },
		"misbehave": func() { os.Exit(misbehave(os.Args[1], os.Args[2])) },
		"deliver":   func() { os.Exit(deliver(os.Args[1:])) },
		"held":      func() { os.Exit(held(os.Args[1], os.Args[2], os.Args[3:])) },
		"marks":     func() { os.Exit(marks(os.Args[1], os.Args[2])) },
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:   "testdata/script",
		Setup: setup,
		Cmds:  map[string]func(*testscript.TestScript, bool, []string){"code": code, "eventually": eventually, "written": written, "latin1": latin1},
	})
}

// maillab is cmd/maillab with the embedded engine only.
func maillab() int {
	ctx, stop := commandline.Interruptible(os.Interrupt, syscall.SIGTERM)
	defer stop()
	program, err := os.Executable()
	if err != nil {
		panic(err) // of a test program
	}
	return cli.Run(ctx, cli.Env{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv, Now: time.Now,
		DataDir: os.Getenv("MAILLAB_DATA"), Version: "v1.2.3", Commit: "abc1234", Program: program,
		Engines: []deploy.Maker{{Name: "embedded", Make: func(context.Context) (engine.Engine, error) {
			return embedded.New(config(os.Getenv)), nil
		}}},
		Serve: embedded.Serve,
		Here: func(seats string, serve func(runtime, data string)) engine.Engine {
			c := config(os.Getenv)
			c.Seats, c.Here = seats, serve
			return embedded.New(c)
		},
	}, os.Args[1:])
}

func config(getenv func(string) string) embedded.Config {
	return embedded.Config{Runtime: getenv("MAILLAB_RUNTIME"), Data: getenv("MAILLAB_DATA"), Command: func(runtime, data string) *exec.Cmd {
		program, err := os.Executable()
		if err != nil {
			panic(err) // of a test program
		}
		return exec.Command(program, cli.ServeEmbedded, runtime, data)
	}}
}

// deliver sends a message to an account of the lab that MAILLAB_SMTP leads to.
func deliver(to []string) int {
	body := "Subject: from a test\r\n\r\nHello.\r\n"
	if err := smtp.SendMail(os.Getenv("MAILLAB_SMTP"), nil, "util1", to, []byte(body)); err != nil {
		fmt.Fprintln(os.Stderr, "deliver:", err)
		return 1
	}
	return 0
}

// held holds an instance until a command waits for it, changes the class list, lets go, and waits for the command.
func held(name, class string, command []string) int {
	h, err := instance.OpenFolder(os.Getenv("MAILLAB_DATA"), name).Lock(context.Background(), nil)
	if err != nil {
		panic(err) // of a test program, as below
	}
	cmd := exec.Command(command[0], command[1:]...)
	errs, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		panic(err)
	}
	waits := false
	for lines := bufio.NewScanner(errs); lines.Scan(); {
		fmt.Fprintln(os.Stderr, lines.Text())
		if strings.Contains(lines.Text(), "waiting for it") && !waits {
			waits = true
			text, err := os.ReadFile(class)
			if err := errors.Join(err, h.KeepRoster(text)); err != nil {
				panic(err)
			}
			h.Release()
		}
	}
	if err := cmd.Wait(); err != nil || !waits {
		fmt.Fprintln(os.Stderr, "held:", err, waits)
		return 1
	}
	return 0
}

// marks gives ten words on a student's tasks at once, in ten processes.
func marks(name, student string) int {
	folder := instance.OpenFolder(os.Getenv("MAILLAB_DATA"), name)
	sheet, err := folder.Sheet()
	if err != nil {
		panic(err)
	}
	tasks := sheet.Tasks
	words := []string{"passed", "failed"}
	var giving sync.WaitGroup
	given := map[string]bool{}
	for n := range 10 {
		task := tasks[n%len(tasks)]
		given[task] = true
		giving.Go(func() {
			if out, err := exec.Command("maillab", "mark", "-n", name, student, task, words[n%2]).CombinedOutput(); err != nil {
				fmt.Fprintf(os.Stderr, "%v: %s", err, out)
			}
		})
	}
	giving.Wait()
	all, err := folder.Register()
	entry, _ := all.Of(student)
	if kept := entry.History.Current().Marks; err != nil || len(kept) != len(given) {
		fmt.Fprintln(os.Stderr, "kept", kept, "of", given, err)
		return 1
	}
	return 0
}

// setup gives each script folders of its own, and takes away what it leaves running. Unix sockets want a short path.
func setup(e *testscript.Env) error {
	short, err := os.MkdirTemp("", "ml")
	if err != nil {
		return err
	}
	e.Setenv("MAILLAB_RUNTIME", short)
	e.Setenv("MAILLAB_DATA", filepath.Join(e.WorkDir, ".data"))
	e.Setenv("TMPDIR", filepath.Join(e.WorkDir, ".tmp"))
	e.Defer(func() {
		defer os.RemoveAll(short)
		left := embedded.New(config(e.Getenv))
		resources, err := left.Observe(context.Background(), "")
		for _, r := range resources {
			if r.Kind == engine.Gateway {
				err = errors.Join(err, left.Remove(context.Background(), r))
			}
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "taking away what a script left:", err)
		}
	})
	return os.MkdirAll(filepath.Join(e.WorkDir, ".tmp"), 0o700)
}

// code N PROGRAM ARG… runs a program that must exit with N.
func code(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if err != nil || neg {
		ts.Fatalf("usage: code N PROGRAM ARG…")
	}
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("%s: exit code %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// eventually PATTERN PROGRAM ARG… runs a program again and again until its standard output matches.
func eventually(ts *testscript.TestScript, neg bool, args []string) {
	pattern := regexp.MustCompile("(?m)" + args[0])
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		_ = ts.Exec(args[1], args[2:]...)
		if pattern.MatchString(ts.ReadFile("stdout")) != neg {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s: it never says %q", strings.Join(args[1:], " "), args[0])
		}
	}
}

// written N PROGRAM ARG… is code for a command that teachers are told, word for word.
func written(ts *testscript.TestScript, neg bool, args []string) {
	page, err := os.ReadFile("../../docs/teachers.md")
	ts.Check(err)
	line := strings.Join(args[1:], " ")
	for told := range strings.Lines(string(page)) {
		if command, _, _ := strings.Cut(told, "#"); strings.TrimSpace(command) == line {
			code(ts, neg, args)
			return
		}
	}
	ts.Fatalf("docs/teachers.md does not say: %s", line)
}

// latin1 FILE writes a file anew as registrars' programs do.
func latin1(ts *testscript.TestScript, neg bool, args []string) {
	text, err := charmap.ISO8859_1.NewEncoder().String(ts.ReadFile(args[0]))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}
