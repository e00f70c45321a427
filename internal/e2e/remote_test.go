//go:build linux

package e2e

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestAnEngineElsewhere: DOCKER_HOST names a machine with addresses of its own. Doors are over there, and what run tells
// its command, and status tells the teacher, is where they are reached from here.
func TestAnEngineElsewhere(t *testing.T) {
	m := newMachine(t, "-H", "tcp://0.0.0.0:2375", "--tls=false") // false, and said: else it waits 15 s to warn of it
	host := m.cable()
	t.Setenv("DOCKER_TLS_VERIFY", "")
	t.Setenv("DOCKER_TLS", "")
	t.Setenv("DOCKER_HOST", "tcp://"+host+":2375")
	c := newClass(t, "elsewhere")
	t.Run("run", func(t *testing.T) {
		said := strings.Fields(runsThere(t, `exec 3<>"/dev/tcp/${MAILLAB_SMTP/://}" && read -r greeting <&3 && echo "$MAILLAB_SMTP $greeting"`))
		if len(said) < 2 || !strings.HasPrefix(said[0], host+":") || said[1] != "220" {
			t.Errorf("the command was told, and found: %q", said)
		}
		m.holdsNothing()
	})
	t.Run("up", func(t *testing.T) {
		c := c.with(t)
		up := []string{"up", "-f", "amiens-smtp-pop-imap", "--students", "2"}
		const closed = "which only that machine reaches"
		if code, _, errs := c.try(t.Context(), up...); code != 0 || !strings.Contains(errs, closed) {
			t.Fatalf("exit code %d, and of doors that nobody reaches: %q", code, errs)
		}
		if code, _, errs := c.try(t.Context(), append(up, "--listen", "0.0.0.0")...); code != 0 || strings.Contains(errs, closed) {
			t.Fatalf("exit code %d, and of doors that all reach: %q", code, errs)
		}
		for _, s := range c.status().Sandboxes {
			for service, address := range s.Addresses {
				if !strings.HasPrefix(address, host+":") {
					t.Errorf("%s of %s is at %s", service, s.Student, address)
				}
			}
			seat{name: s.Student, at: s.Addresses}.greets(t)
		}
	})
	c.run("down", "-y")
	m.holdsNothing()
}

// runsThere is what a command says that the real program runs with a lab, as a job does: the engine is known from the
// environment alone.
func runsThere(t *testing.T, script string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "maillab")
	if out, err := exec.Command("go", "build", "-o", program, "maillab/cmd/maillab").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), program, "run", "--engine", "docker", "-f", "hello", "--", "bash", "-c", script)
	cmd.Env = append(os.Environ(), "MAILLAB_DATA="+t.TempDir(), "MAILLAB_RUNTIME="+t.TempDir())
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("maillab run: %v\n%s", err, errs.String())
	}
	return string(out)
}

// cable connects this machine's network with that one's, and returns its address over there. It goes with the machine.
// The addresses are of those set aside for tests of networks (RFC 2544), others in each test process.
func (m *machine) cable() string {
	m.t.Helper()
	n := os.Getpid() % (1 << 15) * 4
	at := func(host int) string {
		return netip.AddrFrom4([4]byte{198, byte(18 + n>>16), byte(n >> 8), byte(n + host)}).String()
	}
	here, there := fmt.Sprintf("ml%d", os.Getpid()), strconv.Itoa(m.process.Process.Pid)
	for _, step := range []string{
		"ip link add " + here + " type veth peer name cable netns " + there,
		"ip address add " + at(1) + "/30 dev " + here,
		"ip link set " + here + " up",
		"nsenter -n -t " + there + " ip address add " + at(2) + "/30 dev cable",
		"nsenter -n -t " + there + " ip link set cable up",
	} {
		args := strings.Fields(step)
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			m.t.Fatalf("%s: %v\n%s", step, err, out)
		}
	}
	return at(2)
}
