// Package compose writes sandboxes as a compose file, for docker compose v2 and docker-compose 1.29: the way to start
// them by hand, on a machine without maillab.
//
// In such a stack there is no controller and no gateway. Each container is told what to be when it is created
// (MAILLAB_SPEC, see spec.Pack); Docker publishes the ports, on a plain bridge without traffic between its containers;
// what keeps a sandbox from the outside is its packet chain alone. The same input gives the same text.
package compose

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"maillab/internal/control"
	"maillab/internal/engine"
	"maillab/internal/sandbox"
	"maillab/internal/spec"
)

// Stack is what is to be written.
type Stack struct {
	Name      string // for uids
	Image     string
	Context   string   // folder that the image is built from, relative to the file; "" when the image is there
	Comment   []string // lines on top
	Sandboxes []Sandbox
}

// Sandbox is one service.
type Sandbox struct {
	Seat      int
	Container engine.SandboxSpec // limits, host name and variables; its address and image are not used
	Doors     []control.Door
	Spec      spec.Sandbox // sealed
}

// The elements of a compose file that are used (compose-spec; docker-compose 1.29 knows all of them).
type (
	file struct {
		Services map[string]service  `yaml:"services"`
		Networks map[string]network  `yaml:"networks"`
		Volumes  map[string]struct{} `yaml:"volumes"`
	}
	service struct {
		Image       string            `yaml:"image"`
		Build       *build            `yaml:"build,omitempty"`
		Hostname    string            `yaml:"hostname"`
		Init        bool              `yaml:"init"`
		User        string            `yaml:"user"`
		Restart     string            `yaml:"restart"`
		Ports       []string          `yaml:"ports"`
		Networks    []string          `yaml:"networks"`
		DNS         []string          `yaml:"dns"`
		CapDrop     []string          `yaml:"cap_drop"`
		CapAdd      []string          `yaml:"cap_add"`
		Sysctls     map[string]string `yaml:"sysctls"`
		MemLimit    string            `yaml:"mem_limit,omitempty"`
		MemSwap     string            `yaml:"memswap_limit,omitempty"`
		CPUs        float64           `yaml:"cpus,omitempty"`
		PIDs        int64             `yaml:"pids_limit,omitempty"`
		OOM         int               `yaml:"oom_score_adj"`
		ShmSize     string            `yaml:"shm_size"`
		StopGrace   string            `yaml:"stop_grace_period"`
		Tmpfs       []string          `yaml:"tmpfs"`
		Volumes     []string          `yaml:"volumes"`
		Logging     logging           `yaml:"logging"`
		Environment map[string]string `yaml:"environment"`
	}
	build struct {
		Context string            `yaml:"context"`
		Args    map[string]string `yaml:"args"`
	}
	logging struct {
		Driver  string            `yaml:"driver"`
		Options map[string]string `yaml:"options"`
	}
	network struct {
		Options map[string]string `yaml:"driver_opts"`
	}
)

// ports inside a sandbox.
func ports() map[string]int { return map[string]int{"ssh": 22, "smtp": 25, "pop3": 110, "imap": 143} }

// targets are where a sandbox has its volumes.
func targets() map[string]string {
	return map[string]string{"mail": "/var/mail", "home": "/home", "state": "/var/lib/maillab"}
}

// bridge is the one network. Its containers do not reach each other through it; where the engine does not do that, their
// chains still refuse whoever is in it.
const bridge = "students"

// Render writes a stack.
func Render(s Stack) ([]byte, error) {
	f := file{
		Services: map[string]service{}, Volumes: map[string]struct{}{},
		Networks: map[string]network{bridge: {Options: map[string]string{"com.docker.network.bridge.enable_icc": "false"}}},
	}
	for _, b := range s.Sandboxes {
		one, err := s.service(b)
		if err != nil {
			return nil, err
		}
		f.Services[b.name()] = one
		for part := range targets() {
			f.Volumes[b.name()+"-"+part] = struct{}{}
		}
	}
	var out bytes.Buffer
	for _, line := range s.Comment {
		out.WriteString(strings.TrimRight("# "+line, " ") + "\n")
	}
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(f); err != nil {
		return nil, err
	}
	return out.Bytes(), encoder.Close()
}

// name is a service's name.
func (b Sandbox) name() string {
	if b.Seat == 0 {
		return "shared"
	}
	return "seat-" + strconv.Itoa(b.Seat)
}

func (s Stack) service(b Sandbox) (service, error) {
	environment, err := s.environment(b)
	if err != nil {
		return service{}, err
	}
	published, err := publish(b.Doors)
	if err != nil {
		return service{}, fmt.Errorf("seat %d: %w", b.Seat, err)
	}
	c := b.Container
	one := service{
		Image: s.Image, Hostname: c.Hostname, Init: true, User: "0:0", Restart: "unless-stopped",
		Ports: published, Networks: []string{bridge}, DNS: []string{"127.0.0.1"},
		CapDrop: []string{"ALL"}, CapAdd: sandbox.CapabilityNames(), Sysctls: sandbox.Sysctls(),
		MemLimit: bytesOf(c.Memory), MemSwap: bytesOf(c.Memory), CPUs: float64(c.NanoCPUs) / 1e9, PIDs: c.PIDs,
		OOM: 100, ShmSize: "8m", StopGrace: "3s", Environment: environment,
		Tmpfs: []string{
			fmt.Sprintf("/tmp:rw,exec,nosuid,nodev,mode=1777,size=%d", c.TmpBytes),
			fmt.Sprintf("/var/tmp:rw,exec,nosuid,nodev,mode=1777,size=%d", c.TmpBytes),
			"/run:rw,noexec,nosuid,nodev,mode=755,size=16777216",
		},
		Logging: logging{Driver: "json-file", Options: map[string]string{"max-size": "1m", "max-file": "2"}},
	}
	for _, part := range slices.Sorted(maps.Keys(targets())) {
		one.Volumes = append(one.Volumes, b.name()+"-"+part+":"+targets()[part])
	}
	if s.Context != "" {
		one.Build = &build{Context: s.Context, Args: map[string]string{"BASE": "${MAILLAB_BASE:-debian:bookworm-slim}"}}
	}
	return one, nil
}

// environment is what the supervisor is told. There is no token: nobody is to use the control port, and the supervisor
// makes one up.
func (s Stack) environment(b Sandbox) (map[string]string, error) {
	packed, err := spec.Pack(b.Spec)
	if err != nil {
		return nil, err
	}
	env := map[string]string{
		"MAILLAB_SPEC": packed, "MAILLAB_PUBLISHED": "1",
		"MAILLAB_UID_BASE": strconv.Itoa(uidBase(s.Name, b.Seat)),
	}
	for _, name := range []string{"MAILLAB_OUTSIDE", "MAILLAB_RELAY"} {
		if value := b.Container.Env[name]; value != "" {
			env[name] = value
		}
	}
	return env, nil
}

// Where the uids of stacks begin: far above those that maillab gives by address, because no pool says who has which.
const (
	firstUID = 1_000_000_000
	uidRange = 1000
	ranges   = 1_000_000
)

// uidBase is a range of uids that two stacks rarely share: sharing one means sharing the kernel's limits per user.
func uidBase(name string, seat int) int {
	sum := fnv.New32a()
	fmt.Fprintf(sum, "%s %d", name, seat)
	return firstUID + uidRange*int(sum.Sum32()%ranges)
}

// publish are doors as Docker's published ports.
func publish(doors []control.Door) (all []string, err error) {
	for _, d := range doors {
		host, port, err := net.SplitHostPort(d.Listen)
		if err != nil {
			return nil, fmt.Errorf("door for %s: %w", d.Service, err)
		}
		all = append(all, fmt.Sprintf("%s:%d", net.JoinHostPort(host, port), ports()[d.Service]))
	}
	return all, nil
}

// bytesOf is a size as compose reads it, "" for none.
func bytesOf(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}
