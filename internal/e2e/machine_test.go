//go:build linux

package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"maillab/images"
	"maillab/internal/engine"
	"maillab/internal/engine/docker"
	"maillab/internal/engine/enginetest"
)

// machine is one with an engine of its own, for what must not be done to the machine that tests run on: its engine is
// killed, its power goes. It is a process in namespaces of its own (network, mounts, processes); of what it has, only the
// engine's data outlives it. It starts its engine again whenever that ends, as a service manager does, and goes when its
// standard input ends, whatever becomes of the test.
type machine struct {
	t       *testing.T
	dir     string
	name    string   // of its control groups
	more    []string // arguments of its engine
	process *exec.Cmd
	power   io.Closer
}

// machinesLife is what a machine's first process does. The engine's command line comes as its arguments.
const machinesLife = `mount --make-rprivate / && mount -t proc proc /proc && ip link set lo up || exit 1
exec 3<&0
while :; do "$@" 3<&-; done >>"$LOG" 2>&1 &
cat <&3 >/dev/null & wait $!`

// newMachine boots one that has the sandbox image, or skips. Its engine is given these arguments, too.
func newMachine(t *testing.T, more ...string) *machine {
	t.Helper()
	requireDocker(t)
	if _, err := exec.LookPath("dockerd"); err != nil || os.Geteuid() != 0 {
		t.Skip("a second engine needs root, and dockerd on this machine")
	}
	dir, err := os.MkdirTemp("", "maillab-e2e-") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{t: t, dir: dir, name: "t-e2e-" + strconv.Itoa(os.Getpid()), more: more}
	t.Cleanup(m.scrap)
	if err := m.boot(); err != nil {
		enginetest.Absent(t, fmt.Errorf("a second engine cannot be started here: %w", err))
	}
	m.giveImage()
	return m
}

// boot starts the machine and waits until its engine answers.
func (m *machine) boot() error {
	driver, err := exec.Command("docker", "info", "-f", "{{.Driver}}").Output()
	if err != nil {
		return err
	}
	if err := os.WriteFile(m.at("daemon.json"), []byte("{}"), 0o600); err != nil {
		return err
	}
	m.process = exec.Command("sh", append([]string{"-c", machinesLife, "sh", "dockerd", "--config-file", m.at("daemon.json"),
		"--data-root", m.at("data"), "--exec-root", m.at("run"), "--pidfile", m.at("pid"), "-H", "unix://" + m.at("sock"),
		"--storage-driver", strings.TrimSpace(string(driver)), "--cgroup-parent", "/" + m.name}, m.more...)...)
	m.process.Env = append(os.Environ(), "LOG="+m.at("log"))
	m.process.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID}
	if m.power, err = m.process.StdinPipe(); err != nil {
		return err
	}
	if err := m.process.Start(); err != nil {
		return err
	}
	return m.answers()
}

func (m *machine) at(name string) string { return filepath.Join(m.dir, name) }

// answers waits until the engine does.
func (m *machine) answers() error {
	ctx, cancel := context.WithTimeout(m.t.Context(), time.Minute)
	defer cancel()
	for {
		_, err := m.open(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w\n%s", err, m.said())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// said is the end of the engine's log.
func (m *machine) said() []byte {
	all, _ := os.ReadFile(m.at("log"))
	return all[max(0, len(all)-4000):]
}

// open is maillab's engine on this machine.
func (m *machine) open(ctx context.Context) (engine.Engine, error) {
	endpoint, err := docker.FindEndpoint(func(name string) string {
		return map[string]string{"DOCKER_HOST": "unix://" + m.at("sock")}[name]
	}, os.DirFS(m.dir), os.DirFS("/"))
	if err != nil {
		return nil, err
	}
	return docker.Open(ctx, docker.Config{Endpoint: endpoint, Build: docker.Build{Context: images.Context, Base: images.Base}})
}

// giveImage brings the sandbox image over from the engine of the tests.
func (m *machine) giveImage() {
	m.t.Helper()
	here, err := openDocker(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	image := engine.Resource{Kind: engine.Image, Image: &engine.ImageSpec{Tag: images.Tag()}}
	if err := here.Put(m.t.Context(), image, nil); err != nil {
		m.t.Fatal(err)
	}
	save, load := exec.Command("docker", "save", images.Tag()), exec.Command("docker", "-H", "unix://"+m.at("sock"), "load", "-q")
	if load.Stdin, err = save.StdoutPipe(); err != nil {
		m.t.Fatal(err)
	}
	if err := save.Start(); err != nil {
		m.t.Fatal(err)
	}
	if out, err := load.CombinedOutput(); err != nil {
		m.t.Fatalf("docker load: %v\n%s", err, out)
	}
	if err := save.Wait(); err != nil {
		m.t.Fatal(err)
	}
}

// powerOff takes it away: every process is killed, and mounts, network and whatever is kept for one boot go with them.
func (m *machine) powerOff() {
	m.t.Helper()
	_ = m.process.Process.Kill()
	_ = m.power.Close()
	_ = m.process.Wait() // returns after every process of the namespace is gone (pid_namespaces(7))
	for _, volatile := range []string{"run", "pid", "sock"} {
		if err := os.RemoveAll(m.at(volatile)); err != nil {
			m.t.Fatal(err)
		}
	}
}

// scrap leaves nothing of it but, of one that failed, what its engine said last.
func (m *machine) scrap() {
	if m.t.Failed() {
		out, _ := exec.Command("docker", "-H", "unix://"+m.at("sock"), "ps", "-a").CombinedOutput()
		m.t.Logf("the engine has\n%s\nand said last\n%s", out, m.said())
	}
	if m.process != nil && m.process.Process != nil {
		m.powerOff()
	}
	for _, pattern := range []string{"/sys/fs/cgroup/" + m.name, "/sys/fs/cgroup/*/" + m.name} {
		roots, _ := filepath.Glob(pattern)
		for _, root := range roots {
			_ = exec.Command("find", root, "-depth", "-type", "d", "-delete").Run()
		}
	}
	if err := os.RemoveAll(m.dir); err != nil {
		m.t.Error(err)
	}
}

// restartEngine sends the engine's process a signal, and waits until another one answers.
func (m *machine) restartEngine(signal string) {
	m.t.Helper()
	was, err := os.ReadFile(m.at("pid"))
	if err != nil {
		m.t.Fatal(err)
	}
	inside := exec.Command("nsenter", "-p", "-m", "-t", strconv.Itoa(m.process.Process.Pid), "kill", "-"+signal, string(was))
	if out, err := inside.CombinedOutput(); err != nil {
		m.t.Fatalf("%v: %v\n%s", inside, err, out)
	}
	patience, cancel := context.WithTimeout(m.t.Context(), time.Minute)
	defer cancel()
	for is := was; string(is) == string(was) || len(is) == 0; is, _ = os.ReadFile(m.at("pid")) {
		if patience.Err() != nil {
			m.t.Fatalf("the engine does not end by SIG%s", signal)
		}
		time.Sleep(20 * time.Millisecond) // between two looks
	}
	if err := m.answers(); err != nil {
		m.t.Fatal(err)
	}
}

// door is where this machine's own processes reach a door of that machine.
func (m *machine) door(address string) string {
	m.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go m.relay(conn, address)
		}
	}()
	return l.Addr().String()
}

func (m *machine) relay(conn net.Conn, address string) {
	defer conn.Close()
	there, err := m.dial(address)
	if err != nil {
		return
	}
	defer there.Close()
	go func() {
		_, _ = io.Copy(there, conn)
		_ = there.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(conn, there)
}

// dial connects from a thread that goes into the machine's network and never comes back.
func (m *machine) dial(address string) (conn net.Conn, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		var ns *os.File
		if ns, err = os.Open(fmt.Sprintf("/proc/%d/ns/net", m.process.Process.Pid)); err != nil {
			return
		}
		defer ns.Close()
		if err = unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err == nil {
			conn, err = net.DialTimeout("tcp", address, 5*time.Second)
		}
	}()
	<-done
	return conn, err
}
