//go:build linux

package sandbox_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"maillab/internal/handoff"
	"maillab/internal/spec"
)

// TestNoNetwork: what a student's processes reach, on the network that a sandbox has, which is none, and on one that an
// engine gives all the same.
func TestNoNetwork(t *testing.T) {
	needEngine(t)
	for i, network := range []string{"none", "bridge"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			b := newBox(t, 153000+1000*i)
			b.network = network
			if err := b.create(); err != nil {
				t.Fatal(err)
			}
			b.await()
			b.configure(labSpec("fence", master2021))
			b.reachesNothing()
		})
	}
}

func (b *box) reachesNothing() {
	t := b.t
	host, err := net.Listen("tcp", ":0") // something on the host that would answer
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	_, port, _ := net.SplitHostPort(host.Addr().String())
	bridge := mustDocker(t, "network", "inspect", "bridge", "-f", "{{(index .IPAM.Config 0).Gateway}}")
	for _, probe := range []struct{ what, command, want string }{
		{"its own SMTP", "nc -w 5 localhost 25 </dev/null", "220 smtp 127.0.0.1:"},
		{"its own SMTP by name", "nc -w 5 smtp.u-picardie.fr 25 </dev/null", "220 smtp 127.0.0.1:"},
		{"its own IMAP by address", "nc -w 5 127.0.1.1 143 </dev/null", "220 imap 127.0.0.1:"},
		{"its own SSH", "nc -w 5 localhost 22 </dev/null", "SSH-2.0-"},
		{"a server of its own", "(echo hello | nc -N -l 127.0.0.1 2525 >/dev/null &) ; until nc -N -w 5 127.0.0.1 2525 </dev/null; do sleep 0.1; done", "hello"},
		{"the host name", "hostname; getent hosts test6isri.local.isri.fr", "127.0.1.1"},
		{"the outside, after a while", "timeout 2 nc 192.0.2.25 25; echo exit=$?", "exit=124"},
		{"the Internet", "nc -z -w 2 1.1.1.1 443; echo exit=$?", "exit=1"},
		{"the host", "nc -z -w 2 " + bridge + " " + port + "; echo exit=$?", "exit=1"},
		{"IPv6", "nc -6 -z -w 2 2606:4700:4700::1111 443; echo exit=$?", "exit=1"},
		{"a name outside, at once", "timeout 2 getent hosts debian.org; echo exit=$?", "exit=2"},
		{"names, asked for by itself", "cat /etc/resolv.conf | grep -c nameserver", "0"},
		{"the gateway's socket", "ls /srv/gateway 2>&1; echo exit=$?", "Permission denied"},
		{"raw sockets", "python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)' 2>&1 | tail -1", "PermissionError"},
		{"taking part in it", "/usr/lib/maillab/labinit 2>&1; echo exit=$?", "exit=1"},
		{"what is up", "python3 -c '" + upInterfaces + "'", "['lo']"},
	} {
		if out, err := b.session("util1", "master2021", probe.command, false); !strings.Contains(out, probe.want) {
			t.Errorf("%s: %s\ngot  %q, %v\nwant %q", probe.what, probe.command, out, err, probe.want)
		}
	}
	got := b.as("util1", "grep CapBnd /proc/self/status")
	// CHOWN 0, KILL 5, SETGID 6, SETUID 7, NET_BIND_SERVICE 10, SYS_CHROOT 18, AUDIT_WRITE 29
	if want := fmt.Sprintf("%016x", 1<<0|1<<5|1<<6|1<<7|1<<10|1<<18|1<<29); !strings.Contains(got, want) {
		t.Errorf("bounding set of a student's process: %s, want %s", got, want)
	}
	sets := strings.Fields(mustDocker(t, "exec", b.name, "sh", "-c", `sed -n 's/^Cap[A-Z][a-z]*:\t//p' /proc/1/task/*/status`))
	for _, set := range sets {
		if bits, err := strconv.ParseUint(set, 16, 64); err != nil || bits&(1<<unix.CAP_NET_ADMIN) != 0 {
			t.Errorf("a thread of labinit's can still change the network: %s, %v", set, err)
		}
	}
	if len(sets) < 5 {
		t.Errorf("capabilities of labinit's threads: %q", sets)
	}
}

const upInterfaces = `import os
print([n for n in os.listdir("/sys/class/net") if os.path.isdir("/sys/class/net/" + n) and int(open("/sys/class/net/" + n + "/flags").read(), 16) & 1])`

func TestNoFenceNoSandbox(t *testing.T) {
	needEngine(t)
	t.Parallel()
	t.Run("without NET_ADMIN", func(t *testing.T) { refuses(t, 155000, "NET_ADMIN", "it cannot be taken down") })
	t.Run("with low ports for everybody", func(t *testing.T) {
		refuses(t, 182000, "net.ipv4.ip_unprivileged_port_start", "any student could take port 22")
	})
}

// refuses expects that nothing starts without drop, and why.
func refuses(t *testing.T, base int, drop, why string) {
	b := newBox(t, base)
	b.drop = drop
	if err := b.create(); err != nil {
		t.Fatal(err)
	}
	if code := mustDocker(t, "wait", b.name); code != "1" {
		t.Errorf("without %s labinit ends with %s, want 1", drop, code)
	}
	logs, err := exec.Command("docker", "logs", b.name).CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	if text := string(logs); strings.Contains(text, "started") || !strings.Contains(text, why) {
		t.Errorf("without %s nothing must start, because of %q: %s", drop, why, text)
	}
}

// TestPortsOfTheSystem: where no service has them, ports under 1024 are nobody's; those above are for who asks first.
func TestPortsOfTheSystem(t *testing.T) {
	b := start(t, 181000)
	s := labSpec("ports", master2021)
	b.configure(s)
	client, err := ssh.Dial("tcp", b.door("ssh"), &ssh.ClientConfig{
		User: "util1", Auth: []ssh.AuthMethod{ssh.Password("master2021")}, HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: patience,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close() // it goes on when SSH is switched off
	s.Instance, s.Services = "ports-off", spec.Services{}
	b.configure(s)
	eventually(t, "SSH is off", func() error {
		conn, err := net.DialTimeout("tcp", b.door("ssh"), patience)
		if err != nil {
			return err
		}
		defer conn.Close()
		if n, _ := conn.Read(make([]byte, 1)); n > 0 {
			return errors.New("it is served")
		}
		return nil
	})
	session, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	out, err := session.CombinedOutput("python3 -c '" + bindAll + "'")
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	const want = "22 PermissionError\n25 PermissionError\n110 PermissionError\n143 PermissionError\n1023 PermissionError\n1024 taken\n2525 taken\n"
	if diff := cmp.Diff(want, string(out)); diff != "" {
		t.Errorf("what a student can bind, with every service off (-want +got):\n%s", diff)
	}
}

const bindAll = `
import socket
for port in 22, 25, 110, 143, 1023, 1024, 2525:
    s = socket.socket()
    try:
        s.bind(("", port))
        s.listen()
        print(port, "taken")
    except OSError as e:
        print(port, type(e).__name__)
`

// TestTheGatewayComesAndGoes: a connection has the address of its peer; one that starts after another was killed finds the
// sandbox registered by itself, with what ran there.
func TestTheGatewayComesAndGoes(t *testing.T) {
	b := start(t, 183000)
	b.configure(labSpec("comes", master2021))
	if _, err := b.registry.Dial(t.Context(), b.target, handoff.Offer{Service: "smtp", Probe: true}); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", b.door("smtp"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	line, err := bufio.NewReader(conn).ReadString('\n')
	if want := "220 smtp " + conn.LocalAddr().String() + "\r\n"; err != nil || line != want {
		t.Errorf("greeting %q, %v; want %q", line, err, want)
	}
	before, err := b.who()
	if err != nil {
		t.Fatal(err)
	}
	b.killGateway()
	if _, err := b.registry.Dial(t.Context(), b.target, handoff.Offer{Service: "smtp", Probe: true}); err == nil {
		t.Error("the next gateway has a registration that nobody made")
	}
	b.openGateway()
	b.await()
	if after, err := b.who(); err != nil || after.PID != before.PID {
		t.Errorf("maild is process %d, it was %d: the sandbox was started anew; %v", after.PID, before.PID, err)
	}
	if _, err := b.session("util1", "master2021", "true", false); err != nil {
		t.Errorf("a login after that: %v", err)
	}
}

// TestRelay: the one that the gateway was told, and none where there is none.
func TestRelay(t *testing.T) {
	relay, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer relay.Close()
	go func() {
		for {
			conn, err := relay.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "220 relay\r\n")
			conn.Close()
		}
	}()
	b := start(t, 184000)
	if got := b.ask(ask{Op: "relay"}); !strings.Contains(got.Error, "the lab names no relay") {
		t.Errorf("without a relay: %+v", got)
	}
	b.target.Relay = relay.Addr().String()
	if got := b.ask(ask{Op: "relay"}); got.Text != relay.Addr().String()+" 220 relay\r\n" {
		t.Errorf("with a relay: %+v", got)
	}
	relay.Close()
	if got := b.ask(ask{Op: "relay"}); got.Errno != 111 { // ECONNREFUSED, for the log
		t.Errorf("a relay that is down: %+v", got)
	}
}

// TestLoginsWhileConnectionsAreHeld: thirty in a row from the address that holds four times as many connections as there
// may be, and who is logged in stays so.
func TestLoginsWhileConnectionsAreHeld(t *testing.T) {
	b := start(t, 185000)
	b.configure(labSpec("held", master2021))
	stays := b.terminal("util11", "master2021")
	defer stays.client.Close()
	expect(t, stays.out, "$ ")
	held := 0
	for range 120 {
		conn, err := net.Dial("tcp", b.door("ssh"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(patience))
		if _, err := io.ReadFull(conn, make([]byte, 4)); err == nil {
			held++
		}
	}
	if held < 100 {
		t.Errorf("%d of 120 were greeted", held)
	}
	for i := range 30 {
		if out, err := b.session("util1", "master2021", "echo in", i%2 == 0); err != nil || !strings.Contains(out, "in") {
			t.Fatalf("login %d: %q, %v", i, out, err)
		}
	}
	stays.say("echo still he''re")
	expect(t, stays.out, "still here")
	count := mustDocker(t, "exec", b.name, "sh", "-c", "ps -eo comm | grep -c '^sshd'")
	t.Logf("%s processes of sshd", count)
}
