package smtp

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/emersion/go-sasl"
)

// errRejected is what the engine is told of a failure; the client gets Postfix's words.
var errRejected = errors.New("smtp: authentication failed")

// Reasons that Postfix gives, in Cyrus SASL's words.
const (
	badMechanism = "no mechanism available"
	badProtocol  = "bad protocol / cancel"
	badStep      = "another step is needed in authentication"
	badPassword  = "authentication failure"
)

// authMissing tells that nothing is done for this client before AUTH.
func (f *front) authMissing() bool {
	return f.cfg.Auth == AuthRequired && f.saslUser == ""
}

// authCommand is AUTH (RFC 4954). The exchange is the engine's, with saslServer; its further lines come by saslLine.
func (f *front) authCommand(_ string, args []token) answer {
	switch {
	case f.cfg.Auth == AuthNone:
		return no("503 5.5.1 Error: authentication not enabled")
	case f.tx != nil && !f.tx.void():
		return no("503 5.5.1 Error: MAIL transaction in progress")
	case f.saslUser != "":
		return no("503 5.5.1 Error: already authenticated")
	case len(args) < 2 || len(args) > 3:
		return no("501 5.5.4 Syntax: AUTH mechanism")
	}
	f.saslBy = args[1].text
	engine := "AUTH " + strings.ToUpper(f.saslBy)
	if f.mechanism() != sasl.Plain && f.mechanism() != sasl.Login {
		return f.authFailed(badMechanism, "")
	}
	if len(args) == 3 {
		response := args[2].text
		if reason := f.badResponse(response); reason != "" {
			return f.authFailed(reason, "")
		}
		engine += " " + response
	}
	a := f.authFailed(badProtocol, "") // unless saslServer finds better
	a.engine = engine
	return a
}

// mechanism is the mechanism in use, in capitals.
func (f *front) mechanism() string { return strings.ToUpper(f.saslBy) }

// badResponse tells what is wrong with a response before the engine sees it, or "".
func (f *front) badResponse(text string) string {
	_, err := base64.StdEncoding.DecodeString(text)
	switch {
	case err == nil && text != "":
		return ""
	case f.mechanism() == sasl.Login && err == nil:
		return ""
	case text == "=" || text == "" || f.mechanism() == sasl.Login:
		return badStep
	}
	return badProtocol
}

// authFailed makes the reply to a failure. It is logged when it is said.
func (f *front) authFailed(reason, user string) answer {
	mechanism := f.saslBy
	if user == "" {
		user = "(unavailable)"
	}
	return answer{text: "535 5.7.8 Error: authentication failed: " + reason, failed: true, done: func() {
		f.saslBy = ""
		f.log.Warning(fmt.Sprintf("%s: SASL %.100s authentication failed: %s, sasl_username=%.100s", f.client,
			printable(mechanism, '?'), reason, printable(user, '?')))
	}}
}

// saslLine reads a line of the exchange and hands it to the engine, or ends the exchange.
func (f *front) saslLine() {
	f.sasl = false
	line, long, _, err := f.wire.line(saslLimit)
	if err != nil {
		f.lost(err)
		return
	}
	text := string(line)
	if text == "*" {
		f.record.Client(text)
		f.pending = answer{text: "501 5.7.0 Authentication aborted", failed: true, done: f.authAborted}
	} else {
		f.record.Client("****")
		if reason := f.badResponse(text); reason != "" {
			f.pending, text = f.authFailed(reason, ""), "*"
		}
	}
	if long {
		f.pending, text = no("500 5.5.6 SASL response limit exceeded"), "*"
	}
	f.toEngine.WriteString(text + "\r\n")
}

// authAborted logs that the client gave up.
func (f *front) authAborted() {
	f.log.Warning(fmt.Sprintf("%s: SASL %.100s authentication aborted", f.client, printable(f.saslBy, '?')))
	f.saslBy = ""
}

// saslServer is the server's side of an exchange.
func (f *front) saslServer(mechanism string) sasl.Server {
	if mechanism == sasl.Login {
		return &loginServer{verify: f.authenticate}
	}
	return sasl.NewPlainServer(func(identity, user, password string) error {
		if identity != "" && identity != user {
			f.pending = f.authFailed(badPassword, identity) // nobody may act for another
			return errRejected
		}
		return f.authenticate(user, password)
	})
}

// authenticate checks a password and makes the reply.
func (f *front) authenticate(user, password string) error {
	account, err := f.server.backend.Authenticate(f.ctx, user, password, f.client.addr)
	switch {
	case errors.Is(err, ErrTryLater):
		f.pending = f.authFailed("", user)
		f.pending.text = "454 4.7.0 Temporary authentication failure: (reason unavailable)"
		return err
	case err != nil:
		f.pending = f.authFailed(badPassword, user)
		return errRejected
	}
	f.pending = answer{text: "235 2.7.0 Authentication successful", done: func() {
		f.saslUser = account
		f.record.Account(account)
	}}
	return nil
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
