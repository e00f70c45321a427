//go:build linux

package sandbox

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"maillab/internal/broker"
)

// daemonUser is maild's user, and the group by which it reads /etc/shadow.
func daemonUser() (shadowGID, uid, gid int, err error) {
	u, err := user.Lookup("maild")
	if err != nil {
		return 0, 0, 0, fmt.Errorf("user maild: %w", err)
	}
	g, err := user.LookupGroup("shadow")
	if err != nil {
		return 0, 0, 0, fmt.Errorf("group shadow: %w", err)
	}
	numbers := [3]int{}
	for i, text := range []string{g.Gid, u.Uid, u.Gid} {
		if numbers[i], err = strconv.Atoi(text); err != nil {
			return 0, 0, 0, fmt.Errorf("user maild: %w", err)
		}
	}
	return numbers[0], numbers[1], numbers[2], nil
}

// maildChild is what a maild is started with.
type maildChild struct {
	config    Config
	shadowGID int
	uid, gid  int
	spec      []byte // without password hashes; empty: none yet
	listeners listeners
	parking   [2]*os.File
	log       *slog.Logger
}

// newParking makes the sockets in which maild parks the mailbox that it rewrites. They are the supervisor's, so that what is
// in them lives when a maild is killed; it does nothing with them.
func newParking() (p [2]*os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return p, fmt.Errorf("parking: %w", err)
	}
	return [2]*os.File{os.NewFile(uintptr(fds[0]), broker.DescriptorParkIn), os.NewFile(uintptr(fds[1]), broker.DescriptorParkOut)}, nil
}

// start starts maild and serves its broker until it has ended.
func (m maildChild) start(ctx context.Context, files *broker.Files, backend broker.Backend) (*child, error) {
	conn, theirs, err := broker.Pair()
	if err != nil {
		return nil, err
	}
	inherited, err := m.bundle(theirs)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	defer inherited.close()
	cmd := m.command(inherited)
	if err := startConfined(cmd, confine{bounding: []uintptr{capLease}, noNew: true}); err != nil {
		_ = conn.Close()
		return nil, err
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		if err := broker.Serve(ctx, conn, files, backend, m.log); err != nil {
			m.log.Error("maild's broker connection is given up", "err", err)
		}
	}()
	return &child{cmd: cmd, end: func() { endBroker(conn, served) }}, nil
}

// endBroker waits until what a maild asked for before it ended is done, and its locks are given back.
func endBroker(conn *net.UnixConn, served <-chan struct{}) {
	_ = conn.Close()
	<-served
}

// bundle is what maild inherits; theirs is closed with it, also when it fails.
func (m maildChild) bundle(theirs *os.File) (*bundle, error) {
	b := &bundle{}
	b.add(broker.DescriptorBroker, theirs)
	fd, err := unix.MemfdCreate("spec", unix.MFD_CLOEXEC)
	if err != nil {
		b.close()
		return nil, fmt.Errorf("memfd: %w", err)
	}
	text := os.NewFile(uintptr(fd), "spec")
	b.add(broker.DescriptorSpec, text)
	if _, err = text.Write(m.spec); err == nil {
		err = b.addAll(m.listeners)
	}
	for _, f := range m.parking {
		if err == nil {
			err = b.addCopy(f)
		}
	}
	if err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (m maildChild) command(inherited *bundle) *exec.Cmd {
	cmd := exec.Command(maildProgram)
	cmd.Dir = "/"
	cmd.Env = []string{
		"PATH=/usr/local/bin:/usr/bin:/bin",
		"LANG=C.UTF-8",
		"HOME=" + stateDir + "/maild",
		"MAILLAB_TOKEN=" + m.config.Token,
		inherited.env(),
	}
	if m.config.Relay.IsValid() {
		cmd.Env = append(cmd.Env, "MAILLAB_RELAY="+m.config.Relay.String())
	}
	cmd.ExtraFiles = inherited.files
	cmd.Stdout = &lines{log: m.log}
	cmd.Stderr = &lines{log: m.log}
	cmd.WaitDelay = grace
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setsid:      true,
		Credential:  &syscall.Credential{Uid: uint32(m.uid), Gid: uint32(m.gid), Groups: []uint32{uint32(m.shadowGID)}},
		AmbientCaps: []uintptr{capLease},
	}
	return cmd
}
