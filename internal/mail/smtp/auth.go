package smtp

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"

	"maillab/internal/mail"
)

// Reasons that Postfix gives, in Cyrus SASL's words.
const (
	badMechanism = "no mechanism available"
	badProtocol  = "bad protocol / cancel"
	badStep      = "another step is needed in authentication"
)

// authFailure is how the reply to a failure begins, before its reason.
const authFailure = "535 5.7.8 Error: authentication failed: "

// authMissing tells that nothing is done for this client before AUTH.
func (l *loop) authMissing() bool { return l.cfg.Auth == AuthRequired && l.method == "" }

// authCommand is AUTH (RFC 4954).
func authCommand(l *loop, _ string, args []token) answer {
	session, can := l.session.(gosmtp.AuthSession)
	switch {
	case l.cfg.Auth == AuthNone || !can:
		return no("503 5.5.1 Error: authentication not enabled")
	case l.tx != nil && !l.tx.void():
		return no("503 5.5.1 Error: MAIL transaction in progress")
	case l.method != "":
		return no("503 5.5.1 Error: already authenticated")
	case len(args) < 2 || len(args) > 3:
		return no("501 5.5.4 Syntax: AUTH mechanism")
	}
	if text := l.refusal("auth"); text != "" {
		return no(text)
	}
	l.client.Tried = ""
	x := &exchange{l: l, typed: args[1].text, mechanism: strings.ToUpper(args[1].text)}
	if !slices.Contains(session.AuthMechanisms(), x.mechanism) {
		return x.failed(authFailure + badMechanism)
	}
	server, err := session.Auth(x.mechanism)
	if err != nil {
		return x.failed(x.words(err))
	}
	if len(args) == 3 {
		return x.run(server, args[2].text, true)
	}
	return x.run(server, "", false)
}

// exchange is one AUTH.
type exchange struct {
	l         *loop
	typed     string // the mechanism, as typed
	mechanism string // in capitals
}

// run goes through the exchange; text is the client's response, if it has said one.
func (x *exchange) run(server sasl.Server, text string, said bool) answer {
	for {
		var response []byte
		if said {
			if reason := x.bad(text); reason != "" {
				return x.failed(authFailure + reason)
			}
			response, _ = base64.StdEncoding.DecodeString(text) // bad has looked
			if response == nil {
				response = []byte{}
			}
		}
		challenge, done, err := server.Next(response)
		if err != nil {
			return x.failed(x.words(err))
		}
		if done {
			return x.succeeded()
		}
		x.l.say("334 " + base64.StdEncoding.EncodeToString(challenge))
		line, long, _, err := x.l.wire.line(saslLimit)
		if err != nil {
			x.l.lost(err)
			return answer{}
		}
		text, said = string(line), true
		if text == "*" {
			x.l.record.Client(text)
			return x.aborted()
		}
		flaw := ""
		if x.mechanism == sasl.Plain {
			flaw = mail.PlainFlaw(text)
		}
		x.l.record.Client("****" + flaw)
		if long {
			return no("500 5.5.6 SASL response limit exceeded")
		}
	}
}

// bad tells what is wrong with a response before the mechanism sees it, or "".
func (x *exchange) bad(text string) string {
	_, err := base64.StdEncoding.DecodeString(text)
	switch {
	case err == nil && text != "":
		return ""
	case x.mechanism == sasl.Login && err == nil:
		return ""
	case text == "=" || text == "" || x.mechanism == sasl.Login:
		return badStep
	}
	return badProtocol
}

// words is the reply to a session's error.
func (x *exchange) words(err error) string {
	var said *gosmtp.SMTPError
	if errors.As(err, &said) {
		return replyOf(said)
	}
	return authFailure + badProtocol
}

// succeeded makes the reply.
func (x *exchange) succeeded() answer {
	return answer{text: "235 2.7.0 Authentication successful", done: func() {
		x.l.method = x.typed
		x.l.record.Account(x.l.client.User)
	}}
}

// failed makes the reply to a failure. It is logged when it is said.
func (x *exchange) failed(reply string) answer {
	user := x.l.client.Tried
	if user == "" {
		user = "(unavailable)"
	}
	reason, _ := strings.CutPrefix(reply, authFailure)
	a := no(reply)
	a.done = func() {
		x.l.log.Warning(fmt.Sprintf("%s: SASL %.100s authentication failed: %s, sasl_username=%.100s", x.l.name,
			printable(x.typed, '?'), reason, printable(user, '?')))
	}
	return a
}

// aborted says and logs that the client gave up.
func (x *exchange) aborted() answer {
	a := no("501 5.7.0 Authentication aborted")
	a.done = func() {
		x.l.log.Warning(fmt.Sprintf("%s: SASL %.100s authentication aborted", x.l.name, printable(x.typed, '?')))
	}
	return a
}
