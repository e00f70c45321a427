package script

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestMain is the helper and the stage, too: they are this program, run again.
func TestMain(m *testing.M) {
	if mine, err := Main(os.Args[1:]); mine {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// testUID is a uid that nobody has, and no other run of these tests either: a helper ends all that its student runs.
func testUID() int { return 20_000 + os.Getpid()%40_000 }

// home is a student's, with scripts in it. Becoming somebody else needs root.
func home(t *testing.T, scripts map[string]string) Student {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can become a student")
	}
	uid := testUID()
	dir, err := os.MkdirTemp("", "t-check-script")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for name, text := range scripts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := exec.Command("chown", "-R", strconv.Itoa(uid), dir).Run(); err != nil {
		t.Fatal(err)
	}
	self, err := os.ReadFile("/proc/self/exe") // lies where a student may not enter: a copy does not
	if err == nil {
		err = os.WriteFile(dir+".test", self, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(dir + ".test") })
	return Student{Name: "student", UID: uid, GID: uid, Home: dir}
}

// leash starts a helper.
func leash(t *testing.T, s Student) net.Conn {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "theirs")
	defer theirs.Close()
	defer ours.Close()
	cmd, err := Command(s.Home+".test", s, theirs)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() })
	conn, err := net.FileConn(ours)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func do(t *testing.T, s Student, r Request) Outcome {
	t.Helper()
	if r.Time == 0 {
		r.Time = 20 * time.Second
	}
	out, err := Do(t.Context(), leash(t, s), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// running lists the student's processes whose command line holds a word.
func running(t *testing.T, s Student, word string) (pids []string) {
	t.Helper()
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		text, err := os.ReadFile(dir + "/cmdline")
		info, statErr := os.Stat(dir)
		if err == nil && statErr == nil && strings.Contains(string(text), word) && info.Sys().(*syscall.Stat_t).Uid == uint32(s.UID) {
			pids = append(pids, filepath.Base(dir))
		}
	}
	return pids
}

func TestRun(t *testing.T) {
	s := home(t, map[string]string{
		"whoami.sh":  "#!/bin/sh\nid -u; pwd; echo \"$1:$#\"; cat; cat list; exit 3\n",
		"plain.sh":   "echo plain $BASH\n",
		"env.sh":     "#!/bin/sh\nenv | sort; exec sh -c 'echo open: $(ls /proc/self/fd | tr \"\\n\" \" \" )' \n",
		"limits.sh":  "#!/bin/bash\nulimit -t -f -u -v\n",
		"list":       "my own\n",
		"signal.sh":  "#!/bin/sh\nkill -9 $$\n",
		"nonewpriv":  "#!/bin/sh\ngrep NoNewPrivs /proc/self/status\n",
		"background": "#!/bin/sh\n(sleep 0.3; echo late) &\n",
	})
	out := do(t, s, Request{Script: "whoami.sh", Args: []string{"a b"}, Stdin: "typed\n", Files: map[string]string{"list": "a check's\n", "new": "x"}})
	if want := fmt.Sprintln(s.UID) + s.Home + "\na b:1\ntyped\na check's\n"; out.Output != want || out.Exit != 3 {
		t.Errorf("%q, exit %d", out.Output, out.Exit)
	}
	if text, err := os.ReadFile(filepath.Join(s.Home, "list")); string(text) != "my own\n" {
		t.Errorf("the student's own file is %q: %v", text, err)
	}
	if left, _ := filepath.Glob(filepath.Join(s.Home, ".*maillab*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := os.Stat(filepath.Join(s.Home, "new")); err == nil {
		t.Error("a file that a check put is left behind")
	}
	if err := os.Chmod(filepath.Join(s.Home, "plain.sh"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := do(t, s, Request{Script: "plain.sh"}); !strings.HasSuffix(out.Output, "/bin/bash\n") {
		t.Errorf("without #!: %q", out.Output)
	}
	if out := do(t, s, Request{Script: "env.sh"}); strings.Contains(out.Output, "TOKEN") || !strings.Contains(out.Output, "open: 0 1 2 3\n") || !strings.Contains(out.Output, "HOME="+s.Home) {
		t.Errorf("environment and descriptors:\n%s", out.Output)
	}
	if out := do(t, s, Request{Script: "limits.sh", Time: 7 * time.Second, Limits: Limits{Processes: 99, FileBytes: 1 << 20}}); !strings.Contains(out.Output, " 99\n") ||
		!strings.Contains(out.Output, " 8\n") || !strings.Contains(out.Output, " 1024\n") || !strings.Contains(out.Output, " 524288\n") {
		t.Errorf("limits:\n%s", out.Output)
	}
	if out := do(t, s, Request{Script: "signal.sh"}); out.Exit != -1 {
		t.Errorf("killed: exit %d", out.Exit)
	}
	if out := do(t, s, Request{Script: "background"}); out.Output != "late\n" {
		t.Errorf("in the background: %q", out.Output)
	}
	if _, err := Do(t.Context(), leash(t, s), Request{Script: "gone.sh", Time: time.Second}, nil); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("a script that is not there: %v", err)
	}
}

// TestHostile: what forks, hides, floods or does not end is contained, and nothing of it is left.
func TestHostile(t *testing.T) {
	s := home(t, map[string]string{
		"loop.sh":  "#!/bin/sh\nwhile :; do :; done\n",
		"hide.sh":  "#!/bin/bash\nfor i in 1 2 3; do (setsid -f sleep 9173 </dev/null >/dev/null 2>&1 &) ; env -i setsid -f sleep 9173 </dev/null >/dev/null 2>&1; done; trap '' TERM HUP INT; nohup sleep 9173 >/dev/null 2>&1 &\nexit 0\n",
		"fork.sh":  "#!/bin/bash\nf() { f | f & }; f; f; sleep 9173\n",
		"flood.sh": "#!/bin/sh\necho begin; yes | head -c 50000000; echo end\n",
		"eat.py":   "#!/usr/bin/env python3\nx = 'x' * (1 << 30)\n",
	})
	out := do(t, s, Request{Script: "loop.sh", Time: time.Second})
	if !out.TimedOut {
		t.Errorf("a loop: %+v", out)
	}
	do(t, s, Request{Script: "hide.sh", Time: 5 * time.Second})
	if left := running(t, s, "9173"); len(left) > 0 {
		t.Errorf("hidden processes go on: %v", left)
	}
	do(t, s, Request{Script: "fork.sh", Time: time.Second, Limits: Limits{Processes: 60}})
	if left := running(t, s, "fork.sh"); len(left) > 0 {
		t.Errorf("%d processes of a fork bomb go on", len(left))
	}
	if out := do(t, s, Request{Script: "flood.sh"}); !out.Cut || len(out.Output) > maxOutput+10 || !strings.HasPrefix(out.Output, "begin\n") || !strings.HasSuffix(out.Output, "end\n") {
		t.Errorf("a flood: %d octets, cut %v", len(out.Output), out.Cut)
	}
	if _, err := exec.LookPath("python3"); err == nil {
		if out := do(t, s, Request{Script: "eat.py"}); out.Exit == 0 || !strings.Contains(out.Output, "MemoryError") {
			t.Errorf("a gigabyte: %+v", out)
		}
	}
}

// TestTerminal: lines are typed when the script waits for them, so that stty hides what it should, and only that.
func TestTerminal(t *testing.T) {
	const tail = "\necho; echo \"got $login $password\" | tr a-z A-Z\n"
	s := home(t, map[string]string{
		"hidden.sh": "#!/bin/sh\necho login:; read login\necho password:; stty -echo; read password; stty echo" + tail,
		"shown.sh":  "#!/bin/sh\necho login:; read login\necho password:; read password" + tail,
		"tty.sh":    "#!/bin/sh\ntty; read a </dev/tty; echo $a; stty size\n",
	})
	for name, want := range map[string]string{
		"hidden.sh": "login:\nutil1\npassword:\n\nGOT UTIL1 SECRET\n",
		"shown.sh":  "login:\nutil1\npassword:\nsecret\n\nGOT UTIL1 SECRET\n",
	} {
		out := do(t, s, Request{Script: name, Terminal: true, Stdin: "util1\nsecret\n"})
		if got := strings.ReplaceAll(out.Output, "\r", ""); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	out := do(t, s, Request{Script: "tty.sh", Terminal: true, Stdin: "line\n"})
	if !strings.HasPrefix(out.Output, "/dev/pts/") || !strings.Contains(out.Output, "line\r\n24 80") {
		t.Errorf("%q", out.Output)
	}
}

// TestEnd: a script that serves is ended when nobody needs it any more, or when who asked has gone.
func TestEnd(t *testing.T) {
	s := home(t, map[string]string{"serve.sh": "#!/bin/sh\necho up\nsleep 9174\n"})
	stop := make(chan struct{})
	close(stop)
	out, err := Do(t.Context(), leash(t, s), Request{Script: "serve.sh", Time: time.Minute}, stop)
	if err != nil || out.TimedOut || out.Exit != -1 {
		t.Errorf("%+v, %v", out, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	conn := leash(t, s)
	time.AfterFunc(0, cancel)
	if _, err := Do(ctx, conn, Request{Script: "serve.sh", Time: time.Minute}, nil); err == nil {
		t.Error("no error")
	}
	for deadline := time.Now().Add(20 * time.Second); len(running(t, s, "9174")) > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it goes on")
		}
	}
}

// TestWhoIsStoppedHoldsNobody: what puts the files back is the student's own process, and he stops it.
func TestWhoIsStoppedHoldsNobody(t *testing.T) {
	s := home(t, map[string]string{"done.sh": "#!/bin/sh\n", "list": "my own\n"})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	stopped := make(chan bool)
	go func() {
		defer close(stopped)
		for ctx.Err() == nil {
			for _, pid := range running(t, s, stageName+"\x00"+modeRestore) {
				n, _ := strconv.Atoi(pid)
				if syscall.Kill(n, syscall.SIGSTOP) == nil {
					return
				}
			}
		}
	}()
	for caught := false; !caught; {
		if _, err := Do(ctx, leash(t, s), Request{Script: "done.sh", Files: map[string]string{"list": "a check's\n"}, Time: 20 * time.Second}, nil); err != nil {
			t.Fatal(err)
		}
		select {
		case <-stopped:
			caught = true
		default:
		}
	}
	do(t, s, Request{Script: "done.sh", Files: map[string]string{"list": "a check's\n"}})
	if text, err := os.ReadFile(filepath.Join(s.Home, "list")); string(text) != "my own\n" {
		t.Errorf("the student's own file is %q: %v", text, err)
	}
}

func TestParseStat(t *testing.T) {
	p, err := parseStat([]byte("12 (a) b) S 3 12 12 0"))
	if err != nil || p != (process{12, 3, 'S'}) {
		t.Errorf("%+v, %v", p, err)
	}
	for _, bad := range []string{"", "12", "12 (x", "12 (x)", "12 (x) S", "12 (x) SS 3", "x (x) S 3", "12 (x) S y"} {
		if p, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q: %+v", bad, p)
		}
	}
}

// TestLimitsOnABusyMachine: a stage that is kept waiting between its limits and the script becomes the script all the same.
func TestLimitsOnABusyMachine(t *testing.T) {
	s := home(t, map[string]string{"ran.sh": "#!/bin/sh\necho ran\n"})
	for range 2 * runtime.NumCPU() {
		busy := exec.Command("sh", "-c", "while :; do :; done")
		if err := busy.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _, _ = busy.Process.Kill(), busy.Wait() })
	}
	for n := range 40 {
		if out := do(t, s, Request{Script: "ran.sh"}); out.Output != "ran\n" || out.Exit != 0 {
			t.Fatalf("run %d: %+v", n, out)
		}
	}
}
