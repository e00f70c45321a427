//go:build linux

package sandbox

import (
	"context"
	"fmt"
	"os"

	"maillab/internal/script"
)

// StartScript implements broker.Runner: a helper is started that runs one script of a student's, for a check. It is root
// with the four capabilities that it needs to become the student, to hand over a terminal, and to end what was started, and no program
// below it can become anybody else.
func (s *Supervisor) StartScript(_ context.Context, user string, leash *os.File) error {
	a, ok := s.snapshot().accounts[user]
	if !ok {
		return fmt.Errorf("no account %q", user)
	}
	cmd, err := script.Command("/proc/self/exe", script.Student{Name: a.name, UID: a.uid, GID: a.uid, Home: a.home()}, leash)
	if err != nil {
		return err
	}
	log := s.log.With("from", "script", "account", user)
	said, err := logged(log)
	if err != nil {
		return err
	}
	defer said.Close()
	cmd.Stdout, cmd.Stderr = said, said
	from := newStarter(confine{bounding: []uintptr{capSetuid, capSetgid, capKill, capChown}, noNew: true})
	defer close(from)
	c, err := s.children.start(cmd, from)
	if err != nil {
		return fmt.Errorf("starting the helper: %w", err)
	}
	go func() {
		if status := <-c.ended; status != 0 {
			log.Warn("the helper of a script", "state", describe(status))
		}
	}()
	return nil
}
