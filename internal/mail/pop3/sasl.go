package pop3

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"

	"maillab/internal/mail"
)

// errAborted is a SASL exchange that the client gave up with "*" (RFC 5034 §4).
var errAborted = errors.New("aborted by the client")

// cmdAuth is SASL PLAIN (RFC 5034, RFC 4616), with the response in the command or after "+ ".
func (c *session) cmdAuth(ctx context.Context, cmd command) {
	mech, initial := cutWord(cmd.args)
	switch {
	case mech == "" && c.words.mechanisms:
		c.listMechanisms()
	case mech == "":
		c.fail(c.words.unknownEarly)
	case upper(mech) != "PLAIN":
		c.fail(c.words.badMech)
	default:
		c.authPlain(ctx, initial)
	}
}

// listMechanisms is what clients older than CAPA ask for.
func (c *session) listMechanisms() {
	c.ok("")
	c.line("PLAIN")
	c.line(".")
}

func (c *session) authPlain(ctx context.Context, response string) {
	if response == "" {
		var err error
		if response, err = c.challenge(); err != nil {
			c.broke(ctx, err)
			return
		}
	}
	user, password, err := decodePlain(response)
	switch {
	case errors.Is(err, errAborted):
		c.fail(c.words.saslAborted)
	case err != nil:
		c.fail(c.words.badBase64)
	default:
		c.user, c.named = "", false
		c.login(ctx, user, password, "PLAIN")
	}
}

// challenge asks for the response with an empty challenge.
func (c *session) challenge() (string, error) {
	c.line("+ ")
	line, long, err := c.readLine()
	if err != nil {
		return "", err
	}
	if line = trim(line); line == "*" && !long {
		c.rec.Client(line)
	} else {
		c.rec.Client(secret + mail.PlainFlaw(line))
	}
	return line, nil
}

// decodePlain takes the base64 of "authorisation NUL user NUL password" apart (RFC 4616 §2). Acting for another user is
// not offered: the first part is empty or the user.
func decodePlain(response string) (user, password string, err error) {
	if response == "*" {
		return "", "", errAborted
	}
	text, err := base64.StdEncoding.DecodeString(response)
	if err != nil {
		return "", "", err
	}
	parts := bytes.Split(text, []byte{0})
	if len(parts) != 3 || len(parts[1]) == 0 || len(parts[0]) > 0 && !bytes.Equal(parts[0], parts[1]) {
		return "", "", errors.New("not an authorisation, a user and a password")
	}
	return string(parts[1]), string(parts[2]), nil
}
