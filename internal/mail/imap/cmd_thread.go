package imap

import (
	"context"

	"maillab/internal/mail/imap/order"
)

// thread is THREAD and UID THREAD (RFC 5256).
func (c viewer) thread(ctx context.Context, cmd *command) reply {
	algorithm, key, err := cmd.p.Thread()
	if err != nil {
		return c.searchFailed(ctx, cmd, err)
	}
	build := order.References
	if algorithm == "ORDEREDSUBJECT" {
		build = order.OrderedSubject
	}
	entries, err := c.entries(ctx, key)
	if err != nil {
		return c.failed(ctx, cmd, c.box.name, err)
	}
	c.out.str("* THREAD")
	for i, n := range build(entries) {
		if i == 0 {
			c.out.byte(' ')
		}
		c.out.byte('(')
		c.writeThread(n, cmd.uid)
		c.out.byte(')')
	}
	c.out.crlf()
	return c.w.completed(cmd.name)
}

// writeThread writes a message and what hangs on it: an only child stands beside it, several in parentheses.
func (c viewer) writeThread(n *order.Node, uid bool) {
	for first := true; ; first = false {
		if n.Entry != nil {
			if !first {
				c.out.byte(' ')
			}
			c.out.num(uint64(c.numbers([]int{n.Entry.Index}, uid)[0]))
		}
		if len(n.Children) != 1 {
			break
		}
		n = n.Children[0]
	}
	if len(n.Children) > 0 && n.Entry != nil {
		c.out.byte(' ')
	}
	for _, child := range n.Children {
		c.out.byte('(')
		c.writeThread(child, uid)
		c.out.byte(')')
	}
}
