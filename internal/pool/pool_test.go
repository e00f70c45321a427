package pool

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var comparePrefixes = cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })

func prefixes(texts ...string) []netip.Prefix {
	var ps []netip.Prefix
	for _, t := range texts {
		ps = append(ps, netip.MustParsePrefix(t))
	}
	return ps
}

func TestChoose(t *testing.T) {
	for _, test := range []struct {
		pool  string
		taken []netip.Prefix
		seats int
		want  string
	}{
		{"10.213.0.0/16", nil, 30, "10.213.0.0/24"},
		{"10.213.0.0/16", nil, 0, "10.213.0.0/24"},
		{"10.213.0.0/16", nil, 125, "10.213.0.0/24"},
		{"10.213.0.0/16", nil, 126, "10.213.0.0/23"},
		{"10.213.0.0/16", nil, 300, "10.213.0.0/22"},
		{"10.213.0.0/16", nil, 1000, "10.213.0.0/22"},
		{"10.213.0.0/16", prefixes("10.213.0.0/24", "172.17.0.0/16"), 30, "10.213.1.0/24"},
		{"10.213.0.0/16", prefixes("10.213.0.0/24"), 300, "10.213.4.0/22"},
		{"10.213.0.0/16", prefixes("10.213.0.128/25", "10.213.1.5/32", "10.213.2.0/23"), 3, "10.213.4.0/24"},
		{"10.213.7.9/16", prefixes("::/0"), 3, "10.213.0.0/24"},
		{"10.0.0.0/24", nil, 3, "10.0.0.0/24"},
	} {
		got, err := Choose(netip.MustParsePrefix(test.pool), test.taken, test.seats)
		if err != nil || got.String() != test.want {
			t.Errorf("%s without %v for %d seats: %s, %v; want %s", test.pool, test.taken, test.seats, got, err, test.want)
		}
	}
}

func TestChooseFails(t *testing.T) {
	if _, err := Choose(Default(), prefixes("10.0.0.0/8"), 3); !errors.Is(err, ErrFull) {
		t.Errorf("all taken: %v", err)
	}
	if _, err := Choose(Default(), nil, 1001); err == nil {
		t.Error("1001 seats have a network")
	}
	if _, err := Choose(netip.MustParsePrefix("10.0.0.0/25"), nil, 3); err == nil {
		t.Error("a pool that is too small has a network")
	}
	if _, err := Choose(netip.MustParsePrefix("fd00::/16"), nil, 3); err == nil {
		t.Error("IPv6 has a network")
	}
}

// TestThePoolIsUsedUpToItsEnd: each instance gets a piece of its own until the pool is full.
func TestThePoolIsUsedUpToItsEnd(t *testing.T) {
	var taken []netip.Prefix
	for n := range 256 {
		p, err := Choose(Default(), taken, 30)
		if err != nil {
			t.Fatalf("instance %d: %v", n, err)
		}
		if overlaps(p, taken) {
			t.Fatalf("instance %d: %s is taken", n, p)
		}
		taken = append(taken, p)
	}
	if _, err := Choose(Default(), taken, 30); !errors.Is(err, ErrFull) {
		t.Errorf("instance 256: %v", err)
	}
}

func TestAddress(t *testing.T) {
	subnet := netip.MustParsePrefix("10.213.4.0/22")
	for seat, want := range map[int]string{0: "10.213.4.2", 1: "10.213.4.3", 300: "10.213.5.46", 1000: "10.213.7.234"} {
		if got, err := Address(subnet, seat); err != nil || got.String() != want {
			t.Errorf("seat %d: %s, %v; want %s", seat, got, err, want)
		}
	}
	if Bridge(subnet).String() != "10.213.4.1" || Gateway(subnet).String() != "10.213.7.254" {
		t.Errorf("bridge %s, gateway %s", Bridge(subnet), Gateway(subnet))
	}
	for _, bad := range []int{-1, 1020} {
		if a, err := Address(subnet, bad); err == nil {
			t.Errorf("seat %d: %s", bad, a)
		}
	}
	if last, err := Address(subnet, 1019); err != nil || last.Next() != Gateway(subnet) {
		t.Errorf("the last seat is at %s, %v", last, err)
	}
	if a, err := Address(netip.Prefix{}, 1); err == nil {
		t.Errorf("in no subnet: %s", a)
	}
}

func TestUIDBase(t *testing.T) {
	pool := Default()
	for address, want := range map[string]int{
		"10.213.0.0": 100000, "10.213.0.3": 103000, "10.213.1.3": 359000, "10.213.255.255": 100000 + 65535*1000,
		"10.214.0.3": 0, "::1": 0,
	} {
		if got := UIDBase(pool, netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %d, want %d", address, got, want)
		}
	}
	if got := UIDBase(netip.MustParsePrefix("10.0.0.0/8"), netip.MustParseAddr("10.0.0.3")); got != 0 {
		t.Errorf("in a pool whose uids do not fit: %d", got)
	}
}

const procNetRoute = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010200C0	0003	0	0	0	00000000	0	0	0
docker0	000011AC	00000000	0001	0	0	0	0000FFFF	0	0	0
eth0	000200C0	00000000	0001	0	0	0	00FFFFFF	0	0	0
tun0	05640A0A	00000000	0005	0	0	0	FFFFFFFF	0	0	0
`

func TestRoutes(t *testing.T) {
	got, err := Routes(strings.NewReader(procNetRoute))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(prefixes("172.17.0.0/16", "192.0.2.0/24", "10.10.100.5/32"), got, comparePrefixes); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	for _, bad := range []string{"x", "a 0 0 0 0 0 0 0", "a 000011AC 0 0 0 0 0 00FF00FF", "a 000011AG 0 0 0 0 0 0000FFFF"} {
		if got, err := Routes(strings.NewReader("header\n" + bad)); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
}

// FuzzRoutes: whatever the text, no panic, and only ranges that a subnet can be compared with.
func FuzzRoutes(f *testing.F) {
	f.Add(procNetRoute)
	f.Add("h\na 000011AC 0 0 0 0 0 00FF00FF")
	f.Fuzz(func(t *testing.T, text string) {
		routes, err := Routes(strings.NewReader(text))
		for _, r := range routes {
			if !r.IsValid() || r.Bits() == 0 || r != r.Masked() {
				t.Errorf("%s, %v", r, err)
			}
		}
	})
}

func ExampleChoose() {
	subnet, _ := Choose(Default(), prefixes("10.213.0.0/24"), 30)
	address, _ := Address(subnet, 1)
	fmt.Println(subnet, address, UIDBase(Default(), address))
	// Output: 10.213.1.0/24 10.213.1.3 359000
}
