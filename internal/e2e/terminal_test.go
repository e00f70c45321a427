//go:build linux

package e2e

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"maillab/internal/screen/screentest"
)

// patience bounds one expected line; it is only ever spent by a failure.
const patience = 30 * time.Second

// terminal is a program on a terminal: what it shows, line by line, and what is typed.
type terminal struct {
	t     *testing.T
	in    io.Writer
	lines chan string
	echo  []string // typed, and not yet seen on the screen
	seen  []string // for the report of a failure
}

// programEnded is what telnet writes on its terminal behind a program that has ended. When the last who has a terminal closes it,
// its other end may read that before it has read all that was written.
const programEnded = "\x00the program has ended"

func newTerminal(t *testing.T, in io.Writer, out io.Reader) *terminal {
	term := &terminal{t: t, in: in, lines: make(chan string, 1024)}
	go func() {
		defer close(term.lines)
		for screen := bufio.NewScanner(out); screen.Scan(); {
			text, ended := strings.CutSuffix(strings.TrimRight(screen.Text(), "\r"), programEnded)
			if !ended || text != "" {
				term.lines <- text
			}
			if ended {
				return
			}
		}
	}()
	return term
}

// line is the next line that the program shows, its echo of what was typed left out. ok is false at the end.
func (term *terminal) line() (text string, ok bool) {
	term.t.Helper()
	for {
		select {
		case text, ok := <-term.lines:
			term.seen = append(term.seen, text)
			if ok && len(term.echo) > 0 && text == term.echo[0] {
				term.echo = term.echo[1:]
				continue
			}
			return text, ok
		case <-time.After(patience):
			term.t.Fatalf("the terminal shows nothing more after:\n%s", strings.Join(term.seen, "\n"))
		}
	}
}

// typeLine types one line.
func (term *terminal) typeLine(text string) {
	term.t.Helper()
	term.echo = append(term.echo, text)
	if _, err := io.WriteString(term.in, text+"\r"); err != nil {
		term.t.Fatalf("typing %q: %v", text, err)
	}
}

// telnet starts telnet on a terminal of this machine.
func telnet(t *testing.T, address string) *terminal {
	t.Helper()
	host, port, _ := strings.Cut(address, ":")
	if _, err := exec.LookPath("telnet"); err != nil {
		t.Skip("no telnet on this machine")
	}
	master, slave := screentest.Open(t)
	cmd := exec.Command("telnet", host, port)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
		_, _ = io.WriteString(slave, programEnded+"\n")
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		master.Close()
		<-ended
		slave.Close()
	})
	return newTerminal(t, master, master)
}

// login opens an SSH connection through a published port, by password.
func login(t *testing.T, address, user, password string) *ssh.Client {
	t.Helper()
	client, err := ssh.Dial("tcp", address, &ssh.ClientConfig{
		User: user, Auth: []ssh.AuthMethod{ssh.Password(password)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: patience,
	})
	if err != nil {
		t.Fatalf("ssh %s@%s: %v", user, address, err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// onTerminal starts a command there, on a terminal.
func onTerminal(t *testing.T, client *ssh.Client, command string) *terminal {
	t.Helper()
	session, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close() })
	if err := session.RequestPty("xterm", 50, 200, ssh.TerminalModes{}); err != nil {
		t.Fatal(err)
	}
	in, err := session.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := session.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Start(command); err != nil {
		t.Fatal(err)
	}
	return newTerminal(t, in, out)
}

// output runs a command without a terminal.
func output(t *testing.T, client *ssh.Client, command, stdin string) string {
	t.Helper()
	out, err := said(client, command, stdin)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// said is output for where a test cannot be ended. A command's own failure is none.
func said(client *ssh.Client, command, stdin string) (string, error) {
	session, err := client.NewSession()
	if err != nil {
		return "", err
	}
	defer session.Close()
	session.Stdin = strings.NewReader(stdin)
	out, err := session.CombinedOutput(command)
	if err != nil && !isExit(err) {
		return "", fmt.Errorf("%s: %w\n%s", command, err, out)
	}
	return string(out), nil
}

// play plays a dialogue file in a telnet that runs on a terminal, as package dialoguetest does on a connection.
func (term *terminal) play(file string, normalise func(string) string) {
	term.t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		term.t.Fatal(err)
	}
	for term.skip() != "Escape character is '^]'." {
	}
	for i, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		switch {
		case strings.HasPrefix(line, "C:"):
			term.typeLine(strings.TrimPrefix(strings.TrimPrefix(line, "C:"), " "))
		case strings.HasPrefix(line, "S:"):
			want := normalise(strings.TrimPrefix(strings.TrimPrefix(line, "S:"), " "))
			if got, _ := term.line(); normalise(got) != want {
				term.t.Errorf("%s:%d:\n got %q\nwant %q", file, i+1, normalise(got), want)
			}
		case line == "# server closed":
			if got, _ := term.line(); got != "Connection closed by foreign host." {
				term.t.Errorf("%s:%d: want the connection closed, got %q", file, i+1, got)
			}
		}
	}
}

// skip is line for what must come.
func (term *terminal) skip() string {
	term.t.Helper()
	text, ok := term.line()
	if !ok {
		term.t.Fatalf("the program ended:\n%s", strings.Join(term.seen, "\n"))
	}
	return text
}
