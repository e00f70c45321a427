//go:build linux

package sandbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"maillab/internal/control"
	"maillab/internal/engine/enginetest"
	"maillab/internal/gateway"
	"maillab/internal/handoff"
	"maillab/internal/sandbox"
	"maillab/internal/spec"
)

// Everything that these tests make in the engine has this prefix, and is removed when they end.
const prefix = "t-sandbox-"

// docker runs the docker command and returns what it printed.
func docker(args ...string) (string, error) {
	cmd := exec.Command("docker", args...)
	cmd.Env = append(os.Environ(), "DOCKER_BUILDKIT=0")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("docker %s: %w: %s", strings.Join(args, " "), err, errs.String())
	}
	return strings.TrimSpace(out.String()), nil
}

func mustDocker(t *testing.T, args ...string) string {
	t.Helper()
	out, err := docker(args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// needEngine skips without a Docker engine; with MAILLAB_REQUIRE_DOCKER=1 that is a failure.
func needEngine(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: no containers")
	}
	if _, err := docker("version", "--format", "{{.Server.Version}}"); err != nil {
		enginetest.Absent(t, err)
	}
}

// TestMain removes the image. Its layers that others use, or that the next run's image shares with them, stay.
func TestMain(m *testing.M) {
	code := m.Run()
	_, _ = docker("rmi", "-f", imageTag())
	os.Exit(code)
}

// imageTag is this run's own: another run may test another version of the tree.
func imageTag() string { return fmt.Sprintf("%simage:%d", prefix, os.Getpid()) }

// image builds the sandbox image once, with labinit from the tree and the stand-in as maild.
var image = sync.OnceValues(func() (string, error) {
	tag := imageTag()
	base, err := exec.Command("sh", "../../images/base/make-base").Output()
	if err != nil {
		return "", fmt.Errorf("make-base: %w", err)
	}
	dir, err := os.MkdirTemp("", prefix)
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	if err := os.CopyFS(dir, os.DirFS("../../images/sandbox")); err != nil {
		return "", err
	}
	for name, source := range map[string]string{"labinit": "maillab/cmd/labinit", "maild": "./testdata/standin"} {
		build := exec.Command("go", "build", "-o", filepath.Join(dir, "bin", name), source)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return "", fmt.Errorf("building %s: %w: %s", name, err, out)
		}
	}
	_, err = docker("build", "-q", "--build-arg", "BASE="+strings.TrimSpace(string(base)), "-t", tag, dir)
	return tag, err
})

// box is one running sandbox, with a gateway of its own in this process.
type box struct {
	t       *testing.T
	name    string
	base    int
	network string // "none", or what an engine gives all the same
	drop    string // a capability, or a sysctl, to be left out
	volumes string // whose it has
	timeout time.Duration

	dir      string // with the gateway's socket
	killed   func() // ends the gateway
	registry *gateway.Registry
	target   control.Target

	mu    sync.Mutex
	doors map[string]string // by service
}

// boxes numbers them.
var boxes atomic.Int32

// newBox is one that does not run yet.
func newBox(t *testing.T, base int) *box {
	t.Helper()
	needEngine(t)
	name := fmt.Sprintf("%s%d-%d", prefix, os.Getpid(), boxes.Add(1))
	b := &box{
		t: t, name: name, volumes: name, base: base, network: "none", timeout: patience,
		dir: t.TempDir(), target: control.Target{Seat: 1, Token: "token"}, doors: map[string]string{},
	}
	b.openGateway()
	t.Cleanup(func() {
		if t.Failed() {
			logs, _ := exec.Command("docker", "logs", b.name).CombinedOutput()
			t.Logf("%s:\n%s", b.name, logs)
		}
		b.remove()
		for _, part := range []string{"mail", "home", "state"} {
			mustDocker(t, "volume", "rm", "-f", b.name+"-"+part)
		}
	})
	return b
}

// openGateway starts a gateway that knows of nobody yet. It takes registrations until it is killed, or the test ends.
func (b *box) openGateway() {
	b.t.Helper()
	b.registry = gateway.NewRegistry(slog.New(slog.DiscardHandler))
	socket := filepath.Join(b.dir, "gateway.sock")
	_ = os.Remove(socket) // as the gateway does with one that was left
	l, err := net.ListenUnix("unixpacket", &net.UnixAddr{Name: socket, Net: "unixpacket"})
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	l.SetUnlinkOnClose(false)
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.registry.Listen(ctx, l, holder{b})
	}()
	b.killed = sync.OnceFunc(func() { cancel(); l.Close(); <-done })
	b.t.Cleanup(b.killed)
}

// holder knows of the box alone.
type holder struct{ b *box }

func (h holder) Holder(token string) (control.Target, bool) {
	return h.b.target, token == h.b.target.Token
}

func (holder) Filter() (control.Target, bool) { return control.Target{}, false }

func (holder) Neighbour(control.Target, string) (control.Target, bool) {
	return control.Target{}, false
}

// Admit lets everybody in: there is no other machine on which the box could have been made anew.
func (holder) Admit(ctx context.Context, _ control.Target, _ int) (context.Context, error) {
	return ctx, nil
}

func (h holder) Dial(ctx context.Context, t control.Target, o handoff.Offer) (net.Conn, error) {
	return h.b.registry.Dial(ctx, t, o)
}

func (holder) Reach(context.Context, handoff.Reach) (net.Conn, error) {
	return nil, errors.New("there is no page")
}

// killGateway ends it as a kill does: its connections end, its socket stays in the folder. The next one knows of nobody.
func (b *box) killGateway() {
	b.killed()
	b.registry = gateway.NewRegistry(slog.New(slog.DiscardHandler))
}

// door is where one connects to a service through the gateway.
func (b *box) door(service string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.doors[service] == "" {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.t.Fatal(err)
		}
		b.t.Cleanup(func() { l.Close() })
		b.doors[service] = l.Addr().String()
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				go b.registry.Serve(context.Background(), b.target, service, conn)
			}
		}()
	}
	return b.doors[service]
}

// start starts a sandbox, and waits until control answers.
func start(t *testing.T, base int) *box {
	t.Helper()
	needEngine(t)
	t.Parallel()
	b := newBox(t, base)
	if err := b.create(); err != nil {
		t.Fatal(err)
	}
	b.await()
	return b
}

// create is how the docker engine creates a sandbox.
func (b *box) create() error {
	tag, err := image()
	if err != nil {
		return err
	}
	args := []string{"run", "-d", "--name", b.name, "--hostname", "test6isri", "--network", b.network, "-v", b.dir + ":/srv/gateway/socket",
		"--memory", "96m", "--memory-swap", "96m", "--pids-limit", "768", "--cap-drop", "ALL",
		"--tmpfs", "/tmp:size=16m", "--tmpfs", "/var/tmp:size=16m", "--tmpfs", "/run:size=4m,mode=755",
		"-v", b.volumes + "-mail:/var/mail", "-v", b.volumes + "-home:/home", "-v", b.volumes + "-state:/var/lib/maillab",
		"-e", "MAILLAB_TOKEN=token", "-e", fmt.Sprintf("MAILLAB_UID_BASE=%d", b.base)}
	for _, c := range sandbox.CapabilityNames() {
		if c != b.drop {
			args = append(args, "--cap-add", c)
		}
	}
	for name, value := range sandbox.Sysctls() {
		if name != b.drop {
			args = append(args, "--sysctl", name+"="+value)
		}
	}
	_, err = docker(append(args, tag)...)
	return err
}

func (b *box) remove() { mustDocker(b.t, "rm", "-f", b.name) }

// recreate makes the container anew on the same volumes.
func (b *box) recreate() {
	b.t.Helper()
	b.remove()
	if err := b.create(); err != nil {
		b.t.Fatal(err)
	}
	b.await()
}

// patience bounds the waits for a state; a working sandbox needs a fraction of it.
const patience = 30 * time.Second

// eventually waits until do succeeds.
func eventually(t *testing.T, what string, do func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if err = do(); err == nil {
			return
		}
	}
	t.Fatalf("%s: %v", what, err)
}

func (b *box) await() {
	b.t.Helper()
	eventually(b.t, b.name+" answers", func() error { _, err := b.who(); return err })
}

// who asks the stand-in about itself.
type whoami struct {
	Status, Spec string
	PID          int
}

func (b *box) control() *http.Client {
	return &http.Client{Timeout: b.timeout, Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return b.registry.Dial(ctx, b.target, handoff.Offer{Service: handoff.Control, Probe: true})
	}}}
}

func (b *box) url(path string) string { return "http://sandbox" + path }

func (b *box) who() (w whoami, err error) {
	r, err := b.control().Get(b.url("/who"))
	if err != nil {
		return w, err
	}
	defer r.Body.Close()
	return w, json.NewDecoder(r.Body).Decode(&w)
}

// configure sends a spec and waits until a maild runs that was started with it.
func (b *box) configure(s spec.Sandbox) {
	b.t.Helper()
	if err := b.tryConfigure(s); err != nil {
		b.t.Fatal(err)
	}
	eventually(b.t, "a maild with the new spec", func() error {
		w, err := b.who()
		if err == nil && !strings.Contains(w.Spec, s.Instance) {
			err = errors.New("has another spec")
		}
		return err
	})
	if s.Services.SSH != nil {
		eventually(b.t, "sshd", func() error {
			_, err := ssh.Dial("tcp", b.door("ssh"), &ssh.ClientConfig{User: "nobody", HostKeyCallback: ssh.InsecureIgnoreHostKey()})
			if err != nil && strings.Contains(err.Error(), "unable to authenticate") {
				return nil
			}
			return err
		})
	}
}

func (b *box) tryConfigure(s spec.Sandbox) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	req, err := http.NewRequest(http.MethodPut, b.url("/v1/spec"), bytes.NewReader(text))
	if err != nil {
		return err
	}
	r, err := b.control().Do(req)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if r.StatusCode != http.StatusOK {
		return errors.New(strings.TrimSpace(string(body)))
	}
	return err
}

// ask and told are the stand-in's.
type ask struct {
	Op, User, Box, To, Key, Text string
	Flag                         int
}

type told struct {
	Error           string
	Errno           int
	Locked, Refused bool
	Text            string
	Names           []string
}

func (b *box) ask(a ask) (out told) {
	b.t.Helper()
	text, err := json.Marshal(a)
	if err != nil {
		b.t.Fatal(err)
	}
	r, err := b.control().Post(b.url("/ask"), "application/json", bytes.NewReader(text))
	if err != nil {
		b.t.Fatal(err)
	}
	defer r.Body.Close()
	if err := json.NewDecoder(r.Body).Decode(&out); err != nil {
		b.t.Fatal(err)
	}
	return out
}

// labSpec is the first seed's, with two accounts.
func labSpec(name, hash string) spec.Sandbox {
	return spec.Sandbox{
		Version: spec.Version, Lab: "amiens", Instance: name, Seat: 1, Lang: "fr",
		Hostname: "test6isri.local.isri.fr", Domain: "local.isri.fr", Hosts: []string{"smtp.u-picardie.fr"}, Timezone: "Europe/Paris",
		Accounts: []spec.Account{
			{Name: "util1", FullName: "Utilisateur 1", PasswordHash: hash, Motd: "Bonjour util1"},
			{Name: "util11", PasswordHash: hash},
		},
		Services: spec.Services{SMTP: &spec.SMTP{}, POP3: &spec.POP3{}, IMAP: &spec.IMAP{}, SSH: &spec.SSH{}},
		Files:    []spec.File{{Account: "util1", Path: "/home/util1/tp/lisez.txt", Mode: 0o640, Data: []byte("bonjour\n")}},
		Motd:     "Bonjour tous",
		Limits:   spec.Limits{Processes: 32, SpoolBytes: 64 << 20},
	}
}

// master2021 is the crypt(3) hash of the seed's password.
const master2021 = "$6$maillab$.12muY7UNv9YS.l2Meqh3uo/cqaUliodye/p2N3yaFJmi.a31J51MBnO7AEFjPvq1K7vzuv0ANofe9xLHGG4p1"

// session runs one command by SSH as a student, and returns its output; tty asks for a terminal.
func (b *box) session(user, password, command string, tty bool) (string, error) {
	b.t.Helper()
	return b.sessionWith(user, ssh.Password(password), command, tty)
}

func (b *box) sessionWith(user string, auth ssh.AuthMethod, command string, tty bool) (string, error) {
	client, err := ssh.Dial("tcp", b.door("ssh"), &ssh.ClientConfig{
		User: user, Auth: []ssh.AuthMethod{auth}, HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: patience,
	})
	if err != nil {
		return "", err
	}
	defer client.Close()
	s, err := client.NewSession()
	if err != nil {
		return "", err
	}
	defer s.Close()
	if tty {
		if err := s.RequestPty("xterm", 40, 200, ssh.TerminalModes{ssh.ECHO: 0}); err != nil {
			return "", err
		}
	}
	out, err := s.CombinedOutput(command)
	return string(out), err
}

// as runs a command as util1 and fails the test when it fails.
func (b *box) as(user, command string) string {
	b.t.Helper()
	out, err := b.session(user, "master2021", command, false)
	if err != nil {
		b.t.Fatalf("%s$ %s: %v\n%s", user, command, err, out)
	}
	return out
}
