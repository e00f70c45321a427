//go:build linux

package sandbox

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"log/slog"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
)

// hostKey makes sure that there is an ed25519 host key at path, and returns its public half, one line without comment.
// It is made once in the life of a state volume: an SSH client never sees a changed key.
func hostKey(path string) (string, error) {
	text, err := readOr(path)
	if err != nil {
		return "", err
	}
	if text == nil {
		if text, err = newHostKey(); err != nil {
			return "", err
		}
		if err := replace(path, text, 0o600, -1); err != nil {
			return "", err
		}
	}
	signer, err := ssh.ParsePrivateKey(text)
	if err != nil {
		return "", fmt.Errorf("host key %s: %w", path, err)
	}
	public := ssh.MarshalAuthorizedKey(signer.PublicKey())
	return strings.TrimSpace(string(public)), replaceIfDifferent(path+".pub", public, 0o644, -1)
}

func newHostKey() ([]byte, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(private, "maillab")
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(block), nil
}

// sshdCapabilities are all that sshd, and what runs below it (passwd, su), can have.
func sshdCapabilities() []uintptr {
	return []uintptr{capChown, capSetuid, capSetgid, capSysChroot, capAuditWrite, capKill, capNetBind}
}

// startSSHD starts sshd for so many accounts. It comes with an OOM score that makes students' processes, which inherit
// it, the first to go; a shell sets it, because sshd reads it before it does anything else.
func startSSHD(key string, accounts int, log *slog.Logger) (*child, error) {
	if err := directory("/run/sshd", 0o755, 0, 0); err != nil { // where sshd's unprivileged part is shut in
		return nil, err
	}
	// A class logs in at the same minute: start:rate:full, unauthenticated connections.
	startups := fmt.Sprintf("MaxStartups=%d:30:%d", 20+2*accounts, 60+6*accounts)
	cmd := exec.Command("/bin/sh", "-c", `echo 900 >/proc/self/oom_score_adj; exec /usr/sbin/sshd "$@"`, "sshd",
		"-D", "-e", "-f", "/etc/ssh/sshd_config", "-h", key, "-o", startups)
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LANG=C.UTF-8"}
	cmd.Dir = "/"
	cmd.Stderr = &lines{log: log}
	cmd.WaitDelay = time.Second // sessions that go on hold its standard error, too
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := startConfined(cmd, confine{bounding: sshdCapabilities()}); err != nil {
		return nil, err
	}
	return &child{cmd: cmd, end: func() {}}, nil
}

// sshdSwitch turns sshd on and off, and starts it anew when the number of accounts changes what it must bear. Sessions
// outlive the sshd that they were started by.
type sshdSwitch struct {
	log    *slog.Logger
	key    string
	wanted chan sshdWish // buffered 1, holds the latest
}

type sshdWish struct {
	on       bool
	accounts int
}

func newSSHDSwitch(key string, log *slog.Logger) *sshdSwitch {
	return &sshdSwitch{log: log, key: key, wanted: make(chan sshdWish, 1)}
}

// set says what is wanted from now on. It has one caller at a time.
func (s *sshdSwitch) set(on bool, accounts int) {
	select {
	case <-s.wanted: // not seen yet, and not wanted any more
	default:
	}
	s.wanted <- sshdWish{on, accounts}
}

// run does what is wanted until ctx ends.
func (s *sshdSwitch) run(ctx context.Context) {
	var now sshdWish
	end := func() {}
	for {
		select {
		case wish := <-s.wanted:
			if wish == now {
				continue
			}
			end()
			now, end = wish, func() {}
			if wish.on {
				end = s.startKeeping(ctx, wish.accounts)
			}
		case <-ctx.Done():
			end()
			return
		}
	}
}

// startKeeping keeps an sshd running; end ends it and waits.
func (s *sshdSwitch) startKeeping(ctx context.Context, accounts int) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	k := newKeeper("sshd", s.log, func(context.Context) (*child, error) {
		return startSSHD(s.key, accounts, s.log.With("from", "sshd"))
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		k.run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}
