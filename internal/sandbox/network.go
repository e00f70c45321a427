//go:build linux

package sandbox

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// A sandbox has no network but loopback. The engine makes its container so; where an engine gives a network all the same,
// what it gave is taken down here, before anything else is started. A default route to loopback makes everything that has
// no other way go where nobody takes it: a connect to the outside waits until its time is up, as behind a firewall that
// drops, where without a route it would fail at once.

// ownAddress is what the sandbox's names lead to.
func ownAddress() netip.Addr { return netip.AddrFrom4([4]byte{127, 0, 1, 1}) }

// Fence takes the network down, sees that ports under 1024 are the system's, and then gives CAP_NET_ADMIN up. Nothing may be
// started before.
func Fence() error {
	admin, err := hasCapability(capNetAdmin)
	switch {
	case err != nil:
		return fmt.Errorf("network: %w", err)
	case !admin:
		return errors.New("network: it cannot be taken down without CAP_NET_ADMIN, and nothing starts before it is")
	}
	if err := errors.Join(checkLowPorts("/proc/sys/"+strings.ReplaceAll(lowPorts, ".", "/")), takeDown()); err != nil {
		return err
	}
	return giveUp(capNetAdmin)
}

// checkLowPorts reads the setting of lowPorts in a file. A kernel before 4.11 has none, and lets nobody have them.
func checkLowPorts(file string) error {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("ports of the system: %w", err)
	}
	if first, err := strconv.Atoi(strings.TrimSpace(string(text))); err != nil || first < lowPortsEnd {
		return fmt.Errorf("ports of the system: any student could take port 22: the container has to be created with the sysctl %s=%d, it has %q", lowPorts, lowPortsEnd, strings.TrimSpace(string(text)))
	}
	return nil
}

// takeDown leaves loopback alone, with a default route to it.
func takeDown() error {
	all, err := net.Interfaces()
	if err != nil {
		return fmt.Errorf("network interfaces: %w", err)
	}
	conn, err := netlink.Dial(unix.NETLINK_ROUTE, nil)
	if err != nil {
		return fmt.Errorf("network: %w", err)
	}
	defer conn.Close()
	loopback := 0
	for _, i := range all {
		switch isLoopback, up := i.Flags&net.FlagLoopback != 0, i.Flags&net.FlagUp != 0; {
		case isLoopback:
			loopback = i.Index
			if !up {
				err = setUp(conn, i.Index, true)
			}
		case up:
			err = setUp(conn, i.Index, false)
		}
		if err != nil {
			return fmt.Errorf("network interface %s: %w", i.Name, err)
		}
	}
	if loopback == 0 {
		return errors.New("network: there is no loopback interface")
	}
	if err := defaultRoute(conn, loopback); err != nil {
		return fmt.Errorf("default route: %w", err)
	}
	if err := meetNeighbours(conn, loopback); err != nil {
		return err
	}
	return onlyLoopback()
}

// onlyLoopback is the proof.
func onlyLoopback() error {
	all, err := net.Interfaces()
	if err != nil {
		return fmt.Errorf("network interfaces: %w", err)
	}
	for _, i := range all {
		if i.Flags&net.FlagLoopback == 0 && i.Flags&net.FlagUp != 0 {
			return fmt.Errorf("network interface %s is up: a sandbox has none", i.Name)
		}
	}
	return nil
}

// setUp turns an interface on or off: struct ifinfomsg of rtnetlink(7), with the flags and which of them count.
func setUp(conn *netlink.Conn, index int, up bool) error {
	data := make([]byte, unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(data[4:], uint32(index))
	if up {
		binary.NativeEndian.PutUint32(data[8:], unix.IFF_UP)
	}
	binary.NativeEndian.PutUint32(data[12:], unix.IFF_UP)
	_, err := conn.Execute(netlink.Message{
		Header: netlink.Header{Type: unix.RTM_NEWLINK, Flags: netlink.Request | netlink.Acknowledge}, Data: data,
	})
	return err
}

// route leads to a network, or with an invalid one to all that has no other way.
type route struct {
	to     netip.Prefix
	source netip.Addr // of connections that have chosen none; the invalid one leaves it open
	link   int
	table  uint8
	kind   uint8
	scope  uint8
}

// defaultRoute makes everything that has no other way go out by an interface. Routes by others went with them.
func defaultRoute(conn *netlink.Conn, index int) error {
	return addRoute(conn, route{link: index, table: unix.RT_TABLE_MAIN, kind: unix.RTN_UNICAST, scope: unix.RT_SCOPE_LINK})
}

// addRoute sends a struct rtmsg, rtnetlink(7): family, lengths of destination and source, TOS, table, protocol, scope, type, and
// four bytes of flags.
func addRoute(conn *netlink.Conn, r route) error {
	header := []byte{unix.AF_INET, 0, 0, 0, r.table, unix.RTPROT_STATIC, r.scope, r.kind, 0, 0, 0, 0}
	attrs := netlink.NewAttributeEncoder()
	attrs.Uint32(unix.RTA_OIF, uint32(r.link))
	if r.to.IsValid() {
		header[1] = byte(r.to.Bits())
		attrs.Bytes(unix.RTA_DST, r.to.Addr().AsSlice())
	}
	if r.source.IsValid() {
		attrs.Bytes(unix.RTA_PREFSRC, r.source.AsSlice())
	}
	return send(conn, unix.RTM_NEWROUTE, netlink.Create|netlink.Excl, header, attrs)
}

// send sends a message and waits for the kernel's word. What is there already is as good.
func send(conn *netlink.Conn, kind netlink.HeaderType, flags netlink.HeaderFlags, header []byte, attrs *netlink.AttributeEncoder) error {
	encoded, err := attrs.Encode()
	if err != nil {
		return err
	}
	_, err = conn.Execute(netlink.Message{
		Header: netlink.Header{Type: kind, Flags: netlink.Request | netlink.Acknowledge | flags}, Data: append(header, encoded...),
	})
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	return err
}
