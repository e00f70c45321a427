package docker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/system"
	"github.com/google/go-cmp/cmp"

	"maillab/internal/engine"
)

func TestMissing(t *testing.T) {
	plain := system.Info{OSType: "linux", OperatingSystem: "Debian GNU/Linux 12", MemoryLimit: true, PidsLimit: true,
		SecurityOptions: []string{"name=seccomp,profile=default"}}
	with := func(change func(i *system.Info)) system.Info {
		i := plain
		change(&i)
		return i
	}
	for want, info := range map[string]system.Info{
		"":                   plain,
		"windows containers": with(func(i *system.Info) { i.OSType = "windows" }),
		"Docker Desktop":     with(func(i *system.Info) { i.OperatingSystem = "Docker Desktop" }),
		"rootless":           with(func(i *system.Info) { i.SecurityOptions = []string{"name=seccomp", "name=rootless"} }),
		"userns-remap":       with(func(i *system.Info) { i.SecurityOptions = []string{"name=userns"} }),
		"limit memory":       with(func(i *system.Info) { i.PidsLimit = false }),
	} {
		if can := capabilities(info); can.Forwards != slices.Contains([]string{"Docker Desktop", "rootless", "userns-remap"}, want) || can.LowPorts == (want == "rootless") {
			t.Errorf("%q: %+v", want, can)
		}
		if refused := capabilities(info).Mend != ""; refused != slices.Contains([]string{"windows containers", "rootless", "userns-remap"}, want) {
			t.Errorf("%q: sandboxes are refused: %v", want, refused)
		}
		if got := missing(info); !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("%q, want %q in it", got, want)
		}
	}
}

func TestRecent(t *testing.T) {
	for version, ok := range map[string]bool{"1.40": false, "1.41": true, "1.51": true, "2.0": true, "": false} {
		if err := recent(version); (err == nil) != ok {
			t.Errorf("%q: %v", version, err)
		}
	}
}

func TestNoEngineAnswers(t *testing.T) {
	nobody := "unix://" + filepath.Join(t.TempDir(), "docker.sock")
	e, err := Open(context.Background(), Config{Endpoint: Endpoint{Host: nobody}})
	if !errors.Is(err, engine.ErrUnavailable) {
		t.Errorf("%v, %v", e, err)
	}
}

func TestFollow(t *testing.T) {
	text := `{"stream":"Step 1/2 : FROM x\n"}{"stream":"\n"}
{"status":"Pulling fs layer","id":"abc"}{"status":"Downloading","id":"abc","progressDetail":{"current":1}}
{"aux":{"ID":"sha256:1"}}{"stream":"a\nb"}`
	var lines []string
	if err := follow(strings.NewReader(text), func(l string) { lines = append(lines, l) }); err != nil {
		t.Error(err)
	}
	if d := cmp.Diff([]string{"Step 1/2 : FROM x", "abc Pulling fs layer", "a", "b"}, lines); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	err := follow(strings.NewReader(`{"error":"no space left\n","errorDetail":{"message":"no space left"}}`), func(string) {})
	if err == nil || err.Error() != "no space left" {
		t.Errorf("%v", err)
	}
	if err := follow(strings.NewReader(`{"stream":"a"`), func(string) {}); err == nil {
		t.Error("an answer that was cut is no error")
	}
}

func TestLockFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "folder", "lock")
	unlock, err := lockFile(context.Background(), name, func() { t.Error("the first had to wait") })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if _, err := lockFile(ctx, name, cancel); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled while it waited: %v", err)
	}
	again, err := lockFile(context.Background(), name, unlock) // lets go as soon as it waits
	if err != nil {
		t.Fatal(err)
	}
	again()
	if free, err := lockFile(context.Background(), "", nil); err != nil {
		t.Error(err)
	} else {
		free()
	}
}

// TestWhatASandboxIs looks from inside.
func TestWhatASandboxIs(t *testing.T) {
	e := open(t)
	up(t, e, "inside", 2)
	show := func(file string) string {
		out, errs, exit := run(t, e, instanceName("inside"), "", programs+"try", "show", file)
		if exit != 0 {
			t.Fatalf("%s: %s", file, errs)
		}
		return out
	}
	status := show("/proc/1/status")
	for _, want := range []string{
		"Name:\tlabinit", "CapBnd:\t00000000300415e1", "Uid:\t0\t0\t0\t0", "NoNewPrivs:\t0", "Seccomp:\t2",
	} {
		if !strings.Contains(status, want) {
			t.Errorf("%q is not in\n%s", want, status)
		}
	}
	mounts := show("/proc/mounts")
	for _, want := range []string{
		"tmpfs /tmp tmpfs rw,nosuid,nodev,relatime,size=4096k ", "tmpfs /var/tmp ", "tmpfs /run tmpfs rw,nosuid,nodev,noexec,relatime,size=16384k,mode=755",
		" /var/mail ", " /home ", " /var/lib/maillab ", " /srv/gateway/socket ",
	} {
		if !strings.Contains(mounts, want) {
			t.Errorf("%q is not in\n%s", want, mounts)
		}
	}
	if strings.Contains(mounts, "docker.sock") {
		t.Error("the daemon's socket is inside")
	}
	if env := show("/proc/1/environ"); !strings.Contains(env, "MAILLAB_TOKEN=secret") {
		t.Errorf("environment %q", env)
	}
	if name := show("/etc/hostname"); name != "test6isri\n" {
		t.Errorf("hostname %q", name)
	}
	if adj := show("/proc/1/oom_score_adj"); adj != fmt.Sprintln(oomScore) {
		t.Errorf("oom_score_adj %s", adj)
	}
}

// TestNoNetwork: a sandbox has loopback, and on a volume of its instance the gateway's socket, which the gateway made as a
// user of its own.
func TestNoNetwork(t *testing.T) {
	e := open(t)
	instance := pick(t, up(t, e, "alone", 1), engine.Sandbox).Instance
	out, errs, exit := run(t, e, instance, "", programs+"try", "show", "/proc/net/dev")
	if exit != 0 || strings.Count(out, ":") != 1 || !strings.Contains(out, "lo:") {
		t.Errorf("its interfaces are %s%s", out, errs)
	}
	for address, want := range map[string]bool{"127.0.0.1:10080": true, "192.0.2.1:25": false, socketInSandbox + "/gateway.sock": true} {
		if _, errs, exit := run(t, e, instance, "", programs+"try", "dial", address); (exit == 0) != want {
			t.Errorf("%s: exit %d, %s", address, exit, errs)
		}
	}
	if _, errs, exit := run(t, e, instance, "", programs+"try", "make", socketInSandbox+"/another"); exit == 0 || !strings.Contains(errs, "read-only") {
		t.Errorf("something is put beside the gateway's socket: exit %d, %s", exit, errs)
	}
}

// A gateway that is forwarded to is not on the host's network.
func TestForwarded(t *testing.T) {
	e := open(t)
	r := engine.Resource{Kind: engine.Gateway, Instance: "i", Sandbox: &engine.SandboxSpec{Image: tinyImage}}
	if s := gatewaySettings(r); s.host.NetworkMode != network.NetworkHost || len(s.host.PortBindings) > 0 {
		t.Errorf("on the host's network: %+v", s.host)
	}
	r.Sandbox.Publish = map[int]string{10005: "127.0.10.1:25"}
	if s := gatewaySettings(r); s.host.NetworkMode != network.NetworkBridge || s.host.PortBindings["10005/tcp"][0].HostPort != "25" {
		t.Errorf("forwarded to: %+v", s.host)
	}
	if s := e.onThisMachine(r, gatewaySettings(r)); e.selinux != strings.Contains(fmt.Sprint(s.host.SecurityOpt), "label=level:") {
		t.Errorf("SELinux: %v", s.host.SecurityOpt)
	}
}

// Levels are of two different categories, in order, and the same for all containers of an instance.
func TestLevelOf(t *testing.T) {
	seen := map[string]bool{}
	for i := range 1000 {
		level := levelOf(fmt.Sprint("instance", i))
		var a, b int
		if n, err := fmt.Sscanf(level, "s0:c%d,c%d", &a, &b); n != 2 || err != nil || a < 0 || a >= b || b >= categories {
			t.Fatalf("%s: %d, %d, %v", level, a, b, err)
		}
		seen[level] = true
	}
	if len(seen) < 950 {
		t.Errorf("%d levels for 1000 instances", len(seen))
	}
}

func TestWhatAGatewayIs(t *testing.T) {
	e := open(t)
	rs := up(t, e, "gate", 1)
	there, err := e.api.ContainerInspect(context.Background(), gatewayName(rs[1].Instance))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", there.State.Pid))
	if err != nil {
		t.Skipf("the engine is not on this machine: %v", err)
	}
	for _, want := range []string{"Uid:\t65532\t65532\t65532\t65532", "CapBnd:\t00000000000005c0", "NoNewPrivs:\t1", "Seccomp:\t2"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}
