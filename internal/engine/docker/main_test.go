package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"

	"maillab/internal/engine"
	"maillab/internal/engine/enginetest"
)

// tinyImage is made by the tests of one static program, on nothing. It is this process's own.
var tinyImage = fmt.Sprintf("maillab/t-docker-%d:1", os.Getpid())

// open gives the engine of this machine, with the tiny image on it. Without an engine the test is skipped, or, with
// MAILLAB_REQUIRE_DOCKER=1, fails.
func open(t testing.TB) *Engine {
	t.Helper()
	e, err := openOnce(t)
	if err != nil {
		enginetest.Absent(t, err)
	}
	return e
}

// TestMain takes the tiny image away at the end. The test binary is also other programs: see TestKilledInTheMiddle and
// TestAnEngineBehindSSH.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "ssh":
		os.Exit(relayLikeSSH(os.Getenv("MAILLAB_TEST_SOCKET")))
	case "up-until-killed":
		tinyImage = os.Args[2]
		os.Exit(upUntilKilled(os.Args[1]))
	}
	code := m.Run()
	if shared.engine != nil {
		r := engine.Resource{Kind: engine.Image, Image: &engine.ImageSpec{Tag: tinyImage}}
		if err := shared.engine.Remove(context.Background(), r); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	if err := closeSwarm(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// shared is what all tests of a run use.
var shared struct {
	once   sync.Once
	engine *Engine
	err    error
}

func openOnce(t testing.TB) (*Engine, error) {
	shared.once.Do(func() {
		endpoint, err := FindEndpoint(os.Getenv, os.DirFS("/nonexistent"), os.DirFS("/"))
		if err != nil {
			shared.err = err
			return
		}
		if shared.engine, shared.err = Open(context.Background(), Config{Endpoint: endpoint}); shared.err != nil {
			return
		}
		if err := importTiny(shared.engine, tinyRoot(t)); err != nil {
			t.Fatalf("the tiny image: %v", err)
		}
	})
	return shared.engine, shared.err
}

// tinyRoot is a root file system, as a tar, with the stand-in under its three names.
func tinyRoot(t testing.TB) []byte {
	t.Helper()
	program := filepath.Join(t.TempDir(), "standin")
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", program, "./testdata/standin")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the stand-in: %v\n%s", err, out)
	}
	text, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for name, uid := range map[string]int{socketInGateway: gatewayUID, filepath.Dir(socketInGateway): gatewayUID, socketInSandbox: 0} {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name[1:] + "/", Mode: 0o755, Uid: uid, Gid: uid}); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"labinit", "gateway", "try"} {
		header := tar.Header{Typeflag: tar.TypeReg, Name: programs[1:] + name, Mode: 0o755, Size: int64(len(text))}
		if err := w.WriteHeader(&header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return archive.Bytes()
}

func importTiny(e *Engine, root []byte) error { return importAs(e, tinyImage, root) }

// importAs imports it under a name, which makes it another image.
func importAs(e *Engine, tag string, root []byte) error {
	body, err := e.api.ImageImport(context.Background(), image.ImportSource{Source: bytes.NewReader(root), SourceName: "-"},
		tag, image.ImportOptions{Changes: []string{"LABEL " + labelImage + "=" + tag}})
	if err != nil {
		return err
	}
	defer body.Close()
	return follow(body, func(string) {})
}

// instanceName is this process's own.
func instanceName(short string) string { return fmt.Sprintf("t-docker-%d-%s", os.Getpid(), short) }

// tinyClass is an instance on the tiny image.
func tinyClass(instance string, seats int) []engine.Resource {
	rs := []engine.Resource{
		{Kind: engine.Image, Image: &engine.ImageSpec{Tag: tinyImage}},
		{Kind: engine.Socket, Instance: instance},
		{Kind: engine.Gateway, Instance: instance, Sandbox: &engine.SandboxSpec{Image: tinyImage}},
	}
	for seat := 1; seat <= seats; seat++ {
		rs = append(rs, tinySeat(instance, seat)...)
	}
	engine.Sort(rs)
	return rs
}

func tinySeat(instance string, seat int) []engine.Resource {
	labels := map[string]string{
		engine.LabelStudent: fmt.Sprintf("student%d", seat), engine.LabelUIDs: fmt.Sprint(100000 + 1000*seat),
		engine.LabelSpec: "1234", engine.LabelExpires: "2030-01-02T03:04:05Z",
	}
	rs := []engine.Resource{{
		Kind: engine.Sandbox, Instance: instance, Seat: seat, Labels: labels,
		Sandbox: &engine.SandboxSpec{
			Image: tinyImage, Hostname: "test6isri", Env: map[string]string{"MAILLAB_TOKEN": "secret"},
			Memory: 32 << 20, NanoCPUs: 5e8, PIDs: 64, TmpBytes: 4 << 20,
		},
	}}
	for _, part := range []string{"home", "mail", "state"} {
		rs = append(rs, engine.Resource{Kind: engine.Volume, Instance: instance, Seat: seat, Part: part,
			Labels: map[string]string{engine.LabelStudent: labels[engine.LabelStudent]}})
	}
	return rs
}

// up makes an instance and has it removed at the end.
func up(t testing.TB, e *Engine, short string, seats int) []engine.Resource {
	t.Helper()
	name := instanceName(short)
	t.Cleanup(func() { removeAll(t, e, name) })
	rs := tinyClass(name, seats)
	for _, r := range rs {
		if err := e.Put(context.Background(), r, nil); err != nil {
			t.Fatal(err)
		}
	}
	return rs
}

func removeAll(t testing.TB, e *Engine, instance string) {
	t.Helper()
	rs, err := e.Observe(context.Background(), instance)
	if err != nil {
		t.Errorf("clean up: %v", err)
	}
	for i := len(rs) - 1; i >= 0; i-- {
		if rs[i].Kind == engine.Image {
			continue
		}
		if err := e.Remove(context.Background(), rs[i]); err != nil {
			t.Errorf("clean up: %v", err)
		}
	}
}

func TestContract(t *testing.T) {
	e := open(t)
	enginetest.Suite(t, func(t *testing.T) enginetest.Subject {
		return enginetest.Subject{
			Engine: e, Name: instanceName,
			Class: func(_ *testing.T, instance string, seats int) []engine.Resource { return tinyClass(instance, seats) },
			Stop: func(t *testing.T, r engine.Resource) {
				if err := e.api.ContainerKill(context.Background(), nameOf(r), "KILL"); err != nil {
					t.Fatal(err)
				}
				ended, failed := e.api.ContainerWait(context.Background(), nameOf(r), container.WaitConditionNotRunning)
				select {
				case <-ended:
				case err := <-failed:
					t.Fatal(err)
				}
			},
		}
	})
}

// run executes in seat 1 and gives its output.
func run(t *testing.T, e *Engine, instance, in string, cmd ...string) (out, errors string, exit int) {
	t.Helper()
	var stdout, stderr strings.Builder
	streams := engine.IO{Out: &stdout, Err: &stderr}
	if in != "" {
		streams.In = io.NopCloser(strings.NewReader(in))
	}
	exit, err := e.Exec(context.Background(), instance, 1, cmd, streams)
	if err != nil {
		t.Fatal(err)
	}
	return stdout.String(), stderr.String(), exit
}
