package docker

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"maillab/internal/engine"
	"maillab/internal/engine/enginetest"
)

// TestNodesGetTheImageFromARegistry: pushed by the manager, with a password that the registry asks for, the image comes to nodes that
// have never seen it; as long as it is not in the registry, those nodes get no seats, and that is said.
func TestNodesGetTheImageFromARegistry(t *testing.T) {
	s := openSwarm(t)
	shown := s.docker.auth
	t.Cleanup(func() { s.docker.auth = shown })
	s.docker.auth = func(string) (string, string, error) { return "anna", "sesame", nil }
	address := startRegistry(t, swarmed.all.Gateway(), "anna", "sesame")
	tag := fmt.Sprintf("maillab/t-pushed-%d:1", os.Getpid())
	if err := importAs(s.docker, tag, tinyRoot(t)); err != nil {
		t.Fatal(err)
	}
	name := swarmName("registry")
	t.Cleanup(func() { enginetest.RemoveAll(t, s, name) })
	class := ofImage(tinyClass(name, 6), tag)
	var said strings.Builder
	for _, r := range class[:3] { // to the gateways
		if err := s.Put(t.Context(), r, func(line string) { said.WriteString(line + "\n") }); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range swarmed.all.All[1:] {
		if !strings.Contains(said.String(), "no gateway, and no seats, on "+m.Name+": No such image") {
			t.Errorf("nothing is said of %s, which has not got the image:\n%s", m.Name, said.String())
		}
	}
	enginetest.RemoveAll(t, s, name)
	pushed, err := s.PushImage(t.Context(), tag, address+"/class", nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := address + "/class/t-pushed"; !strings.HasPrefix(pushed, want) || !strings.Contains(pushed, "@sha256:") {
		t.Errorf("nodes are to ask for %s", pushed)
	}
	for _, r := range class {
		if err := s.Put(t.Context(), r, nil); err != nil {
			t.Fatal(err)
		}
	}
	places, _ := placesOf(t, s, name)
	nodes := map[string]int{}
	for _, node := range places {
		nodes[node]++
	}
	if len(nodes) != len(swarmed.all.All) {
		t.Errorf("6 seats are on %v", nodes)
	}
	enginetest.RemoveAll(t, s, name)
	s.docker.auth = func(string) (string, string, error) { return "anna", "wrong", nil }
	if _, err := s.PushImage(t.Context(), tag, address+"/other", nil); err == nil {
		t.Error("the registry takes a wrong password")
	}
	found, err := s.docker.api.ImageInspect(t.Context(), tag)
	if err != nil || named(found, tag) != pushed {
		t.Errorf("after a push that failed nodes are to ask for %s, %v", named(found, tag), err)
	}
}

// ofImage has a class made of another image.
func ofImage(class []engine.Resource, tag string) []engine.Resource {
	for i, r := range class {
		if r.Image != nil {
			class[i].Image = &engine.ImageSpec{Tag: tag}
		}
		if r.Sandbox != nil {
			spec := *r.Sandbox
			spec.Image = tag
			class[i].Sandbox = &spec
		}
	}
	return class
}

// startRegistry has a registry listen at an address of this machine, for one user, until the test ends.
func startRegistry(t *testing.T, host, user, password string) (address string) {
	t.Helper()
	program, err := exec.LookPath("docker-registry")
	if err != nil {
		enginetest.Absent(t, err)
	}
	free, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	address = free.Addr().String()
	free.Close()
	dir := t.TempDir()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf(`version: 0.1
log: {level: warn}
storage: {filesystem: {rootdirectory: %[1]s/data}, delete: {enabled: true}}
http: {addr: "%[2]s"}
auth: {htpasswd: {realm: class, path: %[1]s/users}}
`, dir, address)
	for name, text := range map[string]string{"config.yml": config, "users": user + ":" + string(hash) + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(program, "serve", filepath.Join(dir, "config.yml"))
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
	for {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return address
		}
		select {
		case <-ended:
			t.Fatalf("the registry has ended: %s", said.String())
		default:
			pauseOr(t)
		}
	}
}
