package docker

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSSHArgs(t *testing.T) {
	for host, want := range map[string]string{
		"ssh://lab.example":               "-T -o ConnectTimeout=30 -- lab.example docker system dial-stdio",
		"ssh://teacher@lab.example:2222/": "-T -o ConnectTimeout=30 -l teacher -p 2222 -- lab.example docker system dial-stdio",
		"ssh://[2001:db8::1]":             "-T -o ConnectTimeout=30 -- 2001:db8::1 docker system dial-stdio",
		"ssh://":                          "",
		"ssh://-oProxyCommand=evil":       "",
		"ssh://-oProxyCommand=evil@host":  "",
		"ssh://teacher:secret@host":       "",
		"ssh://host/var/run/docker.sock":  "",
	} {
		got, err := sshArgs(host)
		if d := cmp.Diff(want, strings.Join(got, " ")); d != "" || (err == nil) != (want != "") {
			t.Errorf("%s: %v\n%s", host, err, d)
		}
	}
}

func TestACommandAsAConnection(t *testing.T) {
	conn, err := dialCommand("cat")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "hello"); err != nil {
		t.Fatal(err)
	}
	back := make([]byte, 5)
	if _, err := io.ReadFull(conn, back); err != nil || string(back) != "hello" {
		t.Fatalf("%q, %v", back, err)
	}
	if err := conn.SetDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(back); !os.IsTimeout(err) {
		t.Errorf("read after the deadline: %v", err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}

func TestACommandThatFailsSaysWhy(t *testing.T) {
	conn, err := dialCommand("sh", "-c", "echo no route to host >&2; exit 255")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.ReadAll(conn); err == nil || !strings.Contains(err.Error(), "no route to host") {
		t.Errorf("%v", err)
	}
}

// relayLikeSSH is what `ssh HOST docker system dial-stdio` comes down to.
func relayLikeSSH(socket string) int {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return 255
	}
	go func() {
		io.Copy(conn, os.Stdin)           //nolint:errcheck // ends with the connection
		conn.(*net.UnixConn).CloseWrite() //nolint:errcheck // as above
	}()
	if _, err := io.Copy(os.Stdout, conn); err != nil {
		return 255
	}
	return 0
}

// TestAnEngineBehindSSH reaches this machine's daemon through an ssh that is this test binary.
func TestAnEngineBehindSSH(t *testing.T) {
	local := open(t)
	socket, ok := strings.CutPrefix(local.endpoint.String(), "unix://")
	if !ok {
		t.Skipf("the engine is at %s already", local.endpoint)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, "ssh")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	t.Setenv("MAILLAB_TEST_SOCKET", socket)
	e, err := Open(context.Background(), Config{Endpoint: Endpoint{Host: "ssh://teacher@lab.example"}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	up(t, e, "ssh", 1)
	if out, _, exit := run(t, e, instanceName("ssh"), "bonjour", programs+"try", "exit", "3"); out != "bonjour" || exit != 3 {
		t.Errorf("exec: %q, exit %d", out, exit)
	}
	if got := e.endpoint.RemoteHost(); got != "lab.example" {
		t.Errorf("remote host %q", got)
	}
}
