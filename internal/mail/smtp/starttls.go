package smtp

import (
	"context"
	"crypto/tls"
	"fmt"
)

// startTLSCommand is STARTTLS (RFC 3207).
func (f *front) startTLSCommand(_ string, args []token) answer {
	switch {
	case len(args) != 1:
		return no("501 5.5.4 Syntax: STARTTLS")
	case f.secure:
		return no("554 5.5.1 Error: TLS already active")
	case f.cfg.TLS == nil:
		return no("502 5.5.1 Error: command not implemented")
	}
	return answer{text: "220 2.0.0 Ready to start TLS", tls: true}
}

// upgrade turns TLS on after STARTTLS. What the client typed ahead in clear is thrown away: it may be somebody else's
// (RFC 3207 section 6, CVE-2011-0411). So is all that is known of it (section 4.2).
func (f *front) upgrade() bool {
	if !f.upgrading || f.wire.flush() != nil {
		return false
	}
	f.upgrading = false
	conn := tls.Server(f.wire.conn, f.cfg.TLS)
	ctx, cancel := context.WithTimeout(f.ctx, f.cfg.Timeout)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		f.log.Warning(fmt.Sprintf("TLS library problem: %s", printable(err.Error(), '?')))
		f.ended = lostConnection
		f.wire.err = err
		return false
	}
	f.wire = newWire(conn, f.cfg.Timeout, &f.stopping)
	f.secure, f.helo, f.proto, f.tx = true, "", "SMTP", nil
	f.saslUser, f.saslBy, f.sasl = "", "", false
	return true
}
