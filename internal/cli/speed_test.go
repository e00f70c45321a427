package cli_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// sandboxOf starts a sandbox in a process of its own for a class of n, and returns when every port of every student has
// greeted. Its doors begin at base.
func sandboxOf(b *testing.B, n, base int) *exec.Cmd {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	runtime, err := os.MkdirTemp("", "ml")
	if err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	class := filepath.Join(dir, "class.csv")
	var list bytes.Buffer
	list.WriteString("name\n")
	for i := range n {
		fmt.Fprintf(&list, "student%d\n", i+1)
	}
	if err := os.WriteFile(class, list.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := &exec.Cmd{Path: self, Args: []string{"maillab", "sandbox", "-q", "--class", class, "--base", strconv.Itoa(base)}}
	cmd.Env = append(os.Environ(), "MAILLAB_RUNTIME="+runtime, "MAILLAB_DATA="+dir)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGINT)
		_ = cmd.Wait()
		os.RemoveAll(runtime)
	})
	for seat := 1; seat <= n; seat++ {
		for _, offset := range []int{25, 10, 43} {
			greeted(b, fmt.Sprintf("127.0.0.1:%d", base+100*seat+offset))
		}
	}
	return cmd
}

// greeted waits for a server's first line.
func greeted(b *testing.B, address string) {
	b.Helper()
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			continue
		}
		line, err := bufio.NewReader(conn).ReadString('\n')
		conn.Close()
		if err == nil && line != "" {
			return
		}
	}
	b.Fatalf("%s never greets", address)
}

// BenchmarkSandbox is from starting maillab sandbox to a greeting on all three ports.
func BenchmarkSandbox(b *testing.B) {
	for b.Loop() {
		cmd := sandboxOf(b, 1, 18000)
		b.StopTimer()
		_ = cmd.Process.Signal(syscall.SIGINT)
		_ = cmd.Wait()
		b.StartTimer()
	}
}

// BenchmarkHundredSandboxes is the memory that a process has with a hundred sandboxes in it: all that is its own (anonymous),
// and all that is resident.
func BenchmarkHundredSandboxes(b *testing.B) {
	for b.Loop() {
		cmd := sandboxOf(b, 100, 18000)
		b.StopTimer()
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
		if err != nil {
			b.Skip(err)
		}
		for line := range strings.Lines(string(status)) {
			fields := strings.Fields(line)
			if n, err := strconv.Atoi(fields[min(1, len(fields)-1)]); err == nil && (fields[0] == "RssAnon:" || fields[0] == "VmRSS:") {
				b.ReportMetric(float64(n)/1024, "MiB-"+strings.TrimSuffix(fields[0], ":"))
			}
		}
		_ = cmd.Process.Signal(syscall.SIGINT)
		_ = cmd.Wait()
		b.StartTimer()
	}
}
