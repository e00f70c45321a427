//go:build linux

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"maillab/internal/engine"
)

// published is the first lab with another publish line.
func published(t *testing.T, c *class, line string) (folder string) {
	t.Helper()
	folder = filepath.Join(t.TempDir(), "lab")
	c.run("labs", "copy", "amiens-smtp-pop-imap", folder)
	file := filepath.Join(folder, "lab.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := regexp.MustCompile(`(?m)^publish:.*$`).ReplaceAll(text, []byte("publish: {"+line+"}"))
	if bytes.Equal(text, changed) {
		t.Fatal("the lab has no publish line to change")
	}
	if err := os.WriteFile(file, changed, 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

// TestPublishing is one class whose doors move: to addresses of their own, to a gateway that the engine forwards to, and away.
func TestPublishing(t *testing.T) {
	t.Parallel()
	c := newClass(t, "publish")
	net3 := fmt.Sprintf("127.%d.%d", 20+os.Getpid()/200%100, os.Getpid()%200) // this process's own
	lab := published(t, c, "mode: addresses, pool: "+net3+".0/24")
	up := []string{"up", "-y", "-f", lab, "--students", "2"}

	t.Run("AClashIsFoundBefore", func(t *testing.T) { clash(c.with(t), net3+".2:110", up) })
	c.run(up...)
	first, second := c.status().Sandboxes[0], c.status().Sandboxes[1]
	t.Run("Addresses", func(t *testing.T) {
		for service, want := range map[string]string{"ssh": ".2:22", "smtp": ".2:25", "pop3": ".2:110", "imap": ".2:143"} {
			if got := second.Addresses[service]; got != net3+want {
				t.Errorf("%s is at %s", service, got)
			}
		}
		telnet(t, net3+".2:25").play("../mail/smtp/testdata/reference/08-no-helo.txt", normal)
		login(t, net3+".2:22", "util1", "master2021")
		onlyBinds(t, net3+".1:25")
	})
	t.Run("ThePeersAddress", func(t *testing.T) { peer(c.with(t), first.Student, first.Addresses["smtp"], "127.0.0.99") })
	t.Run("AFloodIsTheStudentsOwn", func(t *testing.T) { flood(t, first.Addresses["smtp"], second.Addresses["smtp"]) })
	t.Run("Forwarded", func(t *testing.T) {
		c := c.with(t)
		c.run(append(up, "--gateway", "ports")...)
		telnet(t, net3+".2:25").play("../mail/smtp/testdata/reference/08-no-helo.txt", normal)
		login(t, net3+".1:22", "util1", "master2021")
		if plan := c.run(append(up, "--dry-run")...); plan != "nothing to do\n" {
			t.Errorf("up again would move it: %s", plan)
		}
		more := c.run("up", "-f", lab, "--students", "3", "--dry-run")
		if !strings.Contains(more, "recreate   gateway") || strings.Contains(more, "recreate   sandbox") {
			t.Errorf("with one student more, up would:\n%s", more)
		}
	})
	t.Run("None", func(t *testing.T) {
		c := c.with(t)
		c.run("up", "-y", "-f", published(t, c, "mode: none"), "--students", "2", "--gateway", "host")
		if s := c.status().Sandboxes; len(s) != 2 || s[1].State != "ready" || len(s[1].Addresses) != 0 {
			t.Errorf("status: %+v", s)
		}
		if conn, err := net.Dial("tcp", net3+".1:25"); err == nil {
			conn.Close()
			t.Error("somebody still answers where the door was")
		}
		if out := c.run("ssh", first.Student, "--", "id -un"); out != "util1\n" {
			t.Errorf("ssh says %q", out)
		}
		if out := c.run("exec", "--all", "--", "cat /var/mail/util1 | grep -c ^From"); strings.Count(out, "\n") != 2 {
			t.Errorf("exec says %q", out)
		}
	})
}

// clash puts somebody where a door is to be: up must say so and have created nothing.
func clash(c *class, address string, up []string) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		c.t.Skipf("this user may not listen at %s: %v", address, err)
	}
	defer l.Close()
	// The pool has another place, so the first ones are claimed by being all that there is.
	lab := published(c.t, c, "mode: addresses, pool: "+strings.TrimSuffix(address, ".2:110")+".0/29")
	up = append([]string{}, up...)
	up[3] = lab
	code, _, errs := c.try(c.t.Context(), up...)
	if code != 2 || !strings.Contains(errs, address) || !strings.Contains(errs, "somebody listens there") {
		c.t.Errorf("exit code %d: %s", code, errs)
	}
	e, err := openDocker(context.Background())
	if err != nil {
		c.t.Fatal(err)
	}
	there, err := e.Observe(context.Background(), c.name)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, r := range there {
		if r.Kind != engine.Image {
			c.t.Errorf("%s was created", r.ID())
		}
	}
}

// peer connects from an address of its own and tries to be seen with another one.
func peer(c *class, student, address, from string) {
	c.t.Helper()
	const v2 = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xcb\x00\x71\x09\xcb\x00\x71\x09\x0f\xa0\x00\x19"
	for _, first := range []string{"", "PROXY TCP4 203.0.113.9 203.0.113.9 4000 25\r\n", v2} {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		conn, err := dialer.Dial("tcp", address)
		if err != nil {
			c.t.Fatal(err)
		}
		if _, err := io.WriteString(conn, first+"helo pv\r\nquit\r\n"); err != nil {
			c.t.Error(err)
		}
		_, _ = io.ReadAll(conn) // until the server has closed; it may reset what it did not read
		conn.Close()
	}
	c.eventually("disconnect from localhost["+from+"]", "logs", student)
	for _, args := range [][]string{{"logs", student}, {"dialogues", student, "-o", "json"}} {
		out := c.run(args...)
		if !strings.Contains(out, from) {
			c.t.Errorf("%s does not tell who was there:\n%s", args[0], out)
		}
		for line := range strings.Lines(out) {
			asPeer := strings.Contains(line, "connect from") || strings.Contains(line, `"peer"`)
			if asPeer && strings.Contains(line, "203.0.113.9") {
				c.t.Errorf("%s believes a forged address: %s", args[0], line)
			}
		}
	}
}

// flood opens ten thousand connections to one student's door, keeps those that stay open, and talks to another's.
func flood(t *testing.T, victim, beside string) {
	var mu sync.Mutex
	var open []net.Conn
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	var flooding sync.WaitGroup
	for range 20 {
		flooding.Go(func() {
			for range 500 {
				conn, err := net.DialTimeout("tcp", victim, 10*time.Second)
				if err != nil {
					continue // out of descriptors, here or there
				}
				mu.Lock()
				open = append(open, conn)
				mu.Unlock()
			}
		})
	}
	flooding.Wait()
	if len(open) < 1000 {
		t.Skipf("only %d connections could be opened here", len(open))
	}
	telnet(t, beside).play("../mail/smtp/testdata/reference/08-no-helo.txt", normal)
}

// onlyBinds looks at the process that listens at an address: the right to do so is all that it has.
func onlyBinds(t *testing.T, address string) {
	pid := listener(t, address)
	if pid == "" {
		t.Log("who listens cannot be seen by this user")
		return
	}
	status, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Uid:\t65532\t65532\t65532\t65532", "Gid:\t65532\t65532\t65532\t65532", "NoNewPrivs:\t1", "Seccomp:\t2",
		"CapPrm:\t0000000000000400", "CapEff:\t0000000000000400", "CapBnd:\t0000000000000400", // 10 is NET_BIND_SERVICE
	} {
		if !strings.Contains(string(status), want) {
			t.Errorf("%q is not in\n%s", want, status)
		}
	}
}

// listener is the process that has the listening socket of an address, "" when that cannot be seen (proc(5)).
func listener(t *testing.T, address string) string {
	t.Helper()
	at := netip.MustParseAddrPort(address)
	ip := at.Addr().As4()
	local := fmt.Sprintf("%02X%02X%02X%02X:%04X", ip[3], ip[2], ip[1], ip[0], at.Port())
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(table)) {
		fields := strings.Fields(line)
		if len(fields) < 10 || fields[1] != local || fields[3] != "0A" { // LISTEN
			continue
		}
		links, _ := filepath.Glob("/proc/[0-9]*/fd/*")
		for _, link := range links {
			if to, _ := os.Readlink(link); to == "socket:["+fields[9]+"]" {
				return strings.Split(link, "/")[2]
			}
		}
	}
	return ""
}
