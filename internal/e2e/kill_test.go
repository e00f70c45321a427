//go:build linux

package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"maillab/internal/cli"
	"maillab/internal/deploy"
)

// asMaillab is set for a copy of this test program that is to be maillab.
const asMaillab = "MAILLAB_E2E_AS"

func TestMain(m *testing.M) {
	if args := os.Getenv(asMaillab); args != "" {
		env := cli.Env{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv, Now: time.Now, DataDir: os.Getenv("MAILLAB_DATA"),
			Version: "test", Commit: "test", Engines: []deploy.Maker{{Name: "docker", Make: openDocker}}}
		os.Exit(cli.Run(context.Background(), env, strings.Split(args, "\x1f")))
	}
	os.Exit(m.Run())
}

// killed starts a command and kills it with SIGKILL after a while, unless it has ended before.
func (c *class) killed(after time.Duration, args ...string) {
	c.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asMaillab+"="+strings.Join(append([]string{"-n", c.name}, args...), "\x1f"), "MAILLAB_DATA="+c.env.DataDir)
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	timer := time.AfterFunc(after, func() { _ = cmd.Process.Signal(syscall.SIGKILL) })
	defer timer.Stop()
	_ = cmd.Wait()
}

// TestKilledInTheMiddle kills up and down at random points; the next up, or down, finishes, and nothing leaks.
func TestKilledInTheMiddle(t *testing.T) {
	c := newClass(t, "kill")
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	chance := rand.New(rand.NewPCG(seed, 0))
	up := []string{"up", "-y", "-f", "amiens-smtp-pop-imap", "--students", "3"}
	began := time.Now()
	c.run(up...)
	whole := time.Since(began)
	for range 3 {
		c.killed(time.Duration(chance.Int64N(int64(whole))), "down", "-y")
		c.killed(time.Duration(chance.Int64N(int64(whole))), up...)
		c.killed(time.Duration(chance.Int64N(int64(whole))), up...)
		c.run(up...)
		for _, s := range c.status().Sandboxes {
			if s.State != "ready" {
				t.Errorf("seat %d is %s", s.Seat, s.State)
			}
		}
		if out := c.run(append(up, "--dry-run")...); !strings.Contains(out, "nothing to do") {
			t.Errorf("up again has something to do:\n%s", out)
		}
	}
	c.killed(time.Duration(chance.Int64N(int64(whole))), "down", "-y")
	if code, _, errs := c.try(t.Context(), "down", "-y"); code != 0 && !isDown(errs) {
		t.Errorf("down: %s", errs)
	}
	for _, kind := range []string{"container ls -a", "volume ls", "network ls"} {
		args := append(strings.Fields(kind), "-q", "--filter", "label=maillab.instance="+c.name)
		out, err := exec.Command("docker", args...).CombinedOutput()
		if err != nil || len(out) > 0 {
			t.Errorf("docker %s: %v\n%s", kind, err, out)
		}
	}
}

// TestHogs: whatever one student uses up, his neighbour's server answers, and his own is back afterwards.
func TestHogs(t *testing.T) {
	c := newClass(t, "hogs")
	c.run("up", "-f", "amiens-smtp-pop-imap", "--students", "2")
	s := c.status()
	hog, neighbour := s.Sandboxes[0].Addresses, s.Sandboxes[1].Addresses
	for _, tt := range []struct{ name, command string }{
		{"fork bomb", `timeout -s KILL 8 sh -c ':() { : | : & }; for i in $(seq 2000); do sleep 5 & done; wait' 2>/dev/null`},
		{"memory", `timeout -s KILL 20 python3 -c 'x=[]
while True: x.append(bytearray(1<<20))'`},
		{"disk", `timeout -s KILL 20 sh -c 'i=0; while dd if=/dev/zero of=fill$i bs=1M count=60 2>/dev/null; do i=$((i+1)); [ $i -lt 30 ] || break; done'`},
		{"connections", `timeout -s KILL 20 python3 -c 'import socket
all=[]
for i in range(10000):
    try: s=socket.create_connection(("127.0.0.1",25)); all.append(s)
    except OSError: pass'`},
		{"processor", `timeout -s KILL 4 sh -c 'for i in 1 2 3 4 5 6 7 8; do while :; do :; done & done; wait'`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := c.with(t)
			done := make(chan struct{})
			go func() {
				defer close(done)
				client := login(t, hog["ssh"], "util1", "master2021")
				session, err := client.NewSession()
				if err != nil {
					t.Error(err)
					return
				}
				_ = session.Run(tt.command)
			}()
			for n := range 3 {
				deliver(t, neighbour["smtp"], "util1", fmt.Sprintf("beside-%s-%d", strings.ReplaceAll(tt.name, " ", "-"), n))
			}
			<-done
			c.eventually(`"ready"`, "status", "1", "-o", "json")
			deliver(t, hog["smtp"], "util2", "afterwards")
			c.run("reset", "1", "--scope", "all")
		})
	}
	if got := c.run("exec", "2", "--", "grep -c ^Subject:.beside /var/mail/util1"); strings.TrimSpace(got) != "15" {
		t.Errorf("the neighbour has %s messages of 15", got)
	}
}
