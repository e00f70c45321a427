package machines

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// wire makes the bridge, across which packets go whatever this machine's firewall forwards.
func (m *Machines) wire() error {
	return each(
		"ip link add "+m.bridge+" type bridge",
		"ip addr add "+m.net+".254/24 dev "+m.bridge,
		"ip link set "+m.bridge+" up",
		"iptables -w -I FORWARD -i "+m.bridge+" -o "+m.bridge+" -j ACCEPT",
	)
}

func (m *Machine) wire(i int) error {
	link := fmt.Sprintf("%s%d", cable(m.of.bridge), i)
	config := fmt.Sprintf(`{"insecure-registries": [%q]}`, m.of.net+".0/24") // one of a test has no certificate
	return errors.Join(os.MkdirAll(m.dir, 0o700), os.WriteFile(filepath.Join(m.dir, "daemon.json"), []byte(config), 0o600), each(
		"ip netns add "+m.ns,
		"ip link add "+link+" type veth peer name eth0 netns "+m.ns,
		"ip link set "+link+" master "+m.of.bridge+" up",
		"ip -n "+m.ns+" addr add "+m.Address+"/24 dev eth0",
		"ip -n "+m.ns+" link set eth0 up",
		"ip -n "+m.ns+" link set lo up",
		"ip -n "+m.ns+" route add default via "+m.of.net+".254",
	))
}

// cable is what the names of a bridge's cables begin with.
func cable(bridge string) string { return bridge + "v" }

// unwire removes a bridge, its cables, namespaces, rule and control group; what is not there is no error. A cable ends with its namespace, but that
// only when the last of its processes is gone.
func unwire(bridge string) error {
	ungroup(bridge)
	links, _ := net.Interfaces()
	for _, link := range links {
		if strings.HasPrefix(link.Name, cable(bridge)) {
			if err := each("ip link delete " + link.Name); err != nil {
				return err
			}
		}
	}
	spaces, _ := filepath.Glob("/run/netns/" + bridge + "-*")
	for _, ns := range spaces {
		if err := each("ip netns delete " + filepath.Base(ns)); err != nil {
			return err
		}
	}
	for each("iptables -w -D FORWARD -i "+bridge+" -o "+bridge+" -j ACCEPT") == nil {
	}
	if _, err := net.InterfaceByName(bridge); err != nil {
		return nil
	}
	return each("ip link delete " + bridge)
}

// clean takes away what processes left that are no more.
func clean() {
	links, _ := net.Interfaces()
	for _, link := range links {
		pid, err := strconv.Atoi(strings.TrimPrefix(link.Name, "ml"))
		if err == nil && strings.HasPrefix(link.Name, "ml") && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			_ = unwire(link.Name)
		}
	}
}
