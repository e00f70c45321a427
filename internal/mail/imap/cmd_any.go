package imap

import (
	"context"
	"strconv"
	"strings"

	"maillab/internal/mail"
)

// allCaps are what works, in the order in which Courier would say it, with what it has not behind.
const allCaps = "IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT QUOTA IDLE ACL " +
	"ENABLE UTF8=ACCEPT ID LITERAL+ SASL-IR UNSELECT MOVE LIST-EXTENDED LIST-STATUS SPECIAL-USE ESEARCH CONDSTORE QRESYNC BINARY"

// capabilities are those of the connection's state.
func (c *conn) capabilities() string {
	caps := allCaps + " APPENDLIMIT=" + strconv.FormatInt(c.cfg.MaxMessage, 10) // RFC 7889
	if c.user == nil {
		if c.w.earlyCaps != "" {
			caps = c.w.earlyCaps
		}
		caps += " AUTH=PLAIN"
		if c.cfg.TLS != nil && !c.secure() {
			caps += " STARTTLS"
		}
	}
	return caps
}

func (c *conn) capability(_ context.Context, cmd *command) reply {
	c.out.str("* CAPABILITY " + c.capabilities() + "\r\n")
	if c.user == nil {
		c.askedCaps = true
		if c.w.earlyCapsDone != "" {
			return ok(c.w.earlyCapsDone)
		}
	}
	return c.w.completed(cmd.name)
}

// noop is NOOP and CHECK: what they are for is the poll that follows every command.
func (c *conn) noop(_ context.Context, cmd *command) reply { return c.w.completed(cmd.name) }

func (c *conn) logout(_ context.Context, cmd *command) reply {
	c.stats.Ending = mail.LoggedOut
	c.done = true
	c.out.str("* BYE " + c.w.bye + "\r\n")
	return c.w.completed(cmd.name)
}

// id is RFC 2971: what the client says is checked and forgotten.
func (c *conn) id(ctx context.Context, cmd *command) reply {
	if err := cmd.p.ID(); err != nil {
		return c.failed(ctx, cmd, "", err)
	}
	c.out.str(`* ID ("name" "maillab" "version" `)
	c.writeString(c.cfg.Version)
	if c.cfg.Hostname != "" {
		c.out.str(` "host" `)
		c.writeString(c.cfg.Hostname)
	}
	c.out.str(")\r\n")
	return c.w.completed(cmd.name)
}

// enable is RFC 5161. What is not known is passed over.
func (c account) enable(ctx context.Context, cmd *command) reply {
	var enabled []string
	for !cmd.p.AtEnd() {
		name, err := cmd.p.Atom()
		if err != nil {
			return c.failed(ctx, cmd, "", err)
		}
		switch name = strings.ToUpper(name); name {
		case "UTF8=ACCEPT":
			c.utf8 = true
			enabled = append(enabled, name)
		case "CONDSTORE":
			c.enableCondstore()
			enabled = append(enabled, name)
		case "QRESYNC":
			c.enableQResync()
			enabled = append(enabled, name)
		}
	}
	if len(enabled) > 0 || c.w.enabledNone {
		c.out.str(strings.TrimSpace("* ENABLED " + strings.Join(enabled, " ")))
		c.out.crlf()
	}
	return c.w.completed(cmd.name)
}

// enableCondstore: from now on FETCH responses that nobody asked for tell MODSEQ (RFC 7162, section 3.1).
func (c *conn) enableCondstore() {
	if c.condstore {
		return
	}
	c.condstore = true
	if c.box != nil {
		c.box.modSeqs = true
		c.out.printf("* OK [HIGHESTMODSEQ %d] Highest\r\n", c.box.at.modSeq)
	}
}

func (c account) namespace(_ context.Context, cmd *command) reply {
	c.out.str(`* NAMESPACE (("` + c.w.prefix + `" "` + c.w.sep + `")) NIL NIL` + "\r\n")
	return c.w.completed(cmd.name)
}
