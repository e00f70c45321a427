//go:build linux

package mailproof

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// benchVariable asks for the measurements: they need a Docker engine, and a machine with nothing else to do.
const benchVariable = "MAILLAB_BENCH_MAIL"

// rival is one of the two servers, both in one container, on one file system, behind one bridge.
type rival struct {
	name             string
	smtp, pop3, imap string
	spool            string // directory, on this side
}

// arena is the container with both.
type arena struct {
	t         *testing.T
	container string
	ours      rival
	peer      rival
	pid       int // of our daemon, on this side
}

func docker(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("docker", args...).Output()
	if err != nil {
		t.Fatalf("docker %s: %v", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out))
}

// buildPeer builds the image of a folder, peer or judges, on maillab's own base. It stays, as the base does: the first time takes
// minutes.
func buildPeer(t *testing.T, folder string) (image string) {
	t.Helper()
	tag := "maillab/" + folder + ":bookworm"
	base, err := exec.Command("../../images/base/make-base").Output()
	if err != nil {
		t.Fatalf("the base image: %v", err)
	}
	docker(t, "build", "-q", "-t", tag, "--build-arg", "BASE="+strings.TrimSpace(string(base)), folder)
	return tag
}

// newArena makes the container from peer/ on maillab's own base, and starts our daemon in it too.
func newArena(t *testing.T) *arena {
	t.Helper()
	if os.Getenv(benchVariable) == "" {
		t.Skipf("%s is not set: see make bench-mail", benchVariable)
	}
	needDocker(t)
	a := &arena{t: t, container: fmt.Sprintf("mailproof-%d", os.Getpid())}
	image := buildPeer(t, "peer")
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Join(dir, "mail"), filepath.Join(dir, "ours")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		_ = exec.Command("docker", "exec", a.container, "sh", "-c", "rm -rf /var/mail/* /ours/*").Run()
		_ = exec.Command("docker", "rm", "-f", a.container).Run()
		_ = exec.Command("docker", "network", "rm", a.container).Run()
	})
	// As on a loopback: with Ethernet's small packets Dovecot's last one of a message waits for an acknowledgement.
	docker(t, "network", "create", "-o", "com.docker.network.driver.mtu=65535", a.container)
	docker(t, "run", "-d", "--network", a.container, "--init", "--name", a.container, "-v", dir+"/mail:/var/mail", "-v", dir+"/ours:/ours", image)
	docker(t, "exec", a.container, "sh", "-c", "chown root:mail /var/mail && chmod 2775 /var/mail")
	address := docker(t, "inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", a.container)
	a.peer = rival{"Postfix and Dovecot", address + ":25", address + ":110", address + ":143", filepath.Join(dir, "mail")}
	a.ours = rival{"maild", address + ":2525", address + ":2110", address + ":2143", filepath.Join(dir, "ours/users/spool")}
	a.startOurs()
	for _, r := range []rival{a.ours, a.peer} {
		for _, addr := range []string{r.smtp, r.pop3, r.imap} {
			within(t, r.name+" serves", func() bool {
				c, err := dial(addr)
				if err != nil {
					return false
				}
				defer c.Close()
				_, err = c.line()
				return err == nil
			})
		}
	}
	return a
}

func (a *arena) startOurs() {
	hash, err := hash()
	if err != nil {
		a.t.Fatal(err)
	}
	text, err := json.Marshal(settings{Dir: "/ours", Users: "/ours/users", Hash: hash, Wording: "dovecot",
		Listen: []string{":2525", ":2110", ":2143"}, Pprof: ":6060"})
	if err != nil {
		a.t.Fatal(err)
	}
	docker(a.t, "cp", os.Args[0], a.container+":/maild.test")
	docker(a.t, "exec", "-d", "-e", daemonVariable+"="+string(text), a.container, "/maild.test")
	within(a.t, "our daemon runs", func() bool {
		for line := range strings.Lines(docker(a.t, "top", a.container, "-eo", "pid,args")) {
			if strings.Contains(line, "/maild.test") {
				a.pid, _ = strconv.Atoi(strings.Fields(line)[0])
				return true
			}
		}
		return false
	})
}

// memory is what our daemon holds now: all of it, and what is its own (not the program's pages), in MiB.
func (a *arena) memory() (all, own float64) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", a.pid))
	get := func(name string) (kib float64) {
		_, rest, _ := strings.Cut(string(text), name)
		_, _ = fmt.Sscan(rest, &kib)
		return kib / 1024
	}
	return get("VmRSS:"), get("RssAnon:")
}

// watch samples the daemon's memory until stop, which tells the most.
func (a *arena) watch() (stop func() (all, own float64)) {
	done, result := make(chan struct{}), make(chan [2]float64)
	go func() {
		var most [2]float64
		for {
			all, own := a.memory()
			most = [2]float64{max(most[0], all), max(most[1], own)}
			select {
			case <-done:
				result <- most
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	return func() (float64, float64) {
		close(done)
		most := <-result
		return most[0], most[1]
	}
}

// compare measures a rate at both, the peer first, and prints the ratio. The better of two counts: the machine's other
// business must not decide.
func (a *arena) compare(what, unit string, measure func(r rival) float64) float64 {
	a.t.Helper()
	return a.compareBest(2, what, unit, measure)
}

// compareBest is compare with so many tries.
func (a *arena) compareBest(tries int, what, unit string, measure func(r rival) float64) float64 {
	a.t.Helper()
	stop := a.watch()
	ours, peer := 0.0, 0.0
	for range tries {
		peer = max(peer, measure(a.peer))
		ours = max(ours, measure(a.ours))
	}
	all, own := stop()
	a.t.Logf("%-52s %9.1f %9.1f %-10s %5.2f×   memory %.1f (%.1f) MiB", what, ours, peer, unit, ours/peer, all, own)
	return ours / peer
}

// TestBesidePostfixAndDovecot prints ours, theirs, the ratio, and the most that our daemon held meanwhile (with its
// program's pages, and without).
func TestBesidePostfixAndDovecot(t *testing.T) {
	a := newArena(t)
	all, own := a.memory()
	t.Logf("idle: %.1f MiB, %.1f MiB of its own", all, own)
	t.Run("sending", func(t *testing.T) { a.on(t).sending() })
	t.Run("reading", func(t *testing.T) { a.on(t).reading() })
}

// on is the same arena for a part of the test.
func (a *arena) on(t *testing.T) *arena {
	part := *a
	part.t = t
	return &part
}

// sending measures SMTP.
func (a *arena) sending() {
	for _, size := range []int{1 << 10, 100 << 10} {
		for _, boxes := range []int{1, 19} {
			for _, sessions := range []int{1, 10, 50} {
				what := fmt.Sprintf("SMTP, %d kB, %d mailboxes, %d sessions", size>>10, boxes, sessions)
				a.compare(what, "messages/s", func(r rival) float64 { return r.smtpRate(a.t, size, boxes, sessions) })
			}
		}
	}
	stop := a.watch()
	a.ours.smtpRate(a.t, 9_900_000, 1, 1)
	all, own := stop()
	a.t.Logf("10 MB messages pass: %.1f MiB, %.1f MiB of its own", all, own)
}

// smtpRate is messages delivered a second: from the first connection until the last message is in its mailbox. Each
// message has a connection of its own, as smtp-source's have.
func (r rival) smtpRate(t *testing.T, size, boxes, sessions int) float64 {
	t.Helper()
	count := map[bool]int{true: 200, false: 600}[size > 10<<10]
	if size > 1<<20 {
		count = 4
	}
	r.empty(t)
	body := append(bytes.Repeat([]byte(strings.Repeat("x", 62)+"\r\n"), size/64), ".\r\n"...)
	var next atomic.Int64
	var wg sync.WaitGroup
	begin := time.Now()
	for range sessions {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(count); i = next.Add(1) {
				if err := r.post(fmt.Sprintf("util%d", 1+i%int64(boxes)), body); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	counts := map[string]*counter{}
	within(t, "all is delivered", func() bool {
		there := 0
		for n := range boxes {
			path := filepath.Join(r.spool, fmt.Sprintf("util%d", n+1))
			if counts[path] == nil {
				counts[path] = &counter{path: path}
			}
			there += counts[path].look()
		}
		return there >= count
	})
	return float64(count) / time.Since(begin).Seconds()
}

// counter counts a growing mailbox's messages.
type counter struct {
	path  string
	at    int64
	tail  string
	count int
}

func (c *counter) look() int {
	f, err := os.Open(c.path)
	if err != nil {
		return c.count
	}
	defer f.Close()
	buf := make([]byte, 1<<20)
	for {
		n, _ := f.ReadAt(buf, c.at)
		if n == 0 {
			return c.count
		}
		text := c.tail + string(buf[:n])
		c.at += int64(n)
		c.count += strings.Count(text, "\nReturn-Path: ")
		c.tail = text[max(0, len(text)-13):]
	}
}

// empty cuts the mailboxes. Nothing is running.
func (r rival) empty(t *testing.T) {
	t.Helper()
	for n := range accounts {
		err := os.Truncate(filepath.Join(r.spool, fmt.Sprintf("util%d", n+1)), 0)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
}

func (r rival) post(user string, body []byte) error {
	c, err := dial(r.smtp)
	if err != nil {
		return err
	}
	defer c.Close()
	if line, err := c.line(); err != nil || !strings.HasPrefix(line, "220") {
		return fmt.Errorf("greeting %q: %w", line, err)
	}
	for _, turn := range [][2]string{
		{"HELO bench", "250"}, {"MAIL FROM:<util2@local.isri.fr>", "250"}, {"RCPT TO:<" + user + "@local.isri.fr>", "250"}, {"DATA", "354"},
	} {
		if _, err := c.say(turn[0], turn[1]); err != nil {
			return err
		}
	}
	if _, err := c.Write(append([]byte("From: util2@local.isri.fr\r\nSubject: test\r\n\r\n"), body...)); err != nil {
		return err
	}
	if line, err := c.line(); err != nil || !strings.HasPrefix(line, "250") {
		return fmt.Errorf("message: %q: %w", line, err)
	}
	_, err = c.say("QUIT", "221")
	return err
}
