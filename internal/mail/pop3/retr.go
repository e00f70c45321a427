package pop3

import (
	"context"
	"errors"
	"fmt"
	"io"

	"maillab/internal/mail"
)

func (c *session) cmdRetr(ctx context.Context, cmd command) {
	i, ok := c.message(cmd.args)
	if !ok {
		return
	}
	if n, ok := c.send(ctx, i, c.words.retr(c.messages[i].Size), whole); ok {
		c.n.Retr++
		c.n.RetrBytes += n
	}
}

func (c *session) cmdTop(ctx context.Context, cmd command) {
	i, lines, ok := c.topArguments(cmd.args)
	if !ok {
		return
	}
	cut := func(r io.Reader) io.Reader { return &topReader{r: r, lines: lines} }
	if n, ok := c.send(ctx, i, c.words.top, cut); ok {
		c.n.Top++
		c.n.TopBytes += n
	}
}

// topArguments reads "message lines". Courier takes what is not a number for no lines; Dovecot says so.
func (c *session) topArguments(args string) (i, lines int, ok bool) {
	word, rest := cutWord(args)
	i, noise, ok := c.leadingMessage(word)
	if !ok {
		return 0, 0, false
	}
	lines, after, isNumber := number(rest)
	switch {
	case noise != "" && c.words.strict:
		c.fail(c.words.noise(printable(noise)))
	case rest == "":
		c.fail(c.words.topMissing)
	case c.words.strict && !isNumber:
		c.fail(c.words.noLines(printable(rest)))
	case c.words.strict && after != "":
		c.fail(c.words.afterLines(printable(after)))
	default:
		return i, lines, true
	}
	return 0, 0, false
}

func whole(r io.Reader) io.Reader { return r }

// send answers with a message, cut to what is wanted, and returns how many of its octets were sent. It holds one chunk
// of it at a time.
func (c *session) send(ctx context.Context, i int, head string, cut func(io.Reader) io.Reader) (int64, bool) {
	text, err := c.drop.Open(ctx, i)
	if err != nil {
		c.unopened(i, err)
		return 0, false
	}
	defer text.Close()
	c.ok(head)
	chunk := c.buffers.chunks.Get().(*[]byte)
	defer c.buffers.chunks.Put(chunk)

	body := &stuffer{w: &c.out}
	n, err := io.CopyBuffer(onlyWriter{body}, onlyReader{cut(text)}, *chunk)
	if err == nil {
		err = body.finish()
	}
	c.rec.Data(int(n))
	if err != nil {
		c.unsent(ctx, i, err)
		return 0, false
	}
	return n, true
}

// unopened answers for a message that cannot be had.
func (c *session) unopened(i int, err error) {
	if errors.Is(err, mail.ErrGone) {
		c.fail(sayGone)
		return
	}
	c.cfg.Slog.Error("pop3: message not opened", "account", c.n.Account, "message", i+1, "err", err)
	c.fail(sayUnread)
}

// unsent ends a session in the middle of a message: there is no word for it (RFC 1939 §3), and to end the reply would
// pass a torn message for a whole one.
func (c *session) unsent(ctx context.Context, i int, err error) {
	if c.out.err != nil {
		c.broke(ctx, c.out.err)
		return
	}
	c.cfg.Slog.Error("pop3: message not read to its end", "account", c.n.Account, "message", i+1, "err", err)
	c.n.Ending = mail.Failed
	c.out.abandon(fmt.Errorf("message %d: %w", i+1, err))
}

// onlyReader and onlyWriter hide WriteTo and ReadFrom, so that io.CopyBuffer uses the chunk that it is given.
type (
	onlyReader struct{ io.Reader }
	onlyWriter struct{ io.Writer }
)
