//go:build linux

package sandbox

import (
	"os/exec"
	"syscall"
	"testing"
)

// TestSignalMeansOneChild: a number that another child has by now is not the one's any more.
func TestSignalMeansOneChild(t *testing.T) {
	c, from := newChildren(), make(starter)
	go func() {
		next := <-from
		next.done <- next.cmd.Start()
	}()
	cmd := exec.Command("cat")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	now, err := c.start(cmd, from)
	if err != nil {
		t.Fatal(err)
	}
	before := child{now.pid, c, make(chan syscall.WaitStatus, 1)}
	before.signal(syscall.SIGKILL)
	stdin.Close() // who was killed does not get to see it
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(now.pid, &status, 0, nil); err != nil || !status.Exited() {
		t.Errorf("it ended by %s, %v", describe(status), err)
	}
}
