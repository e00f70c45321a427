//go:build linux

package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/smtp"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"maillab/images"
	"maillab/internal/cli"
	"maillab/internal/control"
	"maillab/internal/deploy"
	"maillab/internal/depot"
	"maillab/internal/engine"
	"maillab/internal/engine/docker"
	"maillab/internal/engine/enginetest"
	"maillab/internal/instance"
	"maillab/internal/machines"
)

// newSwarm makes three machines with a swarm, which the first of them manage, and the sandbox image, and names an instance on it.
func newSwarm(t *testing.T, short string, managers int) (*class, *machines.Machines) {
	t.Helper()
	if err := machines.Needed(); err != nil {
		enginetest.Absent(t, err)
	}
	requireDocker(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	here, err := openDocker(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := here.Put(ctx, engine.Resource{Kind: engine.Image, Image: &engine.ImageSpec{Tag: images.Tag()}}, nil); err != nil {
		t.Fatal(err)
	}
	driver, err := exec.Command("docker", "info", "--format", "{{.Driver}}").Output()
	if err != nil {
		t.Fatal(err)
	}
	all, err := machines.New(ctx, 3, strings.TrimSpace(string(driver)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := all.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := all.Swarm(ctx, managers); err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(t.TempDir(), "image.tar")
	engineDo(t, "save", "-o", archive, images.Tag())
	for _, m := range all.All {
		f, err := os.Open(archive)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Load(ctx, f); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	c := newClass(t, short)
	c.env.Engines = swarmOf(all, managers, nil)
	return c, all
}

// swarmOf is the engine whose gateways are given certificates by a clock; nil: by this machine's.
func swarmOf(all *machines.Machines, managers int, now func() time.Time) []deploy.Maker {
	return []deploy.Maker{{Name: "swarm", Make: func(ctx context.Context) (s engine.Engine, err error) {
		for _, m := range all.All[:managers] { // the first that is there
			if s, err = managed(ctx, m.Host(), now); err == nil {
				return s, nil
			}
		}
		return nil, err
	}}}
}

// managed is the swarm through one of its managers, at an address as DOCKER_HOST has it.
func managed(ctx context.Context, host string, now func() time.Time) (engine.Engine, error) {
	e, err := docker.Open(ctx, docker.Config{Endpoint: docker.Endpoint{Host: host}, Now: now, Build: docker.Build{
		Context: images.Context, Base: images.Base, Lock: filepath.Join(os.TempDir(), "maillab-e2e-build.lock"),
	}})
	if err != nil {
		return nil, err
	}
	s, err := docker.OpenSwarm(e)
	if err != nil {
		e.Close()
		return nil, err
	}
	return s, nil
}

// hostKeyAt is what an SSH server shows.
func hostKeyAt(t *testing.T, address, password string) string {
	t.Helper()
	shown := ""
	client, err := ssh.Dial("tcp", address, &ssh.ClientConfig{
		User: "util1", Auth: []ssh.AuthMethod{ssh.Password(password)}, Timeout: patience,
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error { shown = ssh.FingerprintSHA256(key); return nil },
	})
	if err != nil {
		t.Fatalf("ssh %s: %v", address, err)
	}
	client.Close()
	return shown
}

// inClass is how many students the class has that a machine is taken from.
const inClass = 12

// TestAMachineDies: of three machines one loses its power while mail comes in. Everybody who was there is back at the same address, with the
// same host key, the password that he has chosen himself, and all mail that had come before the copy; nobody is there twice, also when the
// machine comes back; and down leaves nothing anywhere. Then a gateway dies alone, a machine is lost sight of, and one is cut off that lives.
func TestAMachineDies(t *testing.T) {
	c, all := newSwarm(t, "dies", 1)
	folder := copyEvery(t, c, "5s")
	c.run("up", "-f", folder, "--students", fmt.Sprint(inClass), "--listen", "0.0.0.0", "--base", "22000", "-y")
	was := c.status()
	keys := map[int]string{}
	for _, s := range was.Sandboxes {
		keys[s.Seat] = hostKeyAt(t, s.Addresses["ssh"], lesson)
	}
	dead := all.All[2]
	there := seatsOn(t, dead, c.name)
	if len(there) == 0 {
		t.Fatalf("nothing is on %s", dead.Name)
	}
	l := newMailing(was, all.All[:2])
	shell := byHand(t, l.through(was, there[0], "ssh", all.All[1]))
	awaitCopies(t, c, inClass, time.Now())
	dead.Kill()
	shell.ends()
	copies := c.awaitGone(dead)
	code, _, errs := c.try(t.Context(), "up")
	if code == 0 || !strings.Contains(errs, "places anew what is on "+dead.Name) {
		t.Fatalf("up without being asked: %d\n%s", code, errs)
	}
	began := time.Now()
	code, _, errs = c.try(t.Context(), "up", "-y")
	t.Logf("up -y took %s:\n%s", time.Since(began).Round(time.Second), errs)
	if code != 0 {
		t.Fatalf("up -y: exit code %d", code)
	}
	for n, s := range c.status().Sandboxes {
		if s.State != "ready" || s.Addresses["smtp"] != was.Sandboxes[n].Addresses["smtp"] {
			t.Errorf("seat %d is %s at %s", s.Seat, s.State, s.Addresses["smtp"])
		}
	}
	l.more(t) // each seat takes mail again
	l.stop()
	for _, m := range l.missing(t) {
		if at, moved := copies[m.seat]; !moved || m.at.Before(at) {
			t.Errorf("seat %d: %s was acknowledged at %s and is not there; its copy is of %s", m.seat, m.subject, m.at, at)
		}
	}
	for _, s := range was.Sandboxes {
		password := lesson
		if s.Seat == there[0] {
			password = chosen
		}
		if key := hostKeyAt(t, s.Addresses["ssh"], password); key != keys[s.Seat] {
			t.Errorf("the host key of seat %d was %s and is %s", s.Seat, keys[s.Seat], key)
		}
	}
	if note := output(t, login(t, l.through(was, there[0], "ssh", all.All[1]), "util1", chosen), "cat note", ""); note != "by hand\n" {
		t.Errorf("what was made by hand is %q", note)
	}
	if plan := c.run("up", "--dry-run"); plan != "nothing to do\n" {
		t.Errorf("up again has something to do:\n%s", plan)
	}
	comesBack(t, c, all, dead)
	gatewayDies(t, c, all, all.All[1])
	blip(t, c, all, all.All[1])
	cutOff(t, c, all, all.All[1])
	c.run("down", "-y")
	for _, m := range all.All {
		if err := m.AwaitNothing(t.Context(), time.Minute, "maillab-"+c.name); err != nil {
			t.Error(err)
		}
	}
}

// copyEvery is a lab whose sandboxes are copied so often.
func copyEvery(t *testing.T, c *class, every string) (folder string) {
	t.Helper()
	folder = filepath.Join(t.TempDir(), "lab")
	c.run("labs", "copy", "amiens-smtp-pop-imap", folder)
	file := filepath.Join(folder, "lab.yaml")
	text, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, append(text, "\ncopies: {every: "+every+"}\n"...), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// awaitCopies returns when there is a copy of so many seats that is not older than a time.
func awaitCopies(t *testing.T, c *class, seats int, since time.Time) map[int]control.Kept {
	t.Helper()
	e, err := c.env.Engines[0].Make(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	client := instance.Connect(e, c.name)
	defer client.Close()
	for {
		all, err := depot.Everywhere(t.Context(), client)
		if err != nil {
			t.Fatal(err)
		}
		var numbers []int
		for seat := range seats {
			numbers = append(numbers, seat+1)
		}
		newest := depot.Newest(all, numbers)
		recent := 0
		for _, kept := range newest {
			if !kept.Time.Before(since) {
				recent++
			}
		}
		if recent >= seats {
			return newest
		}
		time.Sleep(100 * time.Millisecond) // between two looks
	}
}

// comesBack starts a machine that was given up: nothing of what it had goes on there.
func comesBack(t *testing.T, c *class, all *machines.Machines, dead *machines.Machine) {
	t.Helper()
	if err := dead.Start(); err != nil {
		t.Fatal(err)
	}
	if err := dead.Await(t.Context()); err != nil {
		t.Fatal(err)
	}
	awaitNode(t, all, dead, "Ready")
	c.run("up", "-y")
	once(t, c, all.All)
	left, err := dead.Left(t.Context(), "maillab-"+c.name)
	if err != nil {
		t.Fatal(err)
	}
	for _, what := range left {
		if strings.HasPrefix(what, "volume ") && strings.HasSuffix(what, "-mail") {
			t.Errorf("%s is left on the machine that came back", what)
		}
	}
}

// TestDrain has two classes on three machines.
func TestDrain(t *testing.T) {
	c, all := newSwarm(t, "drain", 1)
	t.Run("BetweenServers", func(t *testing.T) { betweenMachines(t, c, all) })
	t.Run("NoExec", func(t *testing.T) { withoutExec(t, c.with(t), all) })
	t.Run("UnderLoad", func(t *testing.T) { drained(t, c.with(t), all) })
}

// betweenMachines has the servers of a class on different machines send to each other, also after one has moved.
func betweenMachines(t *testing.T, beside *class, all *machines.Machines) {
	c := newClass(t, "between-machines")
	c.env.Engines = beside.env.Engines
	betweenServers(t, c, "--listen", "0.0.0.0", "--base", "24000")
	var from *machines.Machine
	for _, m := range all.All {
		if seats := seatsOn(t, m, c.name); slices.Contains(seats, 2) {
			from = m
			if len(seats) > 1 {
				t.Errorf("seats %v are all on %s", seats, m.Name)
			}
		}
	}
	c.run("drain", from.Name, "-y")
	output(t, c.shell("alice"), "mail -s 'after the move' bob@bob.lab", "hello\n")
	bob := c.shell("bob")
	if out := output(t, bob, "timeout 30 sh -c 'until grep \"^Subject: after the move\" /var/mail/bob; do sleep 0.1; done'; drill alice.lab mx", ""); !strings.Contains(out, "after the move") ||
		!strings.Contains(out, "10 mx.alice.lab.") {
		t.Errorf("bob on another machine: %s", out)
	}
	c.run("down", "-y")
}

// withoutExec: where the manager's socket is guarded by a proxy that lets nobody execute in containers, the gateways are reached by TLS.
func withoutExec(t *testing.T, c *class, all *machines.Machines) {
	was := c.env.Engines
	c.run("up", "-f", "amiens-smtp-pop-imap", "--students", "2", "--listen", "0.0.0.0", "--base", "25000", "-y")
	refused := 0
	c.env.Engines = []deploy.Maker{{Name: "swarm", Make: func(ctx context.Context) (engine.Engine, error) {
		return managed(ctx, guarded(t, all.All[0], &refused), nil)
	}}}
	c.run("reset", "-y")
	for _, s := range c.status().Sandboxes {
		if s.State != "ready" {
			t.Errorf("seat %d is %s", s.Seat, s.State)
		}
	}
	if refused == 0 {
		t.Error("nothing was to be executed")
	}
	c.env.Engines = was
	c.run("down", "-y")
}

// guarded is a proxy before a machine's engine that refuses to execute in containers, and counts how often.
func guarded(t *testing.T, m *machines.Machine, refused *int) (host string) {
	t.Helper()
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "engine"})
	proxy.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", m.Socket)
	}}
	var mu sync.Mutex
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/exec") {
			mu.Lock()
			*refused++
			mu.Unlock()
			http.Error(w, `{"message":"executing is not allowed here"}`, http.StatusForbidden)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return "tcp://" + server.Listener.Addr().String()
}

// drained: one machine is emptied while mail comes in without a pause. All that was acknowledged is there afterwards, on another
// machine at the same address; who was connected is let go, and nothing is left on the machine.
func drained(t *testing.T, c *class, all *machines.Machines) {
	today := c.env.Engines
	c.env.Engines = swarmOf(all, 1, func() time.Time { return time.Now().AddDate(0, 0, -350) }) // certificates end soon
	c.run("up", "-f", "amiens-smtp-pop-imap", "--students", "4", "--listen", "0.0.0.0", "--base", "23000", "-y")
	was := c.status()
	c.env.Engines = today
	renewed(t, c, all, was)
	from := all.All[1]
	if len(seatsOn(t, from, c.name)) == 0 {
		t.Fatalf("nothing is on %s", from.Name)
	}
	if code, _, errs := c.try(t.Context(), "drain", "nowhere", "-y"); code == 0 || !strings.Contains(errs, "is on no machine called") {
		t.Errorf("drain nowhere: %d\n%s", code, errs)
	}
	stop := make(chan struct{})
	taken := make([]int, len(was.Sandboxes))
	var sending sync.WaitGroup
	for n, s := range was.Sandboxes {
		sending.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				body := fmt.Sprintf("drained-%d-%d.", s.Seat, taken[n])
				if smtp.SendMail(s.Addresses["smtp"], nil, "util3@local.isri.fr", []string{"util1"}, []byte("Subject: x\r\n\r\n"+body+"\r\n")) == nil {
					taken[n]++ // what was refused is sent again
				}
			}
		})
	}
	moved := seatsOn(t, from, c.name)[0]
	ssh := (&mailing{}).through(was, moved, "ssh", all.All[2])
	client := login(t, ssh, "util1", lesson)
	output(t, client, "passwd", lesson+"\n"+chosen+"\n"+chosen+"\n")
	term := onTerminal(t, client, "cat")
	began := time.Now()
	code, _, errs := c.try(t.Context(), "drain", from.Name, "-y")
	close(stop)
	sending.Wait()
	t.Logf("drain took %s; acknowledged: %v\n%s", time.Since(began).Round(time.Second), taken, errs)
	if code != 0 {
		t.Fatalf("drain: exit code %d", code)
	}
	term.has("Ce serveur change de machine")
	login(t, ssh, "util1", chosen)
	if left := seatsOn(t, from, c.name); len(left) > 0 {
		t.Errorf("left on %s: %v", from.Name, left)
	}
	for n, s := range c.status().Sandboxes {
		if s.State != "ready" || s.Addresses["smtp"] != was.Sandboxes[n].Addresses["smtp"] {
			t.Errorf("seat %d is %s at %s", s.Seat, s.State, s.Addresses["smtp"])
			continue
		}
		said := lines(t, s.Addresses["imap"], "a LOGIN util1 "+lesson, "a LOGIN util1 "+chosen, "b SELECT INBOX", "c FETCH 1:* BODY.PEEK[TEXT]", "d LOGOUT")
		for k := range taken[n] {
			if body := fmt.Sprintf("drained-%d-%d.", s.Seat, k); !strings.Contains(said, body) {
				t.Errorf("seat %d: %s was acknowledged and is not there", s.Seat, body)
			}
		}
		if taken[n] == 0 {
			t.Errorf("seat %d took no mail", s.Seat)
		}
	}
	watched(t, c, all.All[2])
	c.run("down", "-y")
	for _, m := range all.All[:2] {
		if err := m.AwaitNothing(t.Context(), time.Minute, "maillab-"+c.name); err != nil {
			t.Error(err)
		}
	}
}

// renewed has up make certificates anew that end soon: each gateway has others then, the old ones are gone, and every door opens everywhere.
func renewed(t *testing.T, c *class, all *machines.Machines, was status) {
	t.Helper()
	secrets := func() []string {
		out, err := exec.Command("docker", "-H", all.All[0].Host(), "secret", "ls", "--format", "{{.Name}}").Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.Fields(string(out))
	}
	before := secrets()
	c.run("up")
	after := secrets()
	if len(before) != 3 || len(after) != 3 || slices.ContainsFunc(after, func(name string) bool { return slices.Contains(before, name) }) {
		t.Errorf("secrets were %v and are %v", before, after)
	}
	for _, s := range was.Sandboxes {
		for _, m := range all.All {
			answers(t, (&mailing{}).through(was, s.Seat, "smtp", m))
		}
	}
	c.run("up")
	if again := secrets(); !slices.Equal(again, after) {
		t.Errorf("renewed once more: %v", again)
	}
}

// watched has a machine die while watch looks: without a question, everybody is back.
func watched(t *testing.T, c *class, dead *machines.Machine) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	var out, said locked
	env := c.env
	env.Out, env.Err = &out, &said
	ended := make(chan int, 1)
	go func() { ended <- cli.Run(ctx, env, []string{"-n", c.name, "watch", "--after", "1s"}) }()
	dead.Kill()
	for !strings.Contains(said.String(), c.name+" is up") {
		if ctx.Err() != nil {
			t.Fatalf("watch says\n%s", said.String())
		}
		time.Sleep(100 * time.Millisecond) // between two looks
	}
	stop()
	if code := <-ended; code != 130 && code != 1 {
		t.Errorf("watch ends with %d", code)
	}
	t.Logf("watch says\n%s", said.String())
	for _, s := range c.status().Sandboxes {
		if s.State != "ready" {
			t.Errorf("seat %d is %s", s.Seat, s.State)
		}
	}
}
