package sandbox

import (
	"errors"
	"fmt"
	"strconv"

	"maillab/internal/handoff"
	"maillab/internal/spec"
)

// Config is what a container is told when it is created; what the sandbox is comes later, as a spec.
type Config struct {
	Token   string // MAILLAB_TOKEN: by which its gateway knows it
	UIDBase int    // MAILLAB_UID_BASE: an account's uid is UIDBase + its number, see numbers
	Spec    []byte // MAILLAB_SPEC, see spec.Pack: what to be from the start, where there is no controller

	Incarnation int // MAILLAB_INCARNATION: how often its seat had been placed on a machine, where there are many; else nothing
}

// EnvBetween is "yes" in a sandbox that has neighbours. It is set when the container is created: rules need NET_ADMIN.
const EnvBetween = "MAILLAB_BETWEEN"

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
	if c.Token = getenv(handoff.EnvToken); c.Token == "" {
		wrong(handoff.EnvToken, errors.New("a sandbox needs a token"))
	}
	if c.UIDBase, err = strconv.Atoi(getenv("MAILLAB_UID_BASE")); err == nil && c.UIDBase < lowestBase {
		err = fmt.Errorf("must be at least %d", lowestBase)
	}
	wrong("MAILLAB_UID_BASE", err)
	if text := getenv(handoff.EnvIncarnation); text != "" {
		c.Incarnation, err = strconv.Atoi(text)
		wrong(handoff.EnvIncarnation, err)
	}
	return c, errors.Join(errs...)
}
