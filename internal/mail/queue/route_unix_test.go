//go:build unix

package queue

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/spec"
)

// listServer starts testdata/server/list.sh and returns where it keeps its mail.
func listServer(t *testing.T, address string) string {
	t.Helper()
	for _, tool := range []string{"sh", "nc", "mkfifo"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("needed for a shell server: ", err)
		}
	}
	folder := t.TempDir()
	_, port, _ := net.SplitHostPort(address)
	cmd := exec.Command("sh", "testdata/server/list.sh", port, folder)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	})
	until(t, "nc listens", func() bool { _, ok := ListenerOwner(address); return ok })
	return folder
}

// TestShellServer delivers to forty lines of shell around nc, twice: it knows no EHLO and answers with bare LF.
func TestShellServer(t *testing.T) {
	address := freePort(t)
	folder := listServer(t, address)
	b := newBench(t, func(c *Config) {
		c.Routes = []spec.Route{{To: "liste@local.isri.fr", Via: address, Account: "util5"}}
		c.Locals = append(c.Locals, "test")
		c.ListenerOwner = func(a string) (int, bool) {
			uid, ok := ListenerOwner(a)
			return uid - os.Getuid() + 1005, ok // as if the tester were util5
		}
	})
	b.run(t)
	first := b.send(t, "Subject: bonjour\r\n\r\n.point\r\nfin\r\n", "util1", "liste")
	b.log.wait(t, first, "relay=127.0.0.1[127.0.0.1]:", "dsn=2.0.0, status=sent (250 pris)")
	until(t, "the next nc listens", func() bool { // the first one listened as long as it talked
		round, _ := os.ReadFile(filepath.Join(folder, "round"))
		_, ok := ListenerOwner(address)
		return ok && string(round) == "2\n"
	})
	second := b.send(t, "Subject: encore\r\n\r\nx\r\n", "util2", "Liste@local.isri.fr", "util3")
	b.log.wait(t, second, "status=sent (250 pris)")
	b.log.wait(t, second, "status=sent (delivered to mailbox)")
	b.log.wait(t, second, "removed")
	got, err := os.ReadFile(filepath.Join(folder, "1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\tfor <liste>; ", "Subject: bonjour\n", "\n\n..point\nfin\n"} {
		if !strings.Contains(string(got), want) {
			t.Errorf("want %q in\n%s", want, got)
		}
	}
	commands, _ := os.ReadFile(filepath.Join(folder, "commands"))
	want := `EHLO test6isri.local.isri.fr
HELO test6isri.local.isri.fr
MAIL FROM:<util1@local.isri.fr>
RCPT TO:<liste@local.isri.fr>
DATA
QUIT
`
	if diff := cmp.Diff(want, string(commands)[:min(len(want), len(commands))]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
