//go:build linux

package sandbox

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// The packet chains, in the sandbox's own network namespace. In nft's words:
//
//	table inet maillab {
//	  chain output { type filter hook output priority filter; policy drop;
//	    ip daddr 127.0.0.11 reject                  # Docker's resolver: on loopback, it names the neighbours and leaks
//	    oifname "lo" accept
//	    ct state established,related accept         # the gateway's connections
//	    ip daddr OUTSIDE drop                       # so that a connect times out, as behind a firewall
//	    meta skuid MAILD ip daddr RELAY tcp dport RELAYPORT accept
//	    reject                                      # at once, so that nobody waits for what cannot be
//	  }
//	  chain input { type filter hook input priority filter; policy drop;
//	    iifname "lo" tcp dport { 10025, … } reject with tcp reset   # PROXY headers and control: the gateway's alone
//	    iifname "lo" accept
//	    ct state established,related accept
//	    ip saddr GATEWAY accept
//	    ip saddr != NEIGHBOURS tcp dport { 22, 25, 110, 143 } accept   # only where Docker publishes the ports
//	  }
//	  chain forward { type filter hook forward priority filter; policy drop; }
//	}
//
// A packet that the output hook drops is not seen by connect(2), which goes on to wait; one that it rejects ends it.
type chain struct {
	outside []netip.Addr
	relay   netip.AddrPort
	gateway netip.Addr

	neighbours netip.Prefix // the sandbox's network, where Docker publishes ports; else unset
	maild      uint32       // uid
}

// dockerDNS is where Docker's embedded resolver listens in every container of a network of one's own.
func dockerDNS() netip.Addr { return netip.AddrFrom4([4]byte{127, 0, 0, 11}) }

// set replaces the table, in one transaction.
func (c chain) set() error {
	conn, err := nftables.New()
	if err != nil {
		return fmt.Errorf("packet chain: %w", err)
	}
	table := &nftables.Table{Family: nftables.TableFamilyINet, Name: "maillab"}
	conn.AddTable(table) // so that there is one to delete
	conn.DelTable(table)
	table = conn.AddTable(table)
	for _, h := range []struct {
		name  string
		hook  *nftables.ChainHook
		rules [][]expr.Any
	}{
		{"output", nftables.ChainHookOutput, c.output()},
		{"input", nftables.ChainHookInput, c.input()},
		{"forward", nftables.ChainHookForward, nil},
	} {
		policy := nftables.ChainPolicyDrop
		nftChain := conn.AddChain(&nftables.Chain{
			Name: h.name, Table: table, Type: nftables.ChainTypeFilter,
			Hooknum: h.hook, Priority: nftables.ChainPriorityFilter, Policy: &policy,
		})
		for _, rule := range h.rules {
			conn.AddRule(&nftables.Rule{Table: table, Chain: nftChain, Exprs: rule})
		}
	}
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("packet chain: %w", err)
	}
	return nil
}

func (c chain) output() [][]expr.Any {
	rules := [][]expr.Any{
		rule(address(dockerDNS(), toward), reject()),
		rule(iface(expr.MetaKeyOIFNAME), accept()),
		rule(established(), accept()),
	}
	for _, addr := range c.outside {
		rules = append(rules, rule(address(addr, toward), drop()))
	}
	if c.relay.IsValid() {
		rules = append(rules, rule(uid(c.maild), address(c.relay.Addr(), toward), tcpPort(c.relay.Port()), accept()))
	}
	return append(rules, rule(reject()))
}

func (c chain) input() [][]expr.Any {
	var rules [][]expr.Any
	for _, d := range doors() {
		if !d.inside {
			rules = append(rules, rule(iface(expr.MetaKeyIIFNAME), tcpPort(uint16(d.port)), reset()))
		}
	}
	rules = append(rules,
		rule(iface(expr.MetaKeyIIFNAME), accept()),
		rule(established(), accept()),
		rule(address(c.gateway, from), accept()),
	)
	if c.neighbours.IsValid() {
		for _, port := range published() {
			rules = append(rules, rule(notIn(c.neighbours), tcpPort(port), accept()))
		}
	}
	return rules
}

// published are the ports that students connect to.
func published() []uint16 {
	ports := []uint16{22}
	for _, d := range doors() {
		if d.inside {
			ports = append(ports, uint16(d.port))
		}
	}
	return ports
}

func rule(parts ...[]expr.Any) (all []expr.Any) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// equal compares what load puts into register 1.
func equal(load expr.Any, data []byte) []expr.Any {
	return []expr.Any{load, &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: data}}
}

// side is which of a packet's addresses.
type side int

const (
	from side = iota
	toward
)

// address matches a packet from or toward an address. Where it lies in the header: RFC 791 section 3.1, RFC 8200 section 3.
func address(a netip.Addr, s side) []expr.Any {
	family, offset, size := byte(unix.NFPROTO_IPV4), uint32(12), uint32(4)
	if a.Is6() {
		family, offset, size = unix.NFPROTO_IPV6, 8, 16
	}
	if s == toward {
		offset += size
	}
	return rule(
		equal(&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1}, []byte{family}),
		equal(&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: size}, a.AsSlice()),
	)
}

// notIn matches IPv4 packets from outside a network.
func notIn(p netip.Prefix) []expr.Any {
	mask := net.CIDRMask(p.Bits(), 32)
	return rule(
		equal(&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1}, []byte{unix.NFPROTO_IPV4}),
		[]expr.Any{
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 12, Len: 4},
			&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: mask, Xor: make([]byte, 4)},
			&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: p.Masked().Addr().AsSlice()},
		},
	)
}

// iface matches the loopback interface; names are compared with their end.
func iface(key expr.MetaKey) []expr.Any {
	name := make([]byte, unix.IFNAMSIZ)
	copy(name, "lo")
	return equal(&expr.Meta{Key: key, Register: 1}, name)
}

func uid(id uint32) []expr.Any {
	return equal(&expr.Meta{Key: expr.MetaKeySKUID, Register: 1}, binaryutil.NativeEndian.PutUint32(id))
}

// tcpPort matches TCP packets toward a port.
func tcpPort(port uint16) []expr.Any {
	return rule(
		equal(&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1}, []byte{unix.IPPROTO_TCP}),
		equal(&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2}, binaryutil.BigEndian.PutUint16(port)),
	)
}

func established() []expr.Any {
	mask := binaryutil.NativeEndian.PutUint32(expr.CtStateBitESTABLISHED | expr.CtStateBitRELATED)
	return []expr.Any{
		&expr.Ct{Key: expr.CtKeySTATE, Register: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: mask, Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: make([]byte, 4)},
	}
}

func accept() []expr.Any { return []expr.Any{&expr.Verdict{Kind: expr.VerdictAccept}} }

func drop() []expr.Any { return []expr.Any{&expr.Verdict{Kind: expr.VerdictDrop}} }

// reject answers IPv4 and IPv6 with "administratively prohibited": "No route to host" for who connects.
func reject() []expr.Any {
	return []expr.Any{&expr.Reject{Type: unix.NFT_REJECT_ICMPX_UNREACH, Code: unix.NFT_REJECT_ICMPX_ADMIN_PROHIBITED}}
}

func reset() []expr.Any { return []expr.Any{&expr.Reject{Type: unix.NFT_REJECT_TCP_RST}} }
