package embedded

import (
	"context"
	"io"

	"maillab/internal/control"
)

// A seat's control port is that of its daemon as it is at each request.

// Ready implements control.Backend.
func (s *seat) Ready(ctx context.Context) control.Ready { return s.current().Ready(ctx) }

// Status implements control.Backend.
func (s *seat) Status(ctx context.Context) (control.Status, error) { return s.current().Status(ctx) }

// Configure implements control.Backend.
func (s *seat) Configure(ctx context.Context, text []byte) error {
	return s.current().Configure(ctx, text)
}

// Log implements control.Backend.
func (s *seat) Log(ctx context.Context, w io.Writer, lines int, follow bool) error {
	return s.current().Log(ctx, w, lines, follow)
}

// Authorize implements control.Backend.
func (s *seat) Authorize(ctx context.Context, a control.Authorize) error {
	return s.current().Authorize(ctx, a)
}

// HostKey implements control.Backend.
func (s *seat) HostKey(ctx context.Context) (string, error) { return s.current().HostKey(ctx) }

// Reset implements control.Resetter.
func (s *seat) Reset(ctx context.Context, r control.Reset) (control.ResetReport, error) {
	return s.current().Reset(ctx, r)
}

// Save implements control.Archiver.
func (s *seat) Save(ctx context.Context, students []string, w io.Writer) error {
	return s.current().Save(ctx, students, w)
}

// Restore implements control.Archiver.
func (s *seat) Restore(ctx context.Context, r control.Restore, from io.Reader) (control.ResetReport, error) {
	return s.current().Restore(ctx, r, from)
}

// Send implements control.Sender.
func (s *seat) Send(ctx context.Context, m control.Send) error { return s.current().Send(ctx, m) }

// SetPassword implements control.Passwords.
func (s *seat) SetPassword(ctx context.Context, p control.Password) error {
	return s.current().SetPassword(ctx, p)
}
