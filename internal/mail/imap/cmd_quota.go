package imap

import "context"

// quotaArgs takes one string as the only argument.
func (c account) quotaRoot(cmd *command) (string, error) {
	root, err := cmd.p.AString()
	if err == nil {
		err = cmd.p.End()
	}
	return root, err
}

// getQuota is GETQUOTA (RFC 2087). There is one root, for all that a user has.
func (c account) getQuota(ctx context.Context, cmd *command) reply {
	root, err := c.quotaRoot(cmd)
	if err == nil && root != c.w.quota {
		return no("NONEXISTENT", "Quota root doesn't exist.")
	}
	if err == nil {
		err = c.tellQuota(ctx)
	}
	if err != nil {
		return c.failed(ctx, cmd, "", err)
	}
	return c.w.completed(cmd.name)
}

func (c account) getQuotaRoot(ctx context.Context, cmd *command) reply {
	wire, err := c.quotaRoot(cmd)
	if err == nil {
		_, err = c.fromWire(wire)
	}
	if err != nil {
		return c.failed(ctx, cmd, wire, err)
	}
	c.out.str("* QUOTAROOT ")
	c.writeName(wire)
	c.out.byte(' ')
	c.writeString(c.w.quota)
	c.out.crlf()
	if err := c.tellQuota(ctx); err != nil {
		return c.failed(ctx, cmd, wire, err)
	}
	return c.w.completed(cmd.name)
}

// tellQuota counts in units of 1024 octets (RFC 2087, section 3).
func (c account) tellQuota(ctx context.Context) error {
	used, limit, err := c.user.Quota(ctx)
	if err != nil {
		return err
	}
	c.out.str("* QUOTA ")
	c.writeString(c.w.quota)
	if limit == 0 {
		c.out.str(" ()\r\n")
		return nil
	}
	c.out.printf(" (STORAGE %d %d)\r\n", (used+1023)/1024, limit/1024)
	return nil
}

func (c account) setQuota(context.Context, *command) reply { return no("NOPERM", "Permission denied.") }
