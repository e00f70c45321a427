package pop3

import (
	"context"
	"errors"

	"maillab/internal/mail"
)

// authorization serves a command in the AUTHORIZATION state (RFC 1939 §4).
func (c *session) authorization(ctx context.Context, cmd command) {
	switch cmd.verb {
	case "USER":
		c.cmdUser(cmd)
	case "PASS":
		c.cmdPass(ctx, cmd)
	case "AUTH":
		c.cmdAuth(ctx, cmd)
	case "STLS":
		c.cmdStls(ctx)
	case "CAPA":
		c.cmdCapa()
	case "UTF8":
		c.cmdUTF8()
	case "QUIT":
		c.ok(c.words.earlyBye)
		c.n.Ending = mail.LoggedOut
	default:
		c.fail(c.words.unknownEarly)
	}
}

func (c *session) cmdUser(cmd command) {
	if cmd.args == "" && !c.words.bareUser {
		c.fail(c.words.unknownEarly)
		return
	}
	c.user, c.named = cmd.args, true
	c.ok(c.words.userWanted)
}

// cmdPass takes all that follows the blank for the password, blanks at either end and double ones too (RFC 1939 §7). USER is
// forgiving: no account's name has a blank.
func (c *session) cmdPass(ctx context.Context, cmd command) {
	if !c.named || cmd.rest == "" && !c.words.barePass {
		c.fail(c.words.noUser)
		return
	}
	user := c.user
	if !c.words.keepsUser {
		c.user, c.named = "", false
	}
	c.login(ctx, user, cmd.rest, "USER")
}

// login tries a user's password, and enters the TRANSACTION state when it is right and the maildrop free.
func (c *session) login(ctx context.Context, user, password, method string) {
	account, drop, err := c.backend.Login(ctx, user, password, c.peer)
	switch {
	case err == nil:
		c.enter(account, drop, method)
	case errors.Is(err, mail.ErrRejected):
		c.log.LoginFailed(user, method)
		c.fail(c.words.loginFailed)
	case errors.Is(err, mail.ErrInUse):
		c.fail(sayInUse)
	default:
		c.cfg.Slog.Error("pop3: login", "user", user, "peer", c.peer.Host(), "err", err)
		c.fail(sayBusy)
	}
}

func (c *session) enter(account string, drop Maildrop, method string) {
	c.drop = drop
	c.messages = drop.Messages()
	c.gone = make([]bool, len(c.messages))
	c.n.Messages = len(c.messages)
	for _, m := range c.messages {
		c.n.Size += m.Size
	}
	c.n.Account = account
	c.rec.Account(account)
	c.log.Login(account, method)
	c.ok(c.words.loggedIn)
}
