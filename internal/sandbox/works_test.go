//go:build linux

package sandbox_test

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// works does what a sandbox is for, and returns the first thing that fails. It gives up sooner than other tests: most of
// its callers expect a failure.
func (b *box) works() error {
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"control answers", b.soon(func() error { _, err := b.who(); return err })},
		{"a spec", func() error { return b.tryConfigure(labSpec("works", master2021)) }},
		{"a maild that has it", b.soon(b.hasSpec)},
		{"a login with a terminal", b.soon(func() error {
			out, err := b.session("util1", "master2021", "tty && test -w /var/mail/util1 && echo fine", true)
			if err == nil && !strings.Contains(out, "fine") {
				err = errors.New(out)
			}
			return err
		})},
		{"passwd", b.passwd},
		{"a lease of maild's", func() error { return failed(b.ask(ask{Op: "lease", User: "util11", Box: "INBOX"})) }},
		{"a folder", func() error {
			return failed(b.ask(ask{Op: "append", User: "util11", Box: "x", Text: "x", Flag: 0o100}))
		}},
		{"an account that leaves and comes back", b.leaves},
	} {
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return nil
}

func failed(t told) error {
	if t.Error != "" {
		return errors.New(t.Error)
	}
	return nil
}

// soon tries for some seconds.
func (b *box) soon(do func() error) func() error {
	return func() (err error) {
		for end := time.Now().Add(6 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			if err = do(); err == nil {
				return nil
			}
		}
		return err
	}
}

func (b *box) hasSpec() error {
	w, err := b.who()
	if err == nil && !strings.Contains(w.Spec, "works") {
		err = errors.New("it has not")
	}
	return err
}

func (b *box) passwd() error {
	out, err := b.session("util11", "master2021", `printf 'master2021\nchouette-hulotte\nchouette-hulotte\n' | passwd`, false)
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// leaves has an account go while it runs something, which is ended, and come back to what is still its own.
func (b *box) leaves() error {
	if _, err := b.session("util1", "master2021", "mkdir -m 0 closed; (sleep 1000 >/dev/null 2>&1 &)", false); err != nil {
		return err
	}
	without := labSpec("works-without", master2021)
	without.Accounts, without.Files = without.Accounts[1:], nil
	if err := b.tryConfigure(without); err != nil {
		return err
	}
	back := b.soon(func() error { return b.tryConfigure(labSpec("works-again", master2021)) }) // maild starts anew meanwhile
	if err := back(); err != nil {
		return err
	}
	return b.soon(func() error {
		out, err := b.session("util1", "master2021", "test -O closed && test -O /var/mail/util1 && ! pgrep -x sleep && echo fine", true)
		if err == nil && !strings.Contains(out, "fine") {
			err = errors.New(out)
		}
		return err
	})()
}
