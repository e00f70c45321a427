package pop3

import (
	"context"
	"crypto/tls"

	"maillab/internal/mail"
)

// cmdStls goes over to TLS (RFC 2595 §4). All that came in the clear is forgotten, also what was sent ahead of the
// handshake: it would be taken for having come inside.
func (c *session) cmdStls(ctx context.Context) {
	switch {
	case c.secure:
		c.fail(c.words.tlsActive)
		return
	case c.cfg.TLS == nil:
		c.fail(c.words.tlsOff)
		return
	}
	c.ok(c.words.tlsBegin)
	if err := c.out.flush(); err != nil {
		c.broke(ctx, err)
		return
	}
	secure := tls.Server(c.link, c.cfg.TLS)
	c.link.expect(c.cfg.Idle)
	if err := secure.HandshakeContext(ctx); err != nil {
		c.cfg.Slog.Info("pop3: TLS handshake failed", "peer", c.peer.Host(), "err", err)
		c.n.Ending = mail.LineDropped
		return
	}
	c.conn, c.out.conn = secure, secure
	c.in.reset(replying{c})
	c.user, c.named = "", false
	c.secure = true
	c.log.Secure()
}
