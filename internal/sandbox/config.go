package sandbox

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"maillab/internal/spec"
)

// Config is what a container is told when it is created; what the sandbox is comes later, as a spec.
type Config struct {
	Token   string         // MAILLAB_TOKEN: what control requests must carry
	UIDBase int            // MAILLAB_UID_BASE: an account's uid is UIDBase + its index in the spec + 1
	Outside []netip.Addr   // MAILLAB_OUTSIDE, "192.0.2.25,…": their packets are dropped, so that a connect times out
	Gateway netip.Addr     // MAILLAB_GATEWAY: the one peer that gets in; unset: the first address of the subnet
	Relay   netip.AddrPort // MAILLAB_RELAY: the one server that maild may connect to; unset: none

	// Where there is no controller and no gateway, in a compose stack:
	Spec      []byte // MAILLAB_SPEC, see spec.Pack: what to be from the start; a token is made up where none is given
	Published bool   // MAILLAB_PUBLISHED=1: who is not in the sandbox's network gets in to 22, 25, 110 and 143
}

// UIDs are the range of one sandbox; the lowest ones belong to the system.
const (
	uidRange   = 1000
	lowestBase = 65536
)

// FromEnv reads the configuration; all that is wrong with it is reported at once.
func FromEnv(getenv func(string) string) (Config, error) {
	var c Config
	var errs []error
	wrong := func(name string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s=%q: %w", name, getenv(name), err))
		}
	}
	var err error
	if text := getenv("MAILLAB_SPEC"); text != "" {
		if c.Spec, err = spec.Unpack(text); err != nil {
			errs = append(errs, fmt.Errorf("MAILLAB_SPEC: %w", err))
		}
	}
	c.Published = getenv("MAILLAB_PUBLISHED") == "1"
	switch c.Token = getenv("MAILLAB_TOKEN"); {
	case c.Token != "":
	case c.Spec != nil:
		c.Token = rand.Text()
	default:
		wrong("MAILLAB_TOKEN", errors.New("a sandbox needs a token"))
	}
	if c.UIDBase, err = strconv.Atoi(getenv("MAILLAB_UID_BASE")); err == nil && c.UIDBase < lowestBase {
		err = fmt.Errorf("must be at least %d", lowestBase)
	}
	wrong("MAILLAB_UID_BASE", err)
	c.Outside, err = parseOutside(getenv("MAILLAB_OUTSIDE"))
	wrong("MAILLAB_OUTSIDE", err)
	if text := getenv("MAILLAB_GATEWAY"); text != "" {
		c.Gateway, err = netip.ParseAddr(text)
		wrong("MAILLAB_GATEWAY", err)
	}
	if text := getenv("MAILLAB_RELAY"); text != "" {
		c.Relay, err = netip.ParseAddrPort(text)
		wrong("MAILLAB_RELAY", err)
	}
	return c, errors.Join(errs...)
}

func parseOutside(text string) (all []netip.Addr, err error) {
	for _, one := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' }) {
		addr, err := netip.ParseAddr(strings.TrimSpace(one))
		if err != nil {
			return nil, err
		}
		if !addr.Is4() {
			return nil, fmt.Errorf("%s is not an IPv4 address", addr)
		}
		all = append(all, addr)
	}
	return all, nil
}
