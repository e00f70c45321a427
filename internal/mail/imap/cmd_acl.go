package imap

import (
	"context"

	"maillab/internal/mail/imap/syntax"
)

// myACL are the rights of a mailbox's owner as RFC 2086 spells them; nobody else has any.
const myACL = "acdilrsw"

// aclBox takes a mailbox that must be there, and writes the response's beginning.
func (c account) aclBox(ctx context.Context, cmd *command, more bool) (identifier string, err error) {
	name, wire, nameErr := c.mailbox(cmd.p)
	if syntax.IsError(nameErr) {
		return "", nameErr
	}
	if more {
		if err := cmd.p.Space(); err != nil {
			return "", err
		}
		if identifier, err = cmd.p.AString(); err != nil {
			return "", err
		}
	}
	if err := cmd.p.End(); err != nil {
		return "", err
	}
	if nameErr != nil {
		return "", nameErr
	}
	if _, _, err := c.snapshot(ctx, name); err != nil {
		return "", err
	}
	word := map[string]string{"GETACL": "ACL"}[cmd.name]
	if word == "" {
		word = cmd.name
	}
	c.out.str("* " + word + " ")
	c.writeName(wire)
	c.out.byte(' ')
	return identifier, nil
}

func (c account) myRights(ctx context.Context, cmd *command) reply {
	if _, err := c.aclBox(ctx, cmd, false); err != nil {
		return c.failed(ctx, cmd, "", err)
	}
	c.writeName(myACL)
	c.out.crlf()
	return c.w.completed(cmd.name)
}

func (c account) getACL(ctx context.Context, cmd *command) reply {
	if _, err := c.aclBox(ctx, cmd, false); err != nil {
		return c.failed(ctx, cmd, "", err)
	}
	c.writeName(c.user.Name())
	c.out.byte(' ')
	c.writeName(myACL)
	c.out.crlf()
	return c.w.completed(cmd.name)
}

// listRights: the owner's cannot be taken away, and nobody else's can be given.
func (c account) listRights(ctx context.Context, cmd *command) reply {
	identifier, err := c.aclBox(ctx, cmd, true)
	if err != nil {
		return c.failed(ctx, cmd, "", err)
	}
	c.writeName(identifier)
	rights := `""`
	if identifier == c.user.Name() {
		rights = myACL
	}
	c.out.str(" " + rights + "\r\n")
	return c.w.completed(cmd.name)
}

// setACL is SETACL and DELETEACL: mailboxes are their owners' alone.
func (c account) setACL(context.Context, *command) reply { return no("NOPERM", "Permission denied.") }
