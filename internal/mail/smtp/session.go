package smtp

import (
	"io"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"
)

// session is what the engine sees of the backend. What it is told of the envelope is empty of meaning: the front has
// the real one.
type session struct{ f *front }

// Reset implements the engine's Session.
func (s *session) Reset() {}

// Logout implements the engine's Session.
func (s *session) Logout() error { return nil }

// Mail implements the engine's Session.
func (s *session) Mail(string, *gosmtp.MailOptions) error { return nil }

// Rcpt implements the engine's Session.
func (s *session) Rcpt(string, *gosmtp.RcptOptions) error { return nil }

// Data implements the engine's Session. The reader that it gets has only the dot of the end in it, which the engine
// takes out after us.
func (s *session) Data(io.Reader) error {
	s.f.deliver()
	if s.f.pending.failed || s.f.pending.text == "" || s.f.pending.given {
		return &gosmtp.SMTPError{Code: 451, EnhancedCode: gosmtp.EnhancedCode{4, 3, 0}, Message: "failed"}
	}
	return nil
}

// AuthMechanisms implements the engine's AuthSession.
func (s *session) AuthMechanisms() []string { return []string{sasl.Plain, sasl.Login} }

// Auth implements the engine's AuthSession.
func (s *session) Auth(mechanism string) (sasl.Server, error) {
	return s.f.saslServer(mechanism), nil
}
