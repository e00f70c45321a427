//go:build linux

package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"maillab/internal/handoff"
	"maillab/internal/mail"
)

// Client is maild's side. All methods may be called at once, as often as one likes; each waits for its own answer and
// gives up when its context ends (the operation may be carried out all the same, but nothing is left held by it).
type Client struct {
	conn  *net.UnixConn
	lists turns

	mu      sync.Mutex
	last    uint64
	waiting map[uint64]chan answer
	gone    error // set once, when the connection is over
}

// answer is a reply with what was attached to it.
type answer struct {
	reply reply
	file  *os.File
}

// NewClient speaks to labinit over conn, which it owns from now on.
func NewClient(conn *net.UnixConn) *Client {
	c := &Client{conn: conn, waiting: map[uint64]chan answer{}}
	go c.receive()
	return c
}

// Close ends the connection; what is waiting fails, and locks that are held are released.
func (c *Client) Close() error { return c.conn.Close() }

// Open opens a user's box. flag takes an access mode, os.O_CREATE, os.O_EXCL, os.O_TRUNC and os.O_APPEND; the file is
// always opened without following links and without blocking. A missing folder's parents are made when it is created.
func (c *Client) Open(ctx context.Context, user, box string, flag int) (*os.File, error) {
	a, err := c.ask(ctx, request{Op: opOpen, User: user, Box: box, Flag: flag}, nil)
	if err != nil {
		return nil, err
	}
	if a.file == nil {
		return nil, fmt.Errorf("open %s %s: the answer holds no file", user, box)
	}
	return a.file, nil
}

// Remove removes a user's box, or an empty directory of folders.
func (c *Client) Remove(ctx context.Context, user, box string) error {
	_, err := c.ask(ctx, request{Op: opRemove, User: user, Box: box}, nil)
	return err
}

// Rename gives a user's box another name; what has that name already is replaced. Both lie in the same place: below the
// home, or both in the spool (NewInbox to Inbox).
func (c *Client) Rename(ctx context.Context, user, from, to string) error {
	_, err := c.ask(ctx, request{Op: opRename, User: user, Box: from, To: to}, nil)
	return err
}

// List lists what a user has below ~/mail, boxes and directories, sorted. Who has tens of thousands and asks for them
// over twenty connections must not fill labinit's queue: of each user one walk is under way, until it is over.
func (c *Client) List(ctx context.Context, user string) ([]mail.File, error) {
	done, err := c.lists.take(ctx, user)
	if err != nil {
		return nil, err
	}
	defer done()
	body, err := c.read(context.WithoutCancel(ctx), request{Op: opList, User: user})
	if err != nil {
		return nil, err
	}
	var files []mail.File
	if err := json.Unmarshal(body, &files); err != nil {
		return nil, fmt.Errorf("list %s: %w", user, err)
	}
	return files, nil
}

// Mkdir makes a directory for boxes below ~/mail, and those that it is in.
func (c *Client) Mkdir(ctx context.Context, user, box string) error {
	_, err := c.ask(ctx, request{Op: opMkdir, User: user, Box: box}, nil)
	return err
}

// Lock takes the dotlock of a user's box in one try; the error is ErrLocked when somebody else has it. A lock is broken
// when it is older than five minutes, or when the process that it names is gone.
func (c *Client) Lock(ctx context.Context, user, box string) (unlock func(), err error) {
	a, err := c.ask(ctx, request{Op: opLock, User: user, Box: box}, nil)
	if err != nil {
		return nil, err
	}
	return sync.OnceFunc(func() { c.unlock(a.reply.Lock) }), nil
}

// unlock does not wait longer than a moment: a lock is also released when the connection ends.
func (c *Client) unlock(lock uint64) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, _ = c.ask(ctx, request{Op: opUnlock, Lock: lock}, nil)
}

// Configure hands a new spec (a spec.Sandbox as JSON; keys that it does not know are kept) to the supervisor, which
// checks it, keeps it, applies it, answers, and then ends this process with SIGTERM to start it anew with the new spec.
func (c *Client) Configure(ctx context.Context, specJSON []byte) error {
	body, err := bodyFile(specJSON)
	if err != nil {
		return fmt.Errorf("configure: %w", err)
	}
	defer body.Close()
	_, err = c.ask(ctx, request{Op: opConfigure}, body)
	return err
}

// Authorize lets an SSH public key (one line, as in an authorized_keys file without options) into an account for ttl.
func (c *Client) Authorize(ctx context.Context, account, publicKey string, ttl time.Duration) error {
	_, err := c.ask(ctx, request{Op: opAuthorize, User: account, Key: publicKey, TTL: ttl.Milliseconds()}, nil)
	return err
}

// HostKey is the sandbox's SSH host key, one line: "ssh-ed25519 AAAA…".
func (c *Client) HostKey(ctx context.Context) (string, error) {
	a, err := c.ask(ctx, request{Op: opHostKey}, nil)
	return a.reply.Text, err
}

// Stamp is a text that is another one when anything was changed in the accounts' files or passwords.
func (c *Client) Stamp(ctx context.Context) (string, error) {
	a, err := c.ask(ctx, request{Op: opStamp}, nil)
	return a.reply.Text, err
}

// Moving tells who has a terminal that the sandbox goes to another machine.
func (c *Client) Moving(ctx context.Context) error {
	_, err := c.ask(ctx, request{Op: opMoving}, nil)
	return err
}

// Spec is the spec in force as JSON, without the accounts' password hashes; nil when there is none yet.
func (c *Client) Spec(ctx context.Context) ([]byte, error) {
	body, err := c.read(ctx, request{Op: opSpec})
	if err != nil || len(body) == 0 {
		return nil, err
	}
	return body, nil
}

// read asks for something that comes as an attached file.
func (c *Client) read(ctx context.Context, req request) ([]byte, error) {
	a, err := c.ask(ctx, req, nil)
	if err != nil {
		return nil, err
	}
	if a.file == nil {
		return nil, fmt.Errorf("%s %s: the answer holds no file", req.Op, req.User)
	}
	defer a.file.Close()
	return readBody(a.file)
}

// ask sends one request and waits for its answer.
func (c *Client) ask(ctx context.Context, req request, body *os.File) (answer, error) {
	if err := ctx.Err(); err != nil {
		return answer{}, fmt.Errorf("%s %s %s: %w", req.Op, req.User, req.Box, err)
	}
	wait := make(chan answer, 1)
	id, err := c.enlist(wait)
	if err != nil {
		return answer{}, err
	}
	req.ID = id
	if err := handoff.Send(c.conn, req, body); err != nil {
		c.delist(id)
		return answer{}, fmt.Errorf("%s %s %s: %w", req.Op, req.User, req.Box, err)
	}
	select {
	case a, ok := <-wait:
		if !ok {
			return answer{}, c.over()
		}
		if err := a.reply.err(req); err != nil {
			a.drop()
			return answer{}, err
		}
		return a, nil
	case <-ctx.Done():
		if !c.delist(id) { // it came after all, just now
			c.orphan(<-wait)
		}
		return answer{}, fmt.Errorf("%s %s %s: %w", req.Op, req.User, req.Box, ctx.Err())
	}
}

func (c *Client) enlist(wait chan answer) (uint64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone != nil {
		return 0, c.gone
	}
	c.last++
	c.waiting[c.last] = wait
	return c.last, nil
}

// delist tells whether id was still waiting.
func (c *Client) delist(id uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.waiting[id]
	delete(c.waiting, id)
	return ok
}

func (c *Client) over() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.gone
}

// receive hands each answer to whoever waits for it, until the connection ends.
func (c *Client) receive() {
	buffer := make([]byte, handoff.MaxPacket+1)
	for {
		packet, file, err := handoff.Receive(c.conn, buffer)
		if err != nil {
			c.end(fmt.Errorf("broker: %w", err))
			return
		}
		r, err := parseReply(packet)
		if err != nil {
			closeFile(file)
			c.end(fmt.Errorf("broker: %w", err))
			return
		}
		c.deliver(answer{r, file})
	}
}

func (c *Client) deliver(a answer) {
	c.mu.Lock()
	wait, ok := c.waiting[a.reply.ID]
	delete(c.waiting, a.reply.ID)
	c.mu.Unlock()
	if !ok {
		c.orphan(a)
		return
	}
	wait <- a
}

// orphan lets go of what nobody waits for any more. The lock is released in the background: this may run in receive,
// which must go on to read the answer.
func (c *Client) orphan(a answer) {
	a.drop()
	if a.reply.Lock != 0 {
		go c.unlock(a.reply.Lock)
	}
}

func (c *Client) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone = err; errors.Is(err, net.ErrClosed) {
		c.gone = fmt.Errorf("broker: %w", net.ErrClosed)
	}
	for id, wait := range c.waiting {
		close(wait)
		delete(c.waiting, id)
	}
	_ = c.conn.Close()
}

func (a answer) drop() { closeFile(a.file) }

func closeFile(f *os.File) {
	if f != nil {
		_ = f.Close()
	}
}
