package docker

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/volume"
	"github.com/google/go-cmp/cmp"

	"maillab/internal/engine"
	"maillab/internal/sandbox"
)

// TestCapabilitiesAreTheSupervisors holds the list equal to that of the program which needs them.
func TestCapabilitiesAreTheSupervisors(t *testing.T) {
	ours, theirs := slices.Sorted(slices.Values(sandboxCapabilities())), slices.Sorted(slices.Values(sandbox.CapabilityNames()))
	if d := cmp.Diff(theirs, ours); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	if d := cmp.Diff(sandbox.Sysctls(), sandboxSysctls()); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

// TestWhatIsNotOursIsNotTouched: things that have our names and not our labels.
func TestWhatIsNotOursIsNotTouched(t *testing.T) {
	e, ctx := open(t), context.Background()
	rs := tinyClass(instanceName("foreign"), 1)
	sandbox, vol := pick(t, rs, engine.Sandbox), pick(t, rs, engine.Volume)
	if _, err := e.api.ContainerCreate(ctx, &container.Config{Image: tinyImage, Cmd: []string{labinit}}, nil, nil, nil, nameOf(sandbox)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.api.ContainerRemove(ctx, nameOf(sandbox), container.RemoveOptions{Force: true}) })
	if _, err := e.api.VolumeCreate(ctx, volume.CreateOptions{Name: nameOf(vol)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.api.VolumeRemove(ctx, nameOf(vol), true) })
	if err := e.Put(ctx, pick(t, rs, engine.Socket), nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { removeAll(t, e, sandbox.Instance) })
	for _, r := range []engine.Resource{sandbox, vol} {
		if err := e.Put(ctx, r, nil); !errors.Is(err, engine.ErrConflict) {
			t.Errorf("put %s: %v", r.ID(), err)
		}
		if err := e.Remove(ctx, r); !errors.Is(err, engine.ErrConflict) {
			t.Errorf("remove %s: %v", r.ID(), err)
		}
	}
	if there, err := e.api.ContainerInspect(ctx, nameOf(sandbox)); err != nil || there.State.Running {
		t.Errorf("the container was touched: %v", err)
	}
	if _, err := e.api.VolumeInspect(ctx, nameOf(vol)); err != nil {
		t.Errorf("the volume was touched: %v", err)
	}
}

// TestExec: streams apart, exit code, root, and whom there is nobody to ask.
func TestExec(t *testing.T) {
	e, ctx := open(t), context.Background()
	rs := up(t, e, "exec", 1)
	out, errs, exit := run(t, e, instanceName("exec"), "bonjour\n", programs+"try", "exit", "7")
	if out != "bonjour\n" || errs != "uid 0\n" || exit != 7 {
		t.Errorf("%q, %q, exit %d", out, errs, exit)
	}
	if exit, err := e.Exec(ctx, instanceName("exec"), 1, []string{programs + "try", "exit", "0"}, engine.IO{}); exit != 0 || err != nil {
		t.Errorf("without streams: %d, %v", exit, err)
	}
	if _, err := e.Exec(ctx, instanceName("exec"), 9, []string{"x"}, engine.IO{}); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("in seat 9: %v", err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	block, _ := net.Pipe() // a stdin that never ends
	defer block.Close()
	_, err := e.Exec(cancelled, instanceName("exec"), 1, []string{programs + "try", "exit", "0"}, engine.IO{In: callOnRead{block, cancel}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if err := e.api.ContainerKill(ctx, nameOf(pick(t, rs, engine.Gateway)), "KILL"); err != nil {
		t.Fatal(err)
	}
	if conn, err := e.Dial(ctx, instanceName("exec")); !errors.Is(err, engine.ErrNotFound) && err == nil {
		t.Errorf("dial a gateway that was killed: %v, %v", conn, err)
	}
}

// TestAClosedStreamLeavesNoProcess in the gateway: every command opens one.
func TestAClosedStreamLeavesNoProcess(t *testing.T) {
	e, ctx := open(t), context.Background()
	instance := pick(t, up(t, e, "stream", 0), engine.Gateway).Instance
	for range 3 {
		conn, err := e.Dial(ctx, instance)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for {
		top, err := e.api.ContainerTop(ctx, gatewayName(instance), nil)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(top.Processes, func(p []string) bool { return strings.HasSuffix(p[len(p)-1], "stream") }) {
			return
		}
	}
}

// callOnRead calls when it is first read.
type callOnRead struct {
	net.Conn
	call func()
}

func (c callOnRead) Read(p []byte) (int, error) {
	c.call()
	return c.Conn.Read(p)
}
