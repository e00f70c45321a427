package pop3

import (
	"context"
	"fmt"

	"maillab/internal/mail"
)

// transaction serves a command in the TRANSACTION state (RFC 1939 §5).
func (c *session) transaction(ctx context.Context, cmd command) {
	switch cmd.verb {
	case "STAT":
		c.cmdStat()
	case "LIST":
		c.cmdList(cmd)
	case "UIDL":
		c.cmdUidl(cmd)
	case "RETR":
		c.cmdRetr(ctx, cmd)
	case "TOP":
		c.cmdTop(ctx, cmd)
	case "DELE":
		c.cmdDele(cmd)
	case "RSET":
		clear(c.gone)
		c.ok(c.words.reset)
	case "NOOP":
		c.ok(c.words.noop)
	case "CAPA":
		c.cmdCapa()
	case "QUIT":
		c.cmdQuit(ctx)
	default:
		c.fail(c.words.unknown(printable(cmd.typed)))
	}
}

func (c *session) cmdStat() {
	count, size := c.kept()
	c.ok(fmt.Sprintf("%d %d", count, size))
}

// kept counts the messages that are not marked, and their octets.
func (c *session) kept() (count int, size int64) {
	for i, m := range c.messages {
		if !c.gone[i] {
			count++
			size += m.Size
		}
	}
	return count, size
}

func (c *session) cmdList(cmd command) {
	count, _ := c.kept()
	c.listing(cmd, c.words.scan(count), func(i int) string {
		return fmt.Sprintf("%d %d", i+1, c.messages[i].Size)
	})
}

func (c *session) cmdUidl(cmd command) {
	c.listing(cmd, "", func(i int) string {
		return fmt.Sprintf("%d %s", i+1, c.messages[i].UIDL)
	})
}

// listing answers with one message's entry, or all of those that are not marked.
func (c *session) listing(cmd command, head string, entry func(i int) string) {
	if cmd.args != "" {
		if i, ok := c.message(cmd.args); ok {
			c.ok(entry(i))
		}
		return
	}
	c.ok(head)
	for i := range c.messages {
		if !c.gone[i] {
			c.line(entry(i))
		}
	}
	c.line(".")
}

func (c *session) cmdDele(cmd command) {
	if i, ok := c.message(cmd.args); ok {
		c.gone[i] = true
		c.ok(c.words.deleted)
	}
}

// message finds the one whose number is all of arg, or answers what is wrong with it.
func (c *session) message(arg string) (i int, ok bool) {
	i, rest, ok := c.leadingMessage(arg)
	if ok && rest != "" && c.words.strict {
		c.fail(c.words.noise(printable(rest)))
		return 0, false
	}
	return i, ok
}

// leadingMessage finds the message whose number arg begins with, and returns what follows the number.
func (c *session) leadingMessage(arg string) (i int, rest string, ok bool) {
	n, rest, isNumber := number(arg)
	switch {
	case !isNumber:
		c.fail(c.words.noNumber(printable(arg)))
	case n == 0 || n > len(c.messages):
		c.fail(c.words.noMessage(arg[:len(arg)-len(rest)]))
	case c.gone[n-1]:
		c.fail(c.words.isDeleted)
	default:
		return n - 1, rest, true
	}
	return 0, "", false
}

// cmdQuit is the UPDATE state (RFC 1939 §6): only here messages are removed.
func (c *session) cmdQuit(ctx context.Context) {
	c.n.Ending = mail.LoggedOut
	var deleted []int
	for i, gone := range c.gone {
		if gone {
			deleted = append(deleted, i)
		}
	}
	var err error
	if len(deleted) > 0 {
		err = c.drop.Commit(ctx, deleted)
	}
	c.letGo() // before the answer: who has it may log in again at once
	switch {
	case err != nil:
		c.cfg.Slog.Error("pop3: messages not removed", "account", c.n.Account, "err", err)
		c.fail(sayUnsaved)
	case len(deleted) > 0:
		c.n.Deleted = len(deleted)
		c.ok(c.words.byeDeleting)
	default:
		c.ok(c.words.bye)
	}
}
