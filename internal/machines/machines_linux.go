package machines

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Machines are some on one bridge.
type Machines struct {
	All []*Machine

	dir    string
	bridge string
	net    string // the first three octets of their network
	driver string
}

// Machine is one of them.
type Machine struct {
	Name    string
	Address string
	Socket  string // of its engine, as a file of this machine

	of    *Machines
	ns    string
	dir   string
	ended chan struct{} // closed when nothing of it runs
	kill  func()
}

// Needed says what is missing for New, nil when nothing is.
func Needed() error {
	if os.Getuid() != 0 {
		return errors.New("several machines in network namespaces need root")
	}
	for _, program := range []string{"dockerd", "nsenter", "unshare", "ip", "iptables"} {
		if _, err := exec.LookPath(program); err != nil {
			return err
		}
	}
	return nil
}

// New makes so many machines, whose engines answer; driver is their storage driver, "" what they take by themselves. Whatever
// becomes of them, Close takes them away.
func New(ctx context.Context, n int, driver string) (*Machines, error) {
	clean()
	dir, err := os.MkdirTemp("", "ml") // short: it becomes part of sockets' names
	if err != nil {
		return nil, err
	}
	pid := os.Getpid()
	m := &Machines{dir: dir, bridge: fmt.Sprintf("ml%d", pid), net: fmt.Sprintf("10.%d.%d", 160+pid/250%90, pid%250), driver: driver}
	if err := errors.Join(m.wire(), m.group()); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	for i := 1; i <= n; i++ {
		one := &Machine{
			Name: fmt.Sprintf("node%d", i), Address: fmt.Sprintf("%s.%d", m.net, i), of: m,
			ns: fmt.Sprintf("%s-%d", m.bridge, i), dir: filepath.Join(dir, strconv.Itoa(i)),
		}
		one.Socket = filepath.Join(one.dir, "docker.sock")
		m.All = append(m.All, one)
		if err := errors.Join(one.wire(i), one.Start()); err != nil {
			return nil, errors.Join(err, m.Close())
		}
	}
	for _, one := range m.All {
		if err := one.Await(ctx); err != nil {
			return nil, errors.Join(err, m.Close())
		}
	}
	return m, nil
}

// Gateway is this machine's own address in their network.
func (m *Machines) Gateway() string { return m.net + ".254" }

// each runs commands, without a shell.
func each(commands ...string) error {
	for _, c := range commands {
		words := strings.Fields(c)
		if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", c, err, bytes.TrimSpace(out))
		}
	}
	return nil
}

// Start begins a machine's engine, with what it had. One process has all others as its children: they end with it, and it ends
// with this process.
func (m *Machine) Start() error {
	daemon := fmt.Sprintf("dockerd --config-file %[1]s/daemon.json --data-root %[1]s/data --exec-root %[1]s/exec --pidfile %[1]s/pid -H unix:///run/docker.sock -H unix://%[2]s", m.dir, m.Socket)
	if m.of.driver != "" {
		daemon += " --storage-driver " + m.of.driver
	}
	first, flag := m.of.inGroup()
	log, err := os.OpenFile(filepath.Join(m.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	os.Remove(m.Socket)
	os.Remove(filepath.Join(m.dir, "pid"))
	if err := os.RemoveAll(filepath.Join(m.dir, "exec")); err != nil { // it lies in /run, which a boot empties; containerd would look for each container that ran
		return err
	}
	cmd := exec.Command("nsenter", "--net=/run/netns/"+m.ns, "unshare", "--mount", "--propagation", "private", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc",
		"sh", "-c", first+"hostname "+m.Name+" && mount -t tmpfs tmpfs /run && exec "+daemon+flag)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	started := make(chan error)
	m.ended = make(chan struct{})
	go func(ended chan struct{}) {
		defer close(ended)
		defer log.Close()
		runtime.LockOSThread() // Pdeathsig is about the thread
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
	}(m.ended)
	m.kill = func() { _ = cmd.Process.Kill() }
	return <-started
}

// Await returns when the engine answers.
func (m *Machine) Await(ctx context.Context) error {
	for {
		err := m.call(ctx, http.MethodGet, "/_ping", nil, nil)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w: %w\n%s", m.Name, ctx.Err(), err, m.Log())
		case <-m.ended:
			return fmt.Errorf("%s: its engine has ended\n%s", m.Name, m.Log())
		case <-time.After(look):
		}
	}
}

// Log is the end of what its engine said.
func (m *Machine) Log() string {
	text, _ := os.ReadFile(filepath.Join(m.dir, "log"))
	return string(text[max(0, len(text)-4000):])
}

// Kill ends all of a machine at once, as if its power failed, and returns when nothing of it runs. Start begins it again.
func (m *Machine) Kill() {
	m.kill()
	<-m.ended
}

// Cut takes a machine off the network, or puts it back.
func (m *Machine) Cut(off bool) error {
	state := "up"
	if off {
		state = "down"
	}
	return each("ip link set "+strings.Replace(m.ns, "-", "v", 1)+" "+state, "ip -n "+m.ns+" route replace default via "+m.of.net+".254")
}

// Host is its engine, as DOCKER_HOST has it.
func (m *Machine) Host() string { return "unix://" + m.Socket }

// Command is one in a machine's network; its files are this machine's.
func (m *Machine) Command(name string, args ...string) *exec.Cmd {
	return exec.Command("nsenter", append([]string{"--net=/run/netns/" + m.ns, name}, args...)...)
}

// Swarm makes one of all: the first of them manage it, so many.
func (m *Machines) Swarm(ctx context.Context, managers int) error {
	first := m.All[0]
	init := map[string]any{"ListenAddr": "0.0.0.0:2377", "AdvertiseAddr": first.Address}
	if err := first.call(ctx, http.MethodPost, "/swarm/init", init, nil); err != nil {
		return err
	}
	var is struct {
		JoinTokens struct{ Worker, Manager string }
	}
	if err := first.call(ctx, http.MethodGet, "/swarm", nil, &is); err != nil {
		return err
	}
	for i, one := range m.All[1:] {
		token := is.JoinTokens.Worker
		if i+1 < managers {
			token = is.JoinTokens.Manager
		}
		join := map[string]any{
			"ListenAddr": "0.0.0.0:2377", "AdvertiseAddr": one.Address, "RemoteAddrs": []string{first.Address + ":2377"}, "JoinToken": token,
		}
		if err := one.call(ctx, http.MethodPost, "/swarm/join", join, nil); err != nil {
			return err
		}
	}
	return nil
}

// Copy has all other machines load what the first has of an image.
func (m *Machines) Copy(ctx context.Context, image string) error {
	file := filepath.Join(m.dir, "image.tar")
	defer os.Remove(file)
	archive, err := os.Create(file)
	if err != nil {
		return err
	}
	defer archive.Close()
	if err := m.All[0].call(ctx, http.MethodGet, "/images/get?names="+image, nil, archive); err != nil {
		return err
	}
	for _, one := range m.All[1:] {
		if _, err := archive.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if err := one.Load(ctx, archive); err != nil {
			return err
		}
	}
	return nil
}

// Load has a machine's engine take an archive of images in.
func (m *Machine) Load(ctx context.Context, archive io.Reader) error {
	return m.call(ctx, http.MethodPost, "/images/load", archive, nil)
}

// call asks an engine. What is sent is JSON, or what a reader has; what comes back is decoded, or written to a writer.
func (m *Machine) call(ctx context.Context, method, path string, in, out any) error {
	body, isReader := in.(io.Reader)
	if !isReader && in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://engine"+path, io.NopCloser(body))
	if err != nil {
		return err
	}
	if body == nil {
		request.Body = nil
	}
	request.Header.Set("Content-Type", "application/json")
	if isReader {
		request.Header.Set("Content-Type", "application/x-tar")
	}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", m.Socket)
	}}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= 300 {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 4096))
		return fmt.Errorf("%s: %s %s: %s", m.Name, method, path, bytes.TrimSpace(text))
	}
	if w, is := out.(io.Writer); is {
		_, err = io.Copy(w, response.Body)
	} else if out != nil {
		err = json.NewDecoder(response.Body).Decode(out)
	} else {
		_, err = io.Copy(io.Discard, response.Body)
	}
	return err
}

// Left are what its engine has of containers, and volumes whose names begin with a prefix.
func (m *Machine) Left(ctx context.Context, prefix string) (names []string, err error) {
	var containers []struct{ Names []string }
	if err := m.call(ctx, http.MethodGet, "/containers/json?all=1", nil, &containers); err != nil {
		return nil, err
	}
	var volumes struct{ Volumes []struct{ Name string } }
	if err := m.call(ctx, http.MethodGet, "/volumes", nil, &volumes); err != nil {
		return nil, err
	}
	for _, c := range containers {
		if name := strings.TrimPrefix(strings.Join(c.Names, ","), "/"); strings.HasPrefix(name, prefix) {
			names = append(names, "container "+name)
		}
	}
	for _, v := range volumes.Volumes {
		if strings.HasPrefix(v.Name, prefix) {
			names = append(names, "volume "+v.Name)
		}
	}
	return names, nil
}

// AwaitNothing returns when its engine has nothing of that prefix any more. What stays when the time for it is up is named.
func (m *Machine) AwaitNothing(ctx context.Context, within time.Duration, prefix string) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		left, err := m.Left(ctx, prefix)
		if err == nil && len(left) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s has %v: %w", m.Name, left, errors.Join(err, ctx.Err()))
		case <-time.After(look):
		}
	}
}

// look is how often a state is looked at that is waited for.
const look = 100 * time.Millisecond

// Close ends all and leaves nothing.
func (m *Machines) Close() error {
	for _, one := range m.All {
		if one.kill != nil {
			one.Kill()
		}
	}
	return errors.Join(unwire(m.bridge), os.RemoveAll(m.dir))
}
