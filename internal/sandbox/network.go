//go:build linux

package sandbox

import (
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

// envChain marks the second start of labinit: the chain is set, and NET_ADMIN is gone.
const envChain = "MAILLAB_CHAIN"

// Fence sets the packet chain and the default route, sees that ports under 1024 are the system's, and then runs this program anew without CAP_NET_ADMIN; in the
// program that was run anew it returns nil. Nothing may be started before.
func Fence(c Config) error {
	admin, err := hasCapability(capNetAdmin)
	if err != nil {
		return fmt.Errorf("packet chain: %w", err)
	}
	fenced := os.Getenv(envChain) == "set"
	switch {
	case fenced && admin:
		return errors.New("packet chain: CAP_NET_ADMIN is still there after it was dropped")
	case fenced:
		return os.Unsetenv(envChain)
	case !admin:
		return errors.New("packet chain: it cannot be set without CAP_NET_ADMIN, and nothing starts without it")
	}
	if err := errors.Join(checkLowPorts("/proc/sys/"+strings.ReplaceAll(lowPorts, ".", "/")), fence(c)); err != nil {
		return err
	}
	return execWithout(capNetAdmin, envChain+"=set")
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

func fence(c Config) error {
	_, uid, _, err := daemonUser()
	if err != nil {
		return err
	}
	link, err := findLink()
	if err != nil {
		return err
	}
	gateway := c.Gateway
	if !gateway.IsValid() {
		gateway = link.prefix.Masked().Addr().Next()
	}
	rules := chain{outside: c.Outside, relay: c.Relay, gateway: gateway, maild: uint32(uid)}
	if c.Published {
		rules.neighbours = link.prefix.Masked()
	}
	if err := rules.set(); err != nil {
		return err
	}
	return link.defaultRoute()
}

// link is the interface by which the sandbox is in its network.
type link struct {
	index  int
	prefix netip.Prefix // its address and subnet
}

// findLink finds the first interface, besides loopback, that is up and has an IPv4 address.
func findLink() (link, error) {
	all, err := net.Interfaces()
	if err != nil {
		return link{}, fmt.Errorf("network interfaces: %w", err)
	}
	for _, i := range all {
		if i.Flags&net.FlagLoopback != 0 || i.Flags&net.FlagUp == 0 {
			continue
		}
		addrs, err := i.Addrs()
		if err != nil {
			return link{}, fmt.Errorf("addresses of %s: %w", i.Name, err)
		}
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() {
				return link{i.Index, p}, nil
			}
		}
	}
	return link{}, errors.New("the sandbox is in no network: no interface has an IPv4 address")
}

// defaultRoute makes everything that has no other way go out by this link. An internal network has no default route,
// and without one a connect to the outside would fail at once with "Network is unreachable" before the chain could drop
// its packets. Where there is a route already, it stays.
func (l link) defaultRoute() error {
	conn, err := netlink.Dial(unix.NETLINK_ROUTE, nil)
	if err != nil {
		return fmt.Errorf("default route: %w", err)
	}
	defer conn.Close()
	attrs := netlink.NewAttributeEncoder()
	attrs.Uint32(unix.RTA_OIF, uint32(l.index))
	encoded, err := attrs.Encode()
	if err != nil {
		return fmt.Errorf("default route: %w", err)
	}
	// struct rtmsg, rtnetlink(7): family, lengths of destination and source (0: default), TOS, table, protocol, scope,
	// type, and four bytes of flags.
	header := []byte{unix.AF_INET, 0, 0, 0, unix.RT_TABLE_MAIN, unix.RTPROT_STATIC, unix.RT_SCOPE_LINK, unix.RTN_UNICAST, 0, 0, 0, 0}
	_, err = conn.Execute(netlink.Message{
		Header: netlink.Header{
			Type:  unix.RTM_NEWROUTE,
			Flags: netlink.Request | netlink.Acknowledge | netlink.Create | netlink.Excl,
		},
		Data: append(header, encoded...),
	})
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("default route: %w", err)
	}
	return nil
}
