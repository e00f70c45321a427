//go:build linux

package sandbox

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/crypto/ssh"
)

// hostKey makes sure that there is an ed25519 host key at path, and returns its public half, one line without comment.
// It is made once in the life of a state volume: an SSH client never sees a changed key. Where a sandbox may be placed anew on another
// machine, with new volumes, it follows from the token, which stays (docs/decisions/0107).
func hostKey(path, token string, placed bool) (string, error) {
	text, err := readOr(path)
	if err != nil {
		return "", err
	}
	if text == nil {
		source := io.Reader(rand.Reader)
		if placed {
			seed := hmac.New(sha256.New, []byte(token))
			seed.Write([]byte("ssh_host_ed25519_key"))
			source = bytes.NewReader(seed.Sum(nil))
		}
		if text, err = newHostKey(source); err != nil {
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

func newHostKey(source io.Reader) ([]byte, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(source, seed); err != nil {
		return nil, err
	}
	private := ed25519.NewKeyFromSeed(seed)
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

// sshd starts an sshd for each connection; none waits for the next one. sshd's own bound on connections that have not
// logged in means nothing then, so it is kept here: when there is no room, the oldest of whoever has the most makes some.
// One that has logged in is never counted nor ended. Where the engine hides who connects, all have the same address.
type sshd struct {
	key      string
	children *children
	starter  starter
	log      *slog.Logger
	nobody   int // uid of sshd's own unprivileged part, which is there from when the client has spoken until he has logged in

	mu      sync.Mutex
	on      bool
	most    int
	waiting []*login // not known to have logged in, the oldest first
}

// login is one connection.
type login struct {
	child
	peer netip.Addr
}

func newSSHD(key string, c *children, log *slog.Logger) (*sshd, error) {
	u, err := user.Lookup("sshd")
	if err != nil {
		return nil, err
	}
	nobody, err := strconv.Atoi(u.Uid)
	if err != nil {
		return nil, fmt.Errorf("user sshd: %w", err)
	}
	if err := directory("/run/sshd", 0o755, 0, 0); err != nil { // where sshd's unprivileged part is shut in
		return nil, err
	}
	return &sshd{key: key, children: c, log: log, nobody: nobody, starter: newStarter(confine{bounding: sshdCapabilities()})}, nil
}

// set says whether SSH is served, and how many accounts there are. What is connected stays.
func (s *sshd) set(on bool, accounts int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// Each takes two processes of the container's, which the accounts' own must leave: see limits.pids of a lab. A class
	// on a shared server logs in at the same minute.
	s.on, s.most = on, 40+accounts
}

// serve starts an sshd for a connection of a peer's. The connection's file is the caller's.
func (s *sshd) serve(conn *os.File, peer netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.on || len(s.waiting) >= s.most && !s.makeRoom() {
		return
	}
	log := s.log.With("peer", peerName(peer))
	c, err := s.start(conn, log)
	if err != nil {
		log.Error("sshd is not started", "err", err)
		return
	}
	l := &login{c, peer}
	s.waiting = append(s.waiting, l)
	go func() {
		<-c.ended
		s.forget(l)
	}()
}

// peerName is who connects, for the log. Only the gateway's own connections have no peer.
func peerName(peer netip.Addr) string {
	if !peer.IsValid() {
		return "gateway"
	}
	return peer.String()
}

func (s *sshd) forget(l *login) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = slices.DeleteFunc(s.waiting, func(o *login) bool { return o == l })
}

func (s *sshd) start(conn *os.File, log *slog.Logger) (child, error) {
	said, err := logged(log)
	if err != nil {
		return child{}, err
	}
	defer said.Close()
	cmd := exec.Command("/usr/sbin/sshd", "-i", "-e", "-f", "/etc/ssh/sshd_config", "-h", s.key)
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LANG=C.UTF-8"}
	cmd.Dir = "/"
	cmd.Stdin, cmd.Stdout, cmd.Stderr = conn, conn, said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	c, err := s.children.start(cmd, s.starter)
	if err == nil {
		// Students' processes inherit it, and are the first to go.
		if err := os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", c.pid), []byte("900"), 0o644); err != nil {
			log.Warn("its place among those who go when memory is short", "err", err)
		}
	}
	return c, err
}

// makeRoom tells whether there is room now: it forgets who has logged in, else ends the oldest of the peer that has the
// most. The lock is held.
func (s *sshd) makeRoom() bool {
	below, err := childrenUIDs()
	if err != nil {
		s.log.Warn("connections that have not logged in cannot be told from others", "err", err)
		return false
	}
	s.waiting = slices.DeleteFunc(s.waiting, func(l *login) bool { return slices.ContainsFunc(below[l.pid], isStudent) })
	if len(s.waiting) < s.most {
		return true
	}
	l := goner(s.waiting, func(l *login) bool { return slices.Contains(below[l.pid], s.nobody) || hasSaidNothing(l.pid) })
	if l == nil {
		return false
	}
	s.log.Warn("too many connections that have not logged in: the oldest of whoever has the most goes", "peer", peerName(l.peer))
	l.signal(syscall.SIGKILL)
	s.waiting = slices.DeleteFunc(s.waiting, func(o *login) bool { return o == l })
	return true
}

// hasSaidNothing tells whether an sshd still waits for its client to say that it speaks SSH: it has no unprivileged part
// yet, as it has none in the moment between a login and the student's own process, and calls itself so.
func hasSaidNothing(pid int) bool {
	title, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && bytes.HasPrefix(title, []byte("sshd: [accepted]"))
}

func isStudent(uid int) bool { return uid >= lowestBase }

// goner is the oldest that may go of the peer that has the most, nil when none may. One that may not is just starting, or
// just logging in.
func goner(waiting []*login, may func(*login) bool) *login {
	has := map[netip.Addr]int{}
	for _, l := range waiting {
		has[l.peer]++
	}
	var worst *login
	for _, l := range waiting {
		if may(l) && (worst == nil || has[l.peer] > has[worst.peer]) {
			worst = l
		}
	}
	return worst
}

// childrenUIDs are the effective uids of what each process started and still runs, by its number.
func childrenUIDs() (map[int][]int, error) {
	all, err := processes()
	uids := map[int][]int{}
	for _, p := range all {
		if !p.ended {
			uids[p.parent] = append(uids[p.parent], p.effective())
		}
	}
	return uids, err
}
