// Package compose writes sandboxes as a compose file, for docker compose v2 and docker-compose 1.29: the way to start
// them by hand, on a machine without maillab.
//
// In such a stack there is no controller. Each sandbox is told what to be when it is created (MAILLAB_SPEC, see spec.Pack),
// and has no network; a gateway, whose ports Docker publishes, is told its doors and their tokens (MAILLAB_DOORS). The same
// input gives the same text.
package compose

import (
	"bytes"
	"encoding/json"
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
	"maillab/internal/handoff"
	"maillab/internal/sandbox"
	"maillab/internal/spec"
)

// Stack is what is to be written.
type Stack struct {
	Name    string // for uids
	Image   string
	Filter  string   // image of the class's SpamAssassin; read where FilterToken is set
	Context string   // folder that the image is built from, relative to the file; "" when the image is there
	Comment []string // lines on top

	FilterToken string // by which the class's SpamAssassin registers; "": there is none
	FilterLimit engine.SandboxSpec
	Sandboxes   []Sandbox
}

// Sandbox is one service.
type Sandbox struct {
	Seat      int
	Container engine.SandboxSpec // limits, host name and variables; its image is not used
	Doors     []control.Door
	Relay     string       // host:port of the one server that may be dialled for it, "" for none
	Token     string       // by which it registers at the gateway
	Spec      spec.Sandbox // sealed
}

// The elements of a compose file that are used (compose-spec; docker-compose 1.29 knows all of them).
type (
	file struct {
		Services map[string]service  `yaml:"services"`
		Volumes  map[string]struct{} `yaml:"volumes"`
	}
	service struct {
		Image       string            `yaml:"image"`
		Build       *build            `yaml:"build,omitempty"`
		Command     []string          `yaml:"command,omitempty"`
		Hostname    string            `yaml:"hostname,omitempty"`
		User        string            `yaml:"user"`
		Restart     string            `yaml:"restart"`
		NetworkMode string            `yaml:"network_mode,omitempty"`
		Ports       []string          `yaml:"ports,omitempty"`
		CapDrop     []string          `yaml:"cap_drop"`
		CapAdd      []string          `yaml:"cap_add"`
		SecurityOpt []string          `yaml:"security_opt,omitempty"`
		Sysctls     map[string]string `yaml:"sysctls,omitempty"`
		MemLimit    string            `yaml:"mem_limit,omitempty"`
		MemSwap     string            `yaml:"memswap_limit,omitempty"`
		CPUs        float64           `yaml:"cpus,omitempty"`
		PIDs        int64             `yaml:"pids_limit,omitempty"`
		OOM         int               `yaml:"oom_score_adj"`
		ShmSize     string            `yaml:"shm_size,omitempty"`
		StopGrace   string            `yaml:"stop_grace_period"`
		Tmpfs       []string          `yaml:"tmpfs,omitempty"`
		Volumes     []string          `yaml:"volumes"`
		Logging     logging           `yaml:"logging"`
		Environment map[string]string `yaml:"environment"`
	}
	build struct {
		Context string            `yaml:"context"`
		Recipe  string            `yaml:"dockerfile,omitempty"`
		Args    map[string]string `yaml:"args"`
	}
	logging struct {
		Driver  string            `yaml:"driver"`
		Options map[string]string `yaml:"options"`
	}
)

// targets are where a sandbox has its volumes.
func targets() map[string]string {
	return map[string]string{"mail": "/var/mail", "home": "/home", "state": "/var/lib/maillab"}
}

// Render writes a stack.
func Render(s Stack) ([]byte, error) {
	gateway, err := s.gateway()
	if err != nil {
		return nil, err
	}
	f := file{Services: map[string]service{"gateway": gateway}, Volumes: map[string]struct{}{socket: {}}}
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
	if s.FilterToken != "" {
		f.Services["filter"] = s.filter()
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

// The volume on which the sandboxes register at the gateway: what the image has in the gateway's place for it, a folder that
// is the gateway's, is copied to it.
const (
	socket    = "socket"
	inGateway = socket + ":/var/lib/gateway/socket"
	inSandbox = socket + ":/srv/gateway/socket:ro,nocopy"
	inFilter  = socket + ":/mnt:ro,nocopy"
)

func (s Stack) service(b Sandbox) (service, error) {
	packed, err := spec.Pack(b.Spec)
	if err != nil {
		return service{}, err
	}
	c := b.Container
	one := s.base(c)
	one.Hostname, one.NetworkMode = c.Hostname, "none"
	one.CapAdd, one.Sysctls = sandbox.CapabilityNames(), sandbox.Sysctls()
	one.ShmSize = "8m"
	one.Environment = map[string]string{
		"MAILLAB_SPEC": packed, handoff.EnvToken: b.Token, "MAILLAB_UID_BASE": strconv.Itoa(uidBase(s.Name, b.Seat)),
	}
	if b.Spec.Between != nil {
		one.Environment[sandbox.EnvBetween] = "yes"
	}
	one.Tmpfs = []string{
		fmt.Sprintf("/tmp:rw,exec,nosuid,nodev,mode=1777,size=%d", c.TmpBytes),
		fmt.Sprintf("/var/tmp:rw,exec,nosuid,nodev,mode=1777,size=%d", c.TmpBytes),
		"/run:rw,noexec,nosuid,nodev,mode=755,size=16777216",
	}
	for _, part := range slices.Sorted(maps.Keys(targets())) {
		one.Volumes = append(one.Volumes, b.name()+"-"+part+":"+targets()[part])
	}
	one.Volumes = append(one.Volumes, inSandbox)
	return one, nil
}

// filter is the class's SpamAssassin.
func (s Stack) filter() service {
	one := s.base(s.FilterLimit)
	one.Image, one.User, one.NetworkMode, one.Hostname = s.Filter, "65531:65531", "none", s.FilterLimit.Hostname
	if one.Build != nil {
		one.Build.Recipe = "filter/Dockerfile"
	}
	one.Command, one.CapAdd, one.SecurityOpt = []string{"/usr/lib/maillab/gateway", "filter"}, []string{}, []string{"no-new-privileges"}
	one.Tmpfs = []string{fmt.Sprintf("/tmp:rw,noexec,nosuid,nodev,mode=1777,size=%d", s.FilterLimit.TmpBytes)}
	one.Volumes = []string{inFilter}
	one.Environment = map[string]string{handoff.EnvToken: s.FilterToken}
	return one
}

// gateway has the published ports. Inside, each door has a port of its own.
func (s Stack) gateway() (service, error) {
	doors := control.Doors{}
	if s.FilterToken != "" {
		doors.Filter = &control.Target{Seat: control.FilterSeat, Token: s.FilterToken}
	}
	var published []string
	at := 10000
	for _, b := range s.Sandboxes {
		t := control.Target{Seat: b.Seat, Token: b.Token, Relay: b.Relay}
		if b.Spec.Between != nil {
			t.Domain = b.Spec.Domain
		}
		for _, d := range b.Doors {
			host, port, err := net.SplitHostPort(d.Listen)
			if err != nil {
				return service{}, fmt.Errorf("seat %d: door for %s: %w", b.Seat, d.Service, err)
			}
			d.At = ":" + strconv.Itoa(at)
			published = append(published, fmt.Sprintf("%s:%d", net.JoinHostPort(host, port), at))
			t.Doors = append(t.Doors, d)
			at++
		}
		doors.Sandboxes = append(doors.Sandboxes, t)
	}
	text, err := json.Marshal(doors)
	if err != nil {
		return service{}, err
	}
	one := s.base(engine.SandboxSpec{Memory: engine.GatewayMemory, PIDs: engine.GatewayPIDs})
	one.Command = []string{"/usr/lib/maillab/gateway", "serve", "65532"}
	one.CapAdd = []string{"NET_BIND_SERVICE", "SETUID", "SETGID", "SETPCAP"}
	one.SecurityOpt = []string{"no-new-privileges"}
	one.Ports, one.Volumes = published, []string{inGateway}
	one.Environment = map[string]string{"MAILLAB_DOORS": string(text)}
	return one, nil
}

// base is what all have in common.
func (s Stack) base(c engine.SandboxSpec) service {
	one := service{
		Image: s.Image, User: "0:0", Restart: "unless-stopped", CapDrop: []string{"ALL"},
		MemLimit: bytesOf(c.Memory), MemSwap: bytesOf(c.Memory), CPUs: float64(c.NanoCPUs) / 1e9, PIDs: c.PIDs,
		OOM: 100, StopGrace: "3s",
		Logging: logging{Driver: "json-file", Options: map[string]string{"max-size": "1m", "max-file": "2"}},
	}
	if s.Context != "" {
		one.Build = &build{Context: s.Context, Args: map[string]string{"BASE": "${MAILLAB_BASE:-debian:bookworm-slim}"}}
	}
	return one
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

// bytesOf is a size as compose reads it, "" for none.
func bytesOf(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}
