package cli

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"maillab/internal/deploy"
	"maillab/internal/instance"
)

// TestNoVerbSpeaksCobrasWords: how many arguments a verb takes is told by package commandline, with their names.
func TestNoVerbSpeaksCobrasWords(t *testing.T) {
	var look func(cmd *cobra.Command)
	look = func(cmd *cobra.Command) {
		for _, args := range [][]string{nil, {"a"}, {"a", "b", "c", "d", "e"}} {
			if cmd.Args == nil {
				break
			}
			if err := cmd.Args(cmd, args); err != nil && (strings.Contains(err.Error(), "arg(s)") || strings.Contains(err.Error(), "unknown command")) {
				t.Errorf("%s %v: %v", cmd.CommandPath(), args, err)
			}
		}
		for _, verb := range cmd.Commands() {
			look(verb)
		}
	}
	look((&app{Env: Env{Getenv: func(string) string { return "" }}}).root())
}

// TestAMissingGatewayIsToldOnce, not once a student.
func TestAMissingGatewayIsToldOnce(t *testing.T) {
	a, _ := testApp(t, nil)
	var told bytes.Buffer
	a.Err = &told
	chosen, failed := []instance.Sandbox{}, map[int]error{}
	for seat := 1; seat <= 30; seat++ {
		chosen = append(chosen, instance.Sandbox{Seat: seat, Students: []string{"x"}})
		failed[seat] = fmt.Errorf("dialling: %w", &deploy.NoGatewayError{Instance: "monday"})
	}
	if err := a.failures(chosen, failed); err == nil || exitCode(err) != exitFailed || err.Error() != (&deploy.NoGatewayError{Instance: "monday"}).Error() {
		t.Errorf("%v", err)
	}
	if told.Len() > 0 {
		t.Errorf("said besides: %s", &told)
	}
}
