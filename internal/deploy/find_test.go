package deploy

import (
	"errors"
	"fmt"
	"net"
	"os"
	"testing"

	"maillab/internal/control"
	"maillab/internal/engine"
)

func TestConflict(t *testing.T) {
	for _, c := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{errors.New("no"), false},
		{fmt.Errorf("put network: %w", engine.ErrConflict), true},
		{fmt.Errorf("doors: %w", &control.Error{Status: 409, Text: "taken"}), true},
		{fmt.Errorf("doors: %w", &control.Error{Status: 500, Text: "broken"}), false},
		{errors.Join(errors.New("no"), fmt.Errorf("put: %w", engine.ErrConflict)), true},
	} {
		if got := conflict(c.err); got != c.want {
			t.Errorf("%v: %v", c.err, got)
		}
	}
}

// Inside a container the machine on which it runs is its default route, unless the daemon runs in here, too.
func TestVisibleFrom(t *testing.T) {
	route := func(string) ([]byte, error) {
		return []byte("Iface\tDestination\tGateway \tFlags\n" +
			"eth0\t000011AC\t00000000\t0001\n" +
			"eth0\t00000000\t010011AC\t0003\n"), nil
	}
	here := func(string) (os.FileInfo, error) { return nil, nil }
	none := func(string) (*net.Interface, error) { return nil, errors.New("no such interface") }
	bridge := func(string) (*net.Interface, error) { return new(net.Interface), nil }
	if got := visibleFrom(here, route, none); got != "172.17.0.1" {
		t.Errorf("in a container: %q", got)
	}
	if got := visibleFrom(here, route, bridge); got != "" {
		t.Errorf("beside the daemon: %q", got)
	}
	if got := visibleFrom(here, func(string) ([]byte, error) { return nil, errors.New("no") }, none); got != "" {
		t.Errorf("without routes: %q", got)
	}
}
