package compose_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"

	"maillab/internal/compose"
	"maillab/internal/engine"
	"maillab/internal/spec"
)

// load reads a stack as docker compose v2 does: its own loader, with its schema, its interpolation and its forms.
func load(t *testing.T, dir string, text []byte, environment types.Mapping) *types.Project {
	t.Helper()
	project, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir: dir, Environment: environment,
		ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(dir, "stack.yaml"), Content: text}},
	}, func(o *loader.Options) { o.SetProjectName("stack", true) })
	if err != nil {
		t.Fatal(err)
	}
	return project
}

// TestComposeV2 holds what docker compose v2 understands against what was to be said.
func TestComposeV2(t *testing.T) {
	text, err := compose.Render(stack())
	if err != nil {
		t.Fatal(err)
	}
	p := load(t, "/stacks", text, nil)
	if names := p.ServiceNames(); !cmp.Equal(names, []string{"gateway", "seat-2", "shared"}) {
		t.Fatalf("services %q", names)
	}
	gateway, seat, shared := p.Services["gateway"], p.Services["seat-2"], p.Services["shared"]

	ports := []types.ServicePortConfig{
		{Mode: "ingress", HostIP: "0.0.0.0", Published: "10010", Target: 10000, Protocol: "tcp"},
		{Mode: "ingress", HostIP: "127.0.0.1", Published: "10222", Target: 10001, Protocol: "tcp"},
		{Mode: "ingress", HostIP: "127.0.0.1", Published: "10225", Target: 10002, Protocol: "tcp"},
		{Mode: "ingress", HostIP: "::1", Published: "10243", Target: 10003, Protocol: "tcp"},
	}
	if diff := cmp.Diff(ports, gateway.Ports); diff != "" {
		t.Errorf("the gateway's ports (-want +got):\n%s", diff)
	}
	if gateway.MemLimit != engine.GatewayMemory || gateway.MemSwapLimit != engine.GatewayMemory || gateway.PidsLimit != engine.GatewayPIDs {
		t.Errorf("the gateway has %d bytes, %d with swap, and %d processes", gateway.MemLimit, gateway.MemSwapLimit, gateway.PidsLimit)
	}
	if doors := gateway.Environment["MAILLAB_DOORS"]; doors == nil || !strings.Contains(*doors, `"token":"token-2","relay":"192.0.2.1:25"`) {
		t.Errorf("the gateway's doors are not told: %v", gateway.Environment)
	}

	for _, s := range []types.ServiceConfig{seat, shared} {
		if s.NetworkMode != "none" || len(s.Ports) > 0 || len(s.Networks) > 0 {
			t.Errorf("%s has a network: %q, %v, %v", s.Name, s.NetworkMode, s.Ports, s.Networks)
		}
		if !slices.Equal(s.CapDrop, []string{"ALL"}) || slices.Contains(s.CapAdd, "DAC_OVERRIDE") || s.Privileged || s.Restart != "unless-stopped" {
			t.Errorf("%s may do more: %v and not %v, privileged %v; restart %s", s.Name, s.CapAdd, s.CapDrop, s.Privileged, s.Restart)
		}
	}
	if seat.MemLimit != 96<<20 || seat.CPUS != 0.5 || seat.PidsLimit != 768 || seat.ShmSize != 8<<20 || seat.Hostname != "mail" || seat.User != "0:0" {
		t.Errorf("limits: %d bytes, %g processors, %d processes, %d shared; %s as %s",
			seat.MemLimit, seat.CPUS, seat.PidsLimit, seat.ShmSize, seat.Hostname, seat.User)
	}
	if shared.MemLimit != 0 || shared.PidsLimit != 0 {
		t.Errorf("no limit is %d bytes, %d processes", shared.MemLimit, shared.PidsLimit)
	}
	if *seat.StopGracePeriod != types.Duration(3e9) || seat.Sysctls["net.ipv4.ip_unprivileged_port_start"] != "1024" || len(seat.Tmpfs) != 3 {
		t.Errorf("stops within %v; %v; %q", seat.StopGracePeriod, seat.Sysctls, seat.Tmpfs)
	}
}

// TestComposeV2Volumes: a sandbox has three volumes of its own, and the gateway's socket for reading, on which nothing is copied.
func TestComposeV2Volumes(t *testing.T) {
	text, err := compose.Render(stack())
	if err != nil {
		t.Fatal(err)
	}
	p := load(t, "/stacks", text, nil)
	want := map[string]string{
		"/home": "seat-2-home", "/var/mail": "seat-2-mail", "/var/lib/maillab": "seat-2-state", "/srv/gateway/socket": "socket",
	}
	got := map[string]string{}
	for _, v := range p.Services["seat-2"].Volumes {
		got[v.Target] = v.Source
		isSocket := v.Source == "socket"
		if v.Type != types.VolumeTypeVolume || v.ReadOnly != isSocket || (v.Volume != nil && v.Volume.NoCopy) != isSocket {
			t.Errorf("%s: %+v %+v", v.Target, v, v.Volume)
		}
		if _, declared := p.Volumes[v.Source]; !declared {
			t.Errorf("volume %s is not declared", v.Source)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(p.Volumes) != 7 { // three each, and the socket
		t.Errorf("%d volumes", len(p.Volumes))
	}
}

// TestComposeV2Spec: what a sandbox is to be comes through as it was packed, whatever is in it.
func TestComposeV2Spec(t *testing.T) {
	s := stack()
	s.Sandboxes[1].Spec.Accounts = []spec.Account{{Name: "util1", PasswordHash: "$y$j9T$salt$hash", FullName: "${MAILLAB_BASE} $$ é"}}
	text, err := compose.Render(s)
	if err != nil {
		t.Fatal(err)
	}
	packed := load(t, "/stacks", text, types.Mapping{"MAILLAB_BASE": "x"}).Services["seat-2"].Environment["MAILLAB_SPEC"]
	text, err = spec.Unpack(*packed)
	if err != nil {
		t.Fatal(err)
	}
	var got spec.Sandbox
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s.Sandboxes[1].Spec, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestComposeV2Committed: the examples are read, their image is built from this tree, and its base can be chosen.
func TestComposeV2Committed(t *testing.T) {
	for file, services := range map[string]int{"sandbox.yaml": 2, "class.yaml": 4} {
		dir, err := filepath.Abs("../../compose")
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		for base, environment := range map[string]types.Mapping{
			"debian:bookworm-slim": nil, "maillab/base:bookworm": {"MAILLAB_BASE": "maillab/base:bookworm"},
		} {
			p := load(t, dir, text, environment)
			if len(p.Services) != services {
				t.Errorf("%s: services %q", file, p.ServiceNames())
			}
			for _, s := range p.Services {
				if got := s.Build.Args["BASE"]; got == nil || *got != base {
					t.Errorf("%s: %s is built on %v, not %s", file, s.Name, got, base)
				}
				if _, err := os.Stat(filepath.Join(s.Build.Context, "Dockerfile")); err != nil {
					t.Errorf("%s: %s: %v", file, s.Name, err)
				}
			}
		}
	}
}
