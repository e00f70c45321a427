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
	"maillab/internal/handoff"
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

func groupID(name string) (int, error) {
	g, err := user.LookupGroup(name)
	if err != nil {
		return 0, fmt.Errorf("group %s: %w", name, err)
	}
	return strconv.Atoi(g.Gid)
}

// maildChild is what a maild is started with.
type maildChild struct {
	shadowGID int
	uid, gid  int
	spec      []byte // without password hashes; empty: none yet
	listeners listeners
	packets   *net.UDPConn
	shared    []*os.File // by name: what every maild gets a copy of
	children  *children
	log       *slog.Logger
}

// newParking makes the sockets in which maild parks the mailbox that it rewrites. They are the supervisor's, so that what is
// in them lives when a maild is killed; it does nothing with them.
func newParking() ([]*os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("parking: %w", err)
	}
	return []*os.File{os.NewFile(uintptr(fds[0]), broker.DescriptorParkIn), os.NewFile(uintptr(fds[1]), broker.DescriptorParkOut)}, nil
}

// start starts maild and serves its broker until it has ended.
func (m maildChild) start(ctx context.Context, files *broker.Files, backend broker.Backend) (kept, error) {
	conn, theirs, err := handoff.Pair(broker.DescriptorBroker)
	if err != nil {
		return kept{}, err
	}
	inherited, err := m.bundle(theirs)
	if err != nil {
		_ = conn.Close()
		return kept{}, err
	}
	defer inherited.close()
	c, err := m.startOne(inherited)
	if err != nil {
		_ = conn.Close()
		return kept{}, err
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		if err := broker.Serve(ctx, conn, files, backend, m.log); err != nil {
			m.log.Error("maild's broker connection is given up", "err", err)
		}
	}()
	return kept{c, func() { endBroker(conn, served) }}, nil
}

func (m maildChild) startOne(inherited *bundle) (child, error) {
	said, err := logged(m.log)
	if err != nil {
		return child{}, err
	}
	defer said.Close()
	cmd := m.command(inherited)
	cmd.Stdout, cmd.Stderr = said, said
	from := newStarter(confine{bounding: []uintptr{capLease}, noNew: true})
	defer close(from)
	return m.children.start(cmd, from)
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
	if err == nil && m.packets != nil {
		err = b.addPackets(m.packets)
	}
	for _, f := range m.shared {
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
		inherited.env(),
	}
	cmd.ExtraFiles = inherited.files
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setsid:      true,
		Credential:  &syscall.Credential{Uid: uint32(m.uid), Gid: uint32(m.gid), Groups: []uint32{uint32(m.shadowGID)}},
		AmbientCaps: []uintptr{capLease},
	}
	return cmd
}
