package pop3

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// client runs a program against the server, and skips the test where it is not installed.
func client(t *testing.T, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed", name)
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.WaitDelay = time.Second
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", name, err, out, errs.String())
	}
	return string(out)
}

const poplibSession = `
import poplib, ssl, sys
p = poplib.POP3("127.0.0.1", int(sys.argv[1]), timeout=20)
caps = p.capa()
assert "TOP" in caps and caps["SASL"] == ["PLAIN"], caps
p.utf8()
p.stls(ssl.create_default_context(cafile=sys.argv[2]))
p.user("util1"); p.pass_("master2021")
print(p.stat())
print(p.list()[1])
print(p.uidl()[1], p.uidl(2))
print(p.top(1, 1)[1][-2:])
reply, lines, octets = p.retr(3)
print(len(lines), octets, lines[3])
try: p.retr(9)
except poplib.error_proto as e: print(e)
p.noop(); p.dele(1); p.rset(); p.dele(2)
print(p.quit())
`

// TestPoplib: Python's own client, over STLS, through all of its commands.
func TestPoplib(t *testing.T) {
	server, ca := certificate(t)
	b := twoLetters(t)
	b.put("util1", longMail(2000), "uid-3")
	addr := listen(t, Config{Wording: Dovecot, TLS: server}, b)
	got := client(t, "python3", "-c", poplibSession, fmt.Sprint(addr.Port), ca)
	want := `(3, 144382)
[b'1 183', b'2 183', b'3 144016']
[b'1 uid-1', b'2 uid-2', b'3 uid-3'] b'+OK 2 uid-2'
[b'', b'bonjour']
2002 144016 b'.0123456789 a line of a long message that begins with a dot, 72 octets'
b"-ERR There's no message 9."
b'+OK Logging out, messages deleted.'
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"uid-1", "uid-3"}, b.uidls("util1")); diff != "" {
		t.Error(diff)
	}
}

// TestCurl: curl logs in with SASL PLAIN, which CAPA offers, and takes dots out.
func TestCurl(t *testing.T) {
	for _, wording := range []string{Courier, Dovecot} {
		b := twoLetters(t)
		b.put("util1", longMail(500), "uid-3")
		e := &events{}
		addr := listen(t, Config{Wording: wording, Witness: witness(nil, e)}, b)
		url := fmt.Sprintf("pop3://127.0.0.1:%d/", addr.Port)
		curl := func(args ...string) string {
			return client(t, "curl", append([]string{"-sS", "--max-time", "20", "-u", "util1:master2021"}, args...)...)
		}
		if got := curl(url); got != "1 183\r\n2 183\r\n3 36016\r\n" {
			t.Errorf("list: %q", got)
		}
		if got := curl(url + "3"); got != longMail(500) {
			t.Errorf("message of %d octets came as %d", len(longMail(500)), len(got))
		}
		curl("-X", "DELE", "-I", url+"1")
		if diff := cmp.Diff([]string{"uid-2", "uid-3"}, b.uidls("util1")); diff != "" {
			t.Error(diff)
		}
		if !slices.Contains(e.text(), "login util1 PLAIN tls=false") {
			t.Error(e.text())
		}
	}
}

// ctrlC types at a real telnet on a terminal: Ctrl-C, and then a command.
const ctrlC = `
import os, pty, select, sys, time
pid, fd = pty.fork()
if pid == 0: os.execvp("telnet", ["telnet", "127.0.0.1", sys.argv[1]])
seen = b""
def expect(text):
    global seen
    end = time.monotonic() + 20
    while text not in seen:
        if time.monotonic() > end or not select.select([fd], [], [], end - time.monotonic())[0]:
            sys.exit("waiting for %r, saw %r" % (text, seen))
        try: seen += os.read(fd, 4096)
        except OSError: sys.exit("telnet ended, saw %r" % seen)
    seen = seen.split(text, 1)[1]
expect(b"+OK Hello there.")
os.write(fd, b"stat\n"); expect(b"-ERR Invalid command.")
os.write(fd, b"\x03")
os.write(fd, b"user util1\n"); expect(b"+OK Password required.")
os.write(fd, b"pass master2021\n"); expect(b"+OK logged in.")
os.write(fd, b"quit\n"); expect(b"+OK Bye-bye.")
os.waitpid(pid, 0)
print("ok")
`

// TestTelnetAfterCtrlC: Debian's telnet goes silent at Ctrl-C until the server answers its timing mark.
func TestTelnetAfterCtrlC(t *testing.T) {
	if _, err := exec.LookPath("telnet"); err != nil {
		t.Skip("telnet is not installed")
	}
	addr := listen(t, Config{Wording: Courier}, twoLetters(t))
	if got := client(t, "python3", "-c", ctrlC, fmt.Sprint(addr.Port)); got != "ok\n" {
		t.Error(got)
	}
}
