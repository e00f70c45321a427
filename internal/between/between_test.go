package between

import (
	"net/netip"
	"testing"
)

// TestAddresses: a seat has one address for life, no two have the same, and none is outside of the range.
func TestAddresses(t *testing.T) {
	for seat, want := range map[int]string{1: "198.18.0.1", 7: "198.18.0.7", 255: "198.18.0.255", 256: "198.18.1.0", MostSeats: "198.18.255.254"} {
		if got := Address(seat); got.String() != want {
			t.Errorf("seat %d: %s, want %s", seat, got, want)
		}
	}
	seen := map[netip.Addr]int{}
	for seat := 1; seat <= MostSeats; seat++ {
		a := Address(seat)
		if other, twice := seen[a]; twice || !Range().Contains(a) {
			t.Fatalf("seat %d has %s (seat %d has it: %t)", seat, a, other, twice)
		}
		seen[a] = seat
	}
	for _, seat := range []int{-1, 0, MostSeats + 1, 1 << 20} {
		if a := Address(seat); a.IsValid() {
			t.Errorf("seat %d has %s", seat, a)
		}
	}
}

// TestPasses: services are named, one by one.
func TestPasses(t *testing.T) {
	for service, want := range map[string]bool{SMTP: true, DNS: true, "pop3": false, "imap": false, "ssh": false, "control": false, "": false} {
		if Passes(service) != want {
			t.Errorf("%q passes: %t", service, !want)
		}
	}
}
