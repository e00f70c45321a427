package imap

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"strings"

	"maillab/internal/mail"
	"maillab/internal/mail/imap/syntax"
)

func (c stranger) login(ctx context.Context, cmd *command) reply {
	user, err := cmd.p.Typed()
	if err == nil {
		err = cmd.p.Space()
	}
	var password string
	if err == nil {
		password, err = cmd.p.Typed()
	}
	if err == nil {
		err = cmd.p.End()
	}
	if err != nil {
		return c.failed(ctx, cmd, "", err)
	}
	return c.logIn(ctx, cmd, user, password)
}

// logIn asks the backend, which takes its time over a wrong password.
func (c stranger) logIn(ctx context.Context, cmd *command, name, password string) reply {
	c.stats.Attempts++
	user, err := c.srv.backend.Login(ctx, name, password, mail.PeerOf(c.under))
	switch {
	case errors.Is(err, mail.ErrRejected):
		c.log.LoginFailed(name, "PLAIN")
		return c.w.loginFailed
	case err != nil:
		if ctx.Err() == nil {
			c.cfg.Logger.Error("imap: login failed for our own reasons", "user", name, "err", err)
		}
		return c.w.loginError
	}
	c.user, c.stats.User = user, user.Name()
	c.rec.Account(c.stats.User)
	c.log.Login(c.stats.User, "PLAIN")
	r := c.w.completed(cmd.name)
	switch {
	case !c.w.loginCaps:
	case c.askedCaps:
		c.out.str("* CAPABILITY " + c.capabilities() + "\r\n")
	default:
		r.code = "CAPABILITY " + c.capabilities()
	}
	return r
}

// authenticate is AUTHENTICATE PLAIN (RFC 4616), with an initial response (RFC 4959) or without.
func (c stranger) authenticate(ctx context.Context, cmd *command) reply {
	mechanism, err := cmd.p.Atom()
	if err != nil {
		return c.failed(ctx, cmd, "", err)
	}
	if !strings.EqualFold(mechanism, "PLAIN") {
		return no("CANNOT", "Unsupported authentication mechanism.")
	}
	response := ""
	if cmd.p.AtEnd() {
		if response, err = c.challenge(ctx); errors.Is(err, errLineTooLong) {
			return c.w.syntax(c.conn, cmd.name, err)
		} else if err != nil {
			return reply{} // the next read finds out
		}
	} else {
		response = string(bytes.TrimRight(cmd.p.Rest(), " \t"))
	}
	switch response {
	case "*":
		return wrong("BAD", c.w.aborted)
	case "=":
		response = ""
	}
	raw, err := base64.StdEncoding.DecodeString(response)
	parts := bytes.Split(raw, []byte{0})
	if err != nil || len(parts) != 3 || len(parts[1]) == 0 {
		return c.failed(ctx, cmd, "", syntax.Error("Invalid base64 data in continued response"))
	}
	if authz := string(parts[0]); authz != "" && authz != string(parts[1]) {
		return c.w.loginFailed // nobody may act for somebody else
	}
	return c.logIn(ctx, cmd, string(parts[1]), string(parts[2]))
}

// challenge asks for the response on a line of its own.
func (c stranger) challenge(ctx context.Context) (string, error) {
	c.out.str("+ \r\n")
	c.out.flush()
	line, err := c.readLine(ctx, nil, func(line []byte) string { return syntax.Mask + mail.PlainFlaw(string(bytes.TrimSpace(line))) })
	return strings.TrimSpace(string(line)), err
}

func (c stranger) starttls(ctx context.Context, cmd *command) reply {
	if c.cfg.TLS == nil || c.secure() {
		return c.w.unknown(c.conn, cmd)
	}
	c.answer(cmd.tag, c.w.completed(cmd.name))
	c.out.flush()
	if err := c.startTLS(ctx); err != nil {
		c.stats.Ending = mail.Failed
		c.out.fail(err)
		c.done = true
	}
	return reply{}
}
