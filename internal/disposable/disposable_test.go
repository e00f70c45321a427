package disposable_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"maillab/internal/disposable"
	"maillab/internal/engine/enginetest"
)

// Every session has its own, or the end of one would take another's resources away.
func TestLabelsTellSessionsApart(t *testing.T) {
	one, two := disposable.Labels("one"), disposable.Labels("two")
	if one["org.testcontainers"] != "true" || one["org.testcontainers.sessionId"] != "one" || two["org.testcontainers.sessionId"] != "two" {
		t.Errorf("%v, %v", one, two)
	}
	one["x"] = "y"
	if disposable.Labels("one")["x"] != "" {
		t.Error("labels are shared")
	}
}

// watchVariable makes the test program hold a reaper until it is killed; its value is the session.
const watchVariable = "MAILLAB_TEST_WATCH"

func TestMain(m *testing.M) {
	session := os.Getenv(watchVariable)
	if session == "" {
		os.Exit(m.Run())
	}
	guard := disposable.Watch(context.Background(), session)
	if err := guard.Err(); err != nil {
		os.Stdout.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	os.Stdout.WriteString("watching\n")
	select {}
}

// docker runs docker's own command, which has no part in what is tested.
func docker(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("docker", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// gone waits until a list of docker's is empty.
func gone(t *testing.T, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for docker(t, args...) != "" {
		if ctx.Err() != nil {
			t.Fatalf("docker %s never says nothing", strings.Join(args, " "))
		}
		time.Sleep(100 * time.Millisecond) // between two looks
	}
}

// requireReaper skips where there is no engine or no image of the reaper.
func requireReaper(t *testing.T) {
	t.Helper()
	if err := exec.Command("docker", "version").Run(); err != nil {
		enginetest.Absent(t, err)
	}
	const image = "testcontainers/ryuk:0.13.0"
	if exec.Command("docker", "image", "inspect", image).Run() == nil {
		return
	}
	if out, err := exec.Command("docker", "pull", image).CombinedOutput(); err != nil {
		t.Skipf("the reaper's image is not to be had: %v: %s", err, bytes.TrimSpace(out))
	}
}

// A process that is killed leaves a volume with the session's labels: the reaper removes that, and nothing else.
func TestKilledProcessIsCleanedUpAfter(t *testing.T) {
	requireReaper(t)
	session := fmt.Sprintf("t-disposable-killed-%d", os.Getpid())
	self := exec.Command(os.Args[0])
	self.Env = append(os.Environ(), watchVariable+"="+session)
	out, err := self.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := self.Start(); err != nil {
		t.Fatal(err)
	}
	defer self.Wait()
	defer self.Process.Kill()
	said := make([]byte, 200)
	if n, _ := out.Read(said); string(said[:n]) != "watching\n" {
		t.Fatalf("%s", said[:n])
	}
	args := []string{"volume", "create", "--name", session}
	for label, value := range disposable.Labels(session) {
		args = append(args, "--label", label+"="+value)
	}
	docker(t, args...)
	other := session + "-other"
	docker(t, "volume", "create", "--name", other, "--label", "org.testcontainers=true", "--label", "org.testcontainers.sessionId=other")
	defer docker(t, "volume", "rm", other)
	if err := self.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	gone(t, "volume", "ls", "-q", "--filter", "name=^"+session+"$")
	if docker(t, "volume", "ls", "-q", "--filter", "name=^"+other+"$") != other {
		t.Error("another session's volume is gone, too")
	}
}

// In good order nothing is left, the reaper included.
func TestCloseLeavesNothing(t *testing.T) {
	requireReaper(t)
	session := fmt.Sprintf("t-disposable-close-%d", os.Getpid())
	networks := docker(t, "network", "ls", "-q", "--filter", "label=org.testcontainers")
	guard := disposable.Watch(t.Context(), session)
	if err := guard.Err(); err != nil {
		t.Fatal(err)
	}
	if docker(t, "ps", "-q", "--filter", "name=reaper_"+session) == "" {
		t.Error("there is no reaper")
	}
	if err := guard.Close(t.Context()); err != nil {
		t.Error(err)
	}
	gone(t, "ps", "-aq", "--filter", "name=reaper_"+session) // the daemon is removing it
	if left := docker(t, "network", "ls", "-q", "--filter", "label=org.testcontainers"); left != networks {
		t.Errorf("networks before: %q, afterwards: %q", networks, left)
	}
}

// Where a user does not want a reaper there is none, and nothing waits.
func TestDisabled(t *testing.T) {
	self := exec.Command(os.Args[0])
	self.Env = append(os.Environ(), watchVariable+"=t-disposable-disabled", "TESTCONTAINERS_RYUK_DISABLED=true")
	out, err := self.Output()
	if err == nil || !strings.Contains(string(out), "no reaper") {
		t.Errorf("%v: %s", err, out)
	}
}
