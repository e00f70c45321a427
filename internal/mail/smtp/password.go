package smtp

import (
	"errors"
	"fmt"

	"maillab/internal/mail"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"
)

// PasswordMechanisms are the mechanisms of PasswordServer, in Postfix's order.
func PasswordMechanisms() []string { return []string{sasl.Plain, sasl.Login} }

// PasswordServer is the server's side of a mechanism that carries a name and a password, for a session's Auth, with
// Postfix's words for what goes wrong. verify returns the account that they prove; mail.ErrTryLater, that it cannot be told
// just now. Nobody may act for another.
func (c *Client) PasswordServer(mechanism string, verify func(user, password string) (account string, err error)) (sasl.Server, error) {
	check := func(user, password string) error {
		c.Tried = user
		account, err := verify(user, password)
		switch {
		case errors.Is(err, mail.ErrTryLater):
			return &gosmtp.SMTPError{Code: 454, EnhancedCode: gosmtp.EnhancedCode{4, 7, 0},
				Message: "Temporary authentication failure: (reason unavailable)"}
		case err != nil:
			return wrongPassword()
		}
		c.User = account
		return nil
	}
	switch mechanism {
	case sasl.Login:
		return &loginServer{verify: check}, nil
	case sasl.Plain:
		return sasl.NewPlainServer(func(identity, user, password string) error {
			if identity != "" && identity != user {
				c.Tried = identity
				return wrongPassword()
			}
			return check(user, password)
		}), nil
	}
	return nil, fmt.Errorf("smtp: no mechanism %q", mechanism)
}

func wrongPassword() error {
	return &gosmtp.SMTPError{Code: 535, EnhancedCode: gosmtp.EnhancedCode{5, 7, 8}, Message: "Error: authentication failed: authentication failure"}
}

// loginServer is the LOGIN mechanism, which has no RFC (draft-murchison-sasl-login): the name, then the password, each
// asked for. go-sasl has no server for it.
type loginServer struct {
	verify func(user, password string) error
	user   *string
}

// Next implements sasl.Server.
func (s *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	switch {
	case response == nil:
		return []byte("Username:"), false, nil
	case s.user == nil:
		user := string(response)
		s.user = &user
		return []byte("Password:"), false, nil
	}
	return nil, true, s.verify(*s.user, string(response))
}
