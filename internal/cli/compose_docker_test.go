package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"maillab/images"
	"maillab/internal/engine"
	"maillab/internal/engine/docker"
	"maillab/internal/engine/enginetest"
)

// requireImage skips where this test program was built without the sandbox's programs.
func requireImage(t *testing.T) {
	t.Helper()
	if missing := images.Programs("maild", "labinit", "gateway"); len(missing) > 0 {
		enginetest.Absent(t, "this test program was built without "+strings.Join(missing, ", ")+": run make build first")
	}
}

// composeCommands are those of the compose programs that are here.
func composeCommands() (all [][]string) {
	for _, command := range [][]string{{"docker", "compose"}, {"docker-compose"}} {
		if exec.Command(command[0], append(command[1:], "version")...).Run() == nil {
			all = append(all, command)
		}
	}
	return all
}

// A rendered stack starts with each compose program that is here; its students get in and log in, and do not get out.
func TestComposeStack(t *testing.T) {
	requireImage(t)
	e := openDocker(t)
	if err := e.Put(t.Context(), engine.Resource{Kind: engine.Image, Image: &engine.ImageSpec{Tag: images.Tag()}}, nil); err != nil {
		t.Fatal(err)
	}
	commands := composeCommands()
	if len(commands) == 0 {
		enginetest.Absent(t, "neither docker compose nor docker-compose is here")
	}
	for i, command := range commands {
		t.Run(strings.Join(command, " "), func(t *testing.T) { playStack(t, command, 20000+1000*i+100*(os.Getpid()%8)) })
	}
}

func openDocker(t *testing.T) engine.Engine {
	t.Helper()
	e, err := docker.OpenHere(t.Context(), docker.Build{
		Context: images.Context, Base: images.Base, Lock: filepath.Join(os.TempDir(), "maillab-compose-build.lock"),
	})
	if err != nil {
		enginetest.Absent(t, err)
	}
	return e
}

func playStack(t *testing.T, command []string, base int) {
	file := filepath.Join(t.TempDir(), "stack.yaml")
	text := rendered(t, "render", "compose", "--students", "2", "--base", strconv.Itoa(base))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	project := fmt.Sprintf("t-compose-%d", os.Getpid())
	compose := func(ctx context.Context, args ...string) string {
		args = append(append(append([]string{}, command[1:]...), "-p", project, "-f", file), args...)
		out, err := exec.CommandContext(ctx, command[0], args...).CombinedOutput()
		if err != nil {
			t.Errorf("%s %s: %v\n%s", command[0], strings.Join(args, " "), err, out)
		}
		return string(bytes.TrimSpace(out))
	}
	defer compose(context.Background(), "down", "-v", "-t", "1")
	defer func() {
		if t.Failed() {
			t.Log(compose(context.Background(), "logs", "--tail", "20"))
		}
	}()
	compose(t.Context(), "up", "-d")
	if t.Failed() {
		return
	}
	for _, seat := range []int{1, 2} {
		at := func(offset int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(base+100*seat+offset)) }
		for offset, greeting := range map[int]string{22: "SSH-2.0-", 25: "220 test6isri", 43: "* OK"} {
			if got := greets(t, at(offset)); !strings.HasPrefix(got, greeting) {
				t.Errorf("seat %d: port %d says %q", seat, offset, got)
			}
		}
		popLogin(t, at(10))
	}
	first := compose(t.Context(), "ps", "-q", "seat-1")
	gateway := address(t, compose(t.Context(), "ps", "-q", "gateway"))
	for _, to := range []string{"127.0.0.1/25 open", "127.0.0.1/22 open", gateway + "/10005 shut", "192.0.2.1/80 shut", "127.0.0.11/53 shut"} {
		host, want, _ := strings.Cut(to, " ")
		out, err := exec.Command("docker", "exec", "-u", "1", first, "timeout", "3", "bash", "-c", "exec 3<>/dev/tcp/"+host).CombinedOutput()
		if (err == nil) != (want == "open") {
			t.Errorf("from inside, %s is not %s: %v %s", host, want, err, out)
		}
	}
}

// address is a container's.
func address(t *testing.T, container string) string {
	t.Helper()
	out, err := exec.Command("docker", "inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", container).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// greets waits until a server says its first line: Docker's port accepts before anything listens behind it.
func greets(t *testing.T, address string) string {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		conn, err := net.DialTimeout("tcp", address, 5*time.Second)
		if err == nil {
			_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
			line, err := bufio.NewReader(conn).ReadString('\n')
			conn.Close()
			if err == nil {
				return line
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s says nothing: %v", address, err)
		}
	}
}

// popLogin logs in with the lab's password and finds the starting mail.
func popLogin(t *testing.T, address string) {
	t.Helper()
	greets(t, address)
	conn, err := textproto.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, line := range []string{"", "USER util1", "PASS master2021", "STAT"} {
		if line != "" {
			if err := conn.PrintfLine("%s", line); err != nil {
				t.Fatal(err)
			}
		}
		answer, err := conn.ReadLine()
		if err != nil || !strings.HasPrefix(answer, "+OK") || line == "STAT" && !strings.HasPrefix(answer, "+OK 1 ") {
			t.Fatalf("%s: %q is answered with %q, %v", address, line, answer, err)
		}
	}
}
