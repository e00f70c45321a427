//go:build linux

package sandbox_test

import (
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"maillab/internal/spec"
)

// udp sends a datagram to port 53 and fails when an error comes back, or nothing within 30 seconds.
func udp(address string) string {
	return "python3 -c 'import socket; s=socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(30); s.connect((\"" + address + "\", 53)); s.send(b\"x\"); s.recv(10)'"
}

// TestFence is the probe matrix: what a student's processes reach, and who reaches the sandbox.
//
// It runs on the network that an instance has, and on a plain bridge, where nothing but the chain stands between a
// sandbox and the world: that is what is left where an internal network is no use (Docker Desktop, compose).
func TestFence(t *testing.T) {
	t.Run("internal network", func(t *testing.T) { fenceMatrix(t, newNetwork(t), 153000) })
	t.Run("plain bridge", func(t *testing.T) { fenceMatrix(t, makeNetwork(t), 165000) })
}

func fenceMatrix(t *testing.T, n network, base int) {
	b := n.start(t, 3, base)
	neighbour := n.start(t, 4, base+1000)
	b.configure(labSpec("fence", master2021))
	neighbour.configure(labSpec("neighbour", master2021))
	host, err := net.Listen("tcp", n.subnet+"1:0") // something on the host that would answer
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	_, hostPort, _ := net.SplitHostPort(host.Addr().String())

	refused := []struct{ what, command string }{
		{"the neighbour", "nc -w 30 " + neighbour.address + " 25"},
		{"the neighbour's control", "nc -w 30 " + neighbour.address + " 10080"},
		{"the neighbour by UDP", udp(neighbour.address)},
		{"the neighbour by name", "nc -w 30 " + neighbour.name + " 25"},
		{"the host", "nc -w 30 " + n.subnet + "1 " + hostPort},
		{"the host's other addresses", "nc -w 30 172.17.0.1 22"},
		{"the Internet", "nc -w 30 1.1.1.1 443"},
		{"the metadata address", "nc -w 30 169.254.169.254 80"},
		{"Docker's resolver", "nc -w 30 127.0.0.11 53"},
		{"Docker's resolver by UDP", udp("127.0.0.11")},
		{"IPv6", "nc -6 -w 30 2606:4700:4700::1111 443"},
		{"a name outside", "getent hosts debian.org"},
		{"a neighbour's name", "getent hosts " + neighbour.name},
		{"raw sockets", "python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)'"},
		{"control, from inside", "nc -w 30 127.0.0.1 10080"},
		{"control, by its own address", "nc -w 30 " + b.address + " 10080"},
		{"the PROXY port, from inside", "nc -w 30 127.0.0.1 10025"},
		{"the chain", "/usr/lib/maillab/labinit"},
	}
	for _, probe := range refused {
		t.Run(probe.what, func(t *testing.T) {
			// timeout answers 124 when the probe hangs: refused means at once, and each probe would wait longer than this.
			out, err := b.session("util1", "master2021", "timeout 20 sh -c \""+strings.ReplaceAll(probe.command, `"`, `\"`)+"\"; echo exit=$?", false)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(out, "exit=0") || strings.Contains(out, "exit=124") {
				t.Errorf("%s\n%s", probe.command, out)
			}
		})
	}
	allowed := []struct{ what, command, want string }{
		{"its own SMTP", "nc -w 5 localhost 25 </dev/null", "220 smtp 127.0.0.1:"},
		{"its own SMTP by name", "nc -w 5 smtp.u-picardie.fr 25 </dev/null", "220 smtp " + b.address},
		{"its own IMAP by address", "nc -w 5 " + b.address + " 143 </dev/null", "220 imap " + b.address},
		{"a server of its own", "(echo hello | nc -N -l 127.0.0.1 2525 >/dev/null &) ; for i in 1 2 3 4 5 6 7 8 9; do nc -N -w 5 127.0.0.1 2525 </dev/null && break; sleep 0.1; done", "hello"},
		{"the host name", "hostname; getent hosts test6isri.local.isri.fr", b.address},
	}
	for _, probe := range allowed {
		t.Run(probe.what, func(t *testing.T) {
			if out := b.as("util1", probe.command); !strings.Contains(out, probe.want) {
				t.Errorf("%s\ngot  %q\nwant %q", probe.command, out, probe.want)
			}
		})
	}
	t.Run("the outside times out", func(t *testing.T) {
		out, _ := b.session("util1", "master2021", "timeout 2 nc 192.0.2.25 25; echo exit=$?", false)
		if !strings.Contains(out, "exit=124") || strings.Contains(out, "refused") || strings.Contains(out, "unreachable") {
			t.Errorf("a connect to an outside address should hang: %q", out)
		}
	})
	t.Run("its neighbour's bridge", func(t *testing.T) {
		// Without the fence, on this network, would it get through? On a plain bridge it does: the chain is what holds.
		out, err := docker("run", "--rm", "--name", b.name+"-free", "--network", n.name, "--ip", n.subnet+"8", imageTag(),
			"sh", "-c", fmt.Sprintf("nc -z -w 20 %s1 %s; echo exit=$?", n.subnet, hostPort))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out, "exit=0") {
			t.Errorf("a container without a fence cannot reach the host: the probe proves nothing: %s", out)
		}
	})
	t.Run("only the gateway gets in", func(t *testing.T) {
		// The neighbour's root, without its fence, may connect: the bridge and this sandbox's own chain still say no.
		out, err := docker("run", "--rm", "--name", b.name+"-intruder", "--network", n.name, "--ip", n.subnet+"9", imageTag(),
			"sh", "-c", fmt.Sprintf("nc -w 2 %s 25 </dev/null; echo exit=$?", b.address))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out, "220") || strings.Contains(out, "exit=0") {
			t.Errorf("an intruder in the same network gets in: %s", out)
		}
	})
	t.Run("setuid programs have no CAP_NET_ADMIN", func(t *testing.T) {
		got := b.as("util1", "grep CapBnd /proc/self/status")
		// CHOWN 0, KILL 5, SETGID 6, SETUID 7, NET_BIND_SERVICE 10, SYS_CHROOT 18, AUDIT_WRITE 29
		if want := fmt.Sprintf("%016x", 1<<0|1<<5|1<<6|1<<7|1<<10|1<<18|1<<29); !strings.Contains(got, want) {
			t.Errorf("bounding set of a student's process: %s, want %s", got, want)
		}
	})
}

func TestNoFenceNoSandbox(t *testing.T) {
	n := newNetwork(t)
	t.Run("without NET_ADMIN", func(t *testing.T) {
		n.refuses(t, 5, 155000, "NET_ADMIN", "packet chain")
	})
	t.Run("with low ports for everybody", func(t *testing.T) {
		n.refuses(t, 6, 182000, "net.ipv4.ip_unprivileged_port_start", "any student could take port 22")
	})
}

// refuses expects that nothing starts without drop, and why.
func (n network) refuses(t *testing.T, number, base int, drop, why string) {
	b := &box{t: t, net: n, name: fmt.Sprint(n.name, "-nofence", number), address: fmt.Sprint(n.subnet, number), base: base, drop: drop, timeout: patience}
	t.Cleanup(func() {
		b.remove()
		for _, part := range []string{"mail", "home", "state"} {
			mustDocker(t, "volume", "rm", "-f", b.name+"-"+part)
		}
	})
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
	b := newNetwork(t).start(t, 3, 181000)
	s := labSpec("ports", master2021)
	b.configure(s)
	client, err := ssh.Dial("tcp", b.address+":22", &ssh.ClientConfig{
		User: "util1", Auth: []ssh.AuthMethod{ssh.Password("master2021")}, HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: patience,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close() // it outlives the sshd that it came by
	s.Instance, s.Services = "ports-off", spec.Services{}
	b.configure(s)
	eventually(t, "sshd is off", func() error {
		conn, err := net.DialTimeout("tcp", b.address+":22", patience)
		if err == nil {
			_ = conn.Close()
			return errors.New("port 22 is open")
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
