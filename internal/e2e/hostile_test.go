//go:build linux

package e2e

import (
	"strings"
	"testing"
)

// TestInTheWay: what a student starts or shuts keeps neither a reset nor a snapshot from being done.
func TestInTheWay(t *testing.T) {
	c := newClass(t, "way")
	c.run("up", "-f", "amiens-smtp-pop-imap", "--students", "1")
	at := c.status().Sandboxes[0].Addresses
	t.Run("Readers", func(t *testing.T) { readersInLoops(c.with(t), at) })
	t.Run("Lease", func(t *testing.T) { inheritedLease(c.with(t), at) })
	t.Run("Shut", func(t *testing.T) { shutOut(c.with(t), at) })
}

// readersInLoops: loops that open the mailbox again as soon as its reader is ended do not hold a reset up. Whether they are
// ended with it depends on how soon they do.
func readersInLoops(c *class, at map[string]string) {
	student := login(c.t, at["ssh"], "util1", "master2021")
	output(c.t, student, `for i in 1 2 3 4 5 6; do setsid sh -c "while :; do sleep 600 </var/mail/util1; done" >/dev/null 2>&1 & done`, "")
	deliver(c.t, at["smtp"], "util1", "old-in-the-way")
	c.eventually("sleep", "exec", "1", "--", "ps x")
	c.run("reset")
	student = login(c.t, at["ssh"], "util1", "master2021")
	if left := output(c.t, student, "cat /var/mail/util1", ""); strings.Contains(left, "old-in-the-way") {
		c.t.Errorf("after a reset:\n%s", left)
	}
	output(c.t, student, "pkill -x sh; pkill -x sleep; true", "") // the next to come need the mailbox for themselves
}

// inheritedLease: who took the lease has ended, and his child has the file that it is on.
func inheritedLease(c *class, at map[string]string) {
	student := login(c.t, at["ssh"], "util1", "master2021")
	output(c.t, student, `rm -f /tmp/held; setsid python3 -c 'import fcntl,os,signal,time
signal.signal(signal.SIGIO, signal.SIG_IGN)
f=open("/var/mail/util1","r+")
if os.fork():
    while True: # as long as another has the mailbox open there is no lease
        try: fcntl.fcntl(f,fcntl.F_SETLEASE,fcntl.F_WRLCK); break
        except OSError: time.sleep(.05)
    open("/tmp/held","w").close(); os._exit(0)
time.sleep(600)' >/dev/null 2>&1 &`, "")
	c.eventually("held", "exec", "1", "--", "ls /tmp")
	c.run("snapshot", "save", "leased")
}

// shutOut: a home and a mailbox that not even their owner may enter.
func shutOut(c *class, at map[string]string) {
	student := login(c.t, at["ssh"], "util1", "master2021")
	output(c.t, student, "chmod 0 /var/mail/util1 ~", "")
	c.run("snapshot", "save", "shut")
	output(c.t, student, "chmod 0 /var/mail/util1 ~", "")
	c.run("reset", "--scope", "all")
	if got := output(c.t, student, "stat -c %a ~", ""); got != "700\n" {
		c.t.Errorf("the home's mode: %s", got)
	}
}
