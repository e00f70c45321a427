package pop3

import (
	"context"
	"errors"
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
		c.ending = LoggedOut
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

// cmdPass takes all that follows for the password: it may hold blanks (RFC 1939 §7), though not at its ends, where a
// typist leaves them by mistake; SASL PLAIN carries every octet.
func (c *session) cmdPass(ctx context.Context, cmd command) {
	if !c.named || cmd.args == "" && !c.words.barePass {
		c.fail(c.words.noUser)
		return
	}
	user := c.user
	if !c.words.keepsUser {
		c.user, c.named = "", false
	}
	c.login(ctx, user, cmd.args, "USER")
}

// login tries a user's password, and enters the TRANSACTION state when it is right and the maildrop free.
func (c *session) login(ctx context.Context, user, password, method string) {
	account, drop, err := c.backend.Login(ctx, user, password, c.peer())
	switch {
	case err == nil:
		c.enter(account, drop, method)
	case errors.Is(err, ErrRejected):
		c.n.Attempts, c.n.Tried = c.n.Attempts+1, user
		c.log.LoginFailed(c.about, user, method)
		c.fail(c.words.loginFailed)
	case errors.Is(err, ErrInUse):
		c.fail(sayInUse)
	default:
		c.cfg.Slog.Error("pop3: login", "user", user, "peer", c.peer(), "err", err)
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
	c.about.Account = account
	c.rec.Account(account)
	c.log.Login(c.about, method)
	c.ok(c.words.loggedIn)
}
