package classroom

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"maillab/internal/deploy"
	"maillab/internal/say"
)

// WriteDecided tells of what was decided what somebody might not expect.
func WriteDecided(w io.Writer, t say.Tongue, o deploy.Outcome) {
	if len(o.Silent) > 0 {
		can := o.Engine.Capabilities()
		t.Fprintf(w, "%v\nusing engine %s instead: %s\n", errors.Join(o.Silent...), can.Name, can.Missing)
	}
	for _, n := range o.Notes {
		t.Fprintln(w, n)
	}
	for _, warning := range o.Warnings {
		t.Fprintf(w, "warning: %s\n", warning)
	}
}

// WriteLooked tells where was looked for what is to be gone; what is left is a failure.
func WriteLooked(w io.Writer, t say.Tongue, l deploy.Looked, what string) error {
	if len(l.Through) > 0 {
		t.Fprintf(w, "nothing of %s is in: %s\n", what, strings.Join(l.Through, ", "))
	}
	for _, err := range l.Not {
		t.Fprintf(w, "not looked through: %v\n", err)
	}
	if len(l.Left) > 0 {
		return fmt.Errorf("%s is not all gone: %s", what, strings.Join(l.Left, ", "))
	}
	t.Fprintln(w, "what you exported, bundled or printed is yours to remove")
	return nil
}
