//go:build linux

package e2e

import (
	"fmt"
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
// and ports, in the same run, and prints a table. The figures belong to the machine: it holds them to no bound. It is what
// docs/scale.md is made from: make bench-class.
func TestClassSpeed(t *testing.T) {
	sizes := os.Getenv("MAILLAB_BENCH_CLASS")
	if sizes == "" {
		t.Skip("MAILLAB_BENCH_CLASS=1,10,30 measures")
	}
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "students\tcompose up\tup\tratio\tup again\tstatus\treset\tsnapshot 1 MB\trestore\tcompose down\tdown\tMiB each")
	for part := range strings.SplitSeq(sizes, ",") {
		n, err := strconv.Atoi(part)
		if err != nil {
			t.Fatal(err)
		}
		measureClass(t, w, n)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", out.String())
}

func measureClass(t *testing.T, w *tabwriter.Writer, n int) {
	c := newClass(t, fmt.Sprintf("speed-%d", n))
	students := strconv.Itoa(n)
	c.run("up", "-f", "amiens-smtp-pop-imap", "--students", "1") // the image is built, Docker is awake
	c.run("down", "-y")
	composeUp, composeDown := compose(t, n)
	took := func(args ...string) time.Duration {
		began := time.Now()
		c.run(args...)
		return time.Since(began)
	}
	up := took("up", "-f", "amiens-smtp-pop-imap", "--students", students)
	again := took("up", "-f", "amiens-smtp-pop-imap", "--students", students)
	status := took("status", "-o", "json")
	idle := memoryEach(t, c.name, n)
	fillSpools(t, c)
	snapshot := took("snapshot", "save", "s")
	reset := took("reset")
	restore := took("snapshot", "restore", "s")
	down := took("down", "-y")
	row := fmt.Sprintf("%d\t%.1f s\t%.1f s\t%.2f\t%.2f s\t%.2f s\t%.2f s\t%.2f s\t%.2f s\t%.1f s\t%.1f s\t%.1f\n", n,
		composeUp.Seconds(), up.Seconds(), up.Seconds()/composeUp.Seconds(), again.Seconds(), status.Seconds(), reset.Seconds(),
		snapshot.Seconds(), restore.Seconds(), composeDown.Seconds(), down.Seconds(), idle)
	t.Log(row) // also when a later size takes too long
	fmt.Fprint(w, row)
}

// composeParallel is how many things docker-compose does at a time in a class of more than 30.
const composeParallel = 20

// compose starts as many containers of the same image with four published ports each; it waits for nothing in them.
func compose(t *testing.T, n int) (up, down time.Duration) {
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
	run := func(args ...string) time.Duration {
		began := time.Now()
		cmd := exec.Command("docker-compose", append([]string{"-p", fmt.Sprintf("t-e2e-%d-compose", os.Getpid()), "-f", path}, args...)...)
		if n > 30 { // with its own default, 64, docker-compose 1.29 was seen to wait for itself for ever
			cmd.Env = append(os.Environ(), fmt.Sprintf("COMPOSE_PARALLEL_LIMIT=%d", composeParallel))
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("docker-compose %v: %v\n%s", args, err, out)
		}
		return time.Since(began)
	}
	t.Cleanup(func() { run("down", "-t", "1") })
	return run("up", "-d"), run("down", "-t", "1")
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

// memoryEach is what a sandbox takes after one login, without the page cache.
func memoryEach(t *testing.T, name string, n int) float64 {
	t.Helper()
	var total float64
	for seat := 1; seat <= n; seat++ {
		out, err := exec.Command("docker", "exec", fmt.Sprintf("maillab-%s-%d", name, seat), "sh", "-c",
			"cat /sys/fs/cgroup/memory/memory.stat /sys/fs/cgroup/memory.stat 2>/dev/null").Output()
		if err != nil && len(out) == 0 {
			t.Log("memory: ", err)
			return 0
		}
		for line := range strings.Lines(string(out)) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
			if bytes, err := strconv.ParseFloat(value, 64); err == nil && (name == "total_rss" || name == "anon") {
				total += bytes
				break
			}
		}
	}
	return total / float64(n) / (1 << 20)
}
