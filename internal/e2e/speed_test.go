//go:build linux

package e2e

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"maillab/images"
)

// TestClassSpeed measures classes of MAILLAB_BENCH_CLASS students ("1,10,30") beside docker-compose with the same image
// and ports, in the same run, and prints a table. Where docker-compose comes to no end, as 1.29 with a hundred containers,
// the peer is docker run, one after the other. The figures belong to the machine: it holds them to no bound. It is what
// docs/scale.md is made from: make bench-class.
func TestClassSpeed(t *testing.T) {
	measureSizes(t, "MAILLAB_BENCH_CLASS", "students\tpeer\tpeer up\tup\tratio\tpeer down\tdown\tratio\tup again\tstatus\tcheck\treset\tsnapshot 1 MB\trestore\tMiB each", measureClass)
}

// measureSizes measures classes of the sizes that a variable names, and prints a table. Without the variable nothing is measured.
func measureSizes(t *testing.T, variable, head string, measure func(t *testing.T, w io.Writer, n int)) {
	t.Helper()
	sizes := os.Getenv(variable)
	if sizes == "" {
		t.Skip(variable + "=1,10,30 measures")
	}
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, head)
	for part := range strings.SplitSeq(sizes, ",") {
		n, err := strconv.Atoi(part)
		if err != nil {
			t.Fatal(err)
		}
		measure(t, w, n)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", out.String())
}

func measureClass(t *testing.T, w io.Writer, n int) {
	c := newClass(t, fmt.Sprintf("speed-%d", n))
	students := strconv.Itoa(n)
	c.run("up", "-f", "amiens-smtp-pop-imap", "--students", "1") // the image is built, Docker is awake
	c.run("down", "-y")
	peer := peerTimes(t, n)
	took := func(args ...string) time.Duration {
		began := time.Now()
		c.run(args...)
		return time.Since(began)
	}
	up := took("up", "-f", "amiens-smtp-pop-imap", "--students", students)
	again := took("up", "-f", "amiens-smtp-pop-imap", "--students", students)
	status := took("status", "-o", "json")
	c.run("exec", "--all", "--", "true") // a login each
	idle := memoryEach(t, c.name, n)
	check, _ := timed(func() error { _, _, _ = c.try(t.Context(), "check", "-o", "json"); return nil }) // nothing is solved: exit code 4
	fillSpools(t, c)
	snapshot := took("snapshot", "save", "s")
	reset := took("reset")
	restore := took("snapshot", "restore", "s")
	down := took("down", "-y")
	row := fmt.Sprintf("%d\t%s\t%.1f s\t%.1f s\t%.2f\t%.1f s\t%.1f s\t%.2f\t%.2f s\t%.2f s\t%.2f s\t%.2f s\t%.2f s\t%.2f s\t%.1f\n", n, peer.name,
		peer.up.Seconds(), up.Seconds(), up.Seconds()/peer.up.Seconds(),
		peer.down.Seconds(), down.Seconds(), down.Seconds()/peer.down.Seconds(),
		again.Seconds(), status.Seconds(), check.Seconds(), reset.Seconds(), snapshot.Seconds(), restore.Seconds(), idle)
	t.Log(row) // also when a later size takes too long
	fmt.Fprint(w, row)
}

// peerTime is how long a peer takes for as many containers of the same image with four published ports each; it waits for
// nothing in them.
type peerTime struct {
	name     string
	up, down time.Duration
}

// peerTimes measures docker-compose, or docker run where docker-compose comes to no end.
func peerTimes(t *testing.T, n int) peerTime {
	t.Helper()
	if up, down, ok := compose(t, n); ok {
		return peerTime{"docker-compose", up, down}
	}
	up, down := dockerRun(t, n)
	return peerTime{"docker run", up, down}
}

func timed(do func() error) (time.Duration, error) {
	began := time.Now()
	err := do()
	return time.Since(began), err
}

// composeParallel is how many things docker-compose does at a time in a class of more than 30.
const composeParallel = 20

// composeEnds is how long docker-compose may take for each container until it counts as hanging.
const composeEnds = 3 * time.Second

// compose measures docker-compose. ok is false when it came to no end.
func compose(t *testing.T, n int) (up, down time.Duration, ok bool) {
	t.Helper()
	if _, err := exec.LookPath("docker-compose"); err != nil {
		t.Skip("no docker-compose to measure beside")
	}
	var file strings.Builder
	file.WriteString("version: '2.4'\nservices:\n")
	for seat := 1; seat <= n; seat++ {
		fmt.Fprintf(&file, "  s%d:\n    image: %s\n    command: [sleep, infinity]\n    init: true\n    ports: [%s]\n", seat, images.Tag(), composePorts(seat))
	}
	path := filepath.Join(t.TempDir(), "docker-compose.yml")
	if err := os.WriteFile(path, []byte(file.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	project := fmt.Sprintf("t-e2e-%d-compose", os.Getpid())
	run := func(args ...string) (time.Duration, error) {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second+time.Duration(n)*composeEnds)
		defer cancel()
		cmd := exec.CommandContext(ctx, "docker-compose", append([]string{"-p", project, "-f", path}, args...)...)
		if n > 30 { // with its own default, 64, docker-compose 1.29 was seen to wait for itself for ever
			cmd.Env = append(os.Environ(), fmt.Sprintf("COMPOSE_PARALLEL_LIMIT=%d", composeParallel))
		}
		return timed(func() error {
			if out, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("docker-compose %v: %w\n%s", args, err, out)
			}
			return nil
		})
	}
	t.Cleanup(func() { removeAll(t, "com.docker.compose.project="+project) })
	up, err := run("up", "-d")
	if err == nil {
		down, err = run("down", "-t", "1")
	}
	if err != nil {
		t.Log("docker run is measured instead: ", err)
		removeAll(t, "com.docker.compose.project="+project)
	}
	return up, down, err == nil
}

// dockerRun measures docker run, one container after the other, and one docker rm for all of them.
func dockerRun(t *testing.T, n int) (up, down time.Duration) {
	t.Helper()
	label := fmt.Sprintf("t-e2e-run=%d", os.Getpid())
	t.Cleanup(func() { removeAll(t, label) })
	up, err := timed(func() error {
		for seat := 1; seat <= n; seat++ {
			args := []string{"run", "-d", "--init", "--label", label}
			for _, port := range strings.Split(composePorts(seat), ", ") {
				args = append(args, "-p", strings.Trim(port, `"`))
			}
			if out, err := exec.Command("docker", append(args, images.Tag(), "sleep", "infinity")...).CombinedOutput(); err != nil {
				return fmt.Errorf("docker run: %w\n%s", err, out)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	down, _ = timed(func() error { removeAll(t, label); return nil })
	return up, down
}

// removeAll removes the containers, and the networks, that have a label.
func removeAll(t *testing.T, label string) {
	t.Helper()
	for _, kind := range [][2][]string{
		{{"ps", "-aq", "--filter", "label=" + label}, {"rm", "-f"}},
		{{"network", "ls", "-q", "--filter", "label=" + label}, {"network", "rm"}},
	} {
		ids, err := exec.Command("docker", kind[0]...).Output()
		if err == nil && len(strings.Fields(string(ids))) > 0 {
			err = exec.Command("docker", append(kind[1], strings.Fields(string(ids))...)...).Run()
		}
		if err != nil {
			t.Error(err)
		}
	}
}

func composePorts(seat int) string {
	var ports []string
	for _, inside := range []int{22, 25, 110, 143} {
		ports = append(ports, fmt.Sprintf(`"127.0.0.1:%d:%d"`, 24000+10*seat+len(ports), inside))
	}
	return strings.Join(ports, ", ")
}

// fillSpools gives every first account a mailbox of one megabyte.
func fillSpools(t *testing.T, c *class) {
	t.Helper()
	body := strings.Repeat(strings.Repeat("x", 76)+"\r\n", 1<<20/78/4)
	var all sync.WaitGroup
	for _, s := range c.status().Sandboxes {
		all.Go(func() {
			for range 4 {
				deliver(t, s.Addresses["smtp"], "util1", body)
			}
		})
	}
	all.Wait()
}

// memoryEach is what a sandbox takes after one login, without the page cache, as its control group tells from outside: a shell that
// looked inside would be counted.
func memoryEach(t *testing.T, name string, n int) float64 {
	t.Helper()
	var total float64
	for seat := 1; seat <= n; seat++ {
		id, err := exec.Command("docker", "inspect", "-f", "{{.Id}}", fmt.Sprintf("maillab-%s-%d", name, seat)).Output()
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(memoryStat(t, strings.TrimSpace(string(id))))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
			if bytes, err := strconv.ParseFloat(value, 64); err == nil && (name == "total_rss" || name == "anon") {
				total += bytes
				break
			}
		}
	}
	return total / float64(n) / (1 << 20)
}

// memoryStat is where a container's memory is told: control groups of version 1, then of version 2, made by cgroupfs or systemd.
func memoryStat(t *testing.T, id string) string {
	t.Helper()
	for _, place := range []string{"memory/docker/" + id, "docker/" + id, "memory/system.slice/docker-" + id + ".scope", "system.slice/docker-" + id + ".scope"} {
		file := filepath.Join("/sys/fs/cgroup", place, "memory.stat")
		if _, err := os.Stat(file); err == nil {
			return file
		}
	}
	t.Skip("this engine's control groups are elsewhere: what a sandbox takes cannot be told")
	return ""
}
