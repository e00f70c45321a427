package pop3

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"maillab/internal/mail"
)

// memory is a Backend for tests: accounts with a password and a mailbox that commits really change.
type memory struct {
	mu       sync.Mutex
	password map[string]string
	mail     map[string][]letter
	inUse    map[string]bool
	closed   int // how often a maildrop was closed

	loginErr, openErr, readErr, commitErr error
}

// letter is a message as it is on the wire.
type letter struct{ text, uidl string }

// newMemory holds util1 with mail from files, and util2 with none.
func newMemory(t testing.TB, uidl func(i int) string, files ...string) *memory {
	t.Helper()
	m := &memory{
		password: map[string]string{"util1": "master2021", "util2": "deux mots", "util3": " deux  mots "},
		mail:     map[string][]letter{},
		inUse:    map[string]bool{},
	}
	for i, name := range files {
		raw, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		m.put("util1", strings.ReplaceAll(string(raw), "\n", "\r\n"), uidl(i+1))
	}
	return m
}

func (m *memory) put(account, text, uidl string) {
	m.mail[account] = append(m.mail[account], letter{text, uidl})
}

// uidls of an account's mailbox, as it is now.
func (m *memory) uidls(account string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var us []string
	for _, l := range m.mail[account] {
		us = append(us, l.uidl)
	}
	return us
}

func (m *memory) Login(ctx context.Context, user, password string, peer mail.Peer) (string, Maildrop, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	account, _, _ := strings.Cut(user, "@")
	switch {
	case m.loginErr != nil:
		return "", nil, m.loginErr
	case m.password[account] == "" || m.password[account] != password:
		return "", nil, fmt.Errorf("%s from %s: %w", user, peer.Host(), mail.ErrRejected)
	case m.inUse[account]:
		return "", nil, fmt.Errorf("%s: %w", account, mail.ErrInUse)
	}
	m.inUse[account] = true
	return account, &memoryDrop{m: m, account: account, letters: slices.Clone(m.mail[account])}, nil
}

type memoryDrop struct {
	m       *memory
	account string
	letters []letter
}

func (d *memoryDrop) Messages() []Message {
	var ms []Message
	for _, l := range d.letters {
		ms = append(ms, Message{Size: int64(len(l.text)), UIDL: l.uidl})
	}
	return ms
}

func (d *memoryDrop) Open(_ context.Context, i int) (io.ReadCloser, error) {
	if d.m.openErr != nil {
		return nil, d.m.openErr
	}
	var r io.Reader = strings.NewReader(d.letters[i].text)
	if d.m.readErr != nil {
		r = io.MultiReader(r, failing{d.m.readErr})
	}
	return io.NopCloser(r), nil
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func (d *memoryDrop) Commit(_ context.Context, deleted []int) error {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	if d.m.commitErr != nil {
		return d.m.commitErr
	}
	for _, i := range deleted {
		d.m.mail[d.account] = slices.DeleteFunc(d.m.mail[d.account], func(l letter) bool { return l == d.letters[i] })
	}
	return nil
}

func (d *memoryDrop) Close() error {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	d.m.inUse[d.account] = false
	d.m.closed++
	return nil
}

// journal is a Log and a Recorder that keeps what it is told.
type journal struct {
	mu     sync.Mutex
	lines  []string
	closed chan struct{}
}

func newJournal() *journal { return &journal{closed: make(chan struct{})} }

func (j *journal) add(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, fmt.Sprintf(format, args...))
}

func (j *journal) text() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.lines)
}

func (j *journal) Client(line string)  { j.add("C: %s", line) }
func (j *journal) Server(line string)  { j.add("S: %s", line) }
func (j *journal) Data(n int)          { j.add("data %d", n) }
func (j *journal) Account(name string) { j.add("account %s", name) }
func (j *journal) Close()              { close(j.closed) }

// events is a Log.
type events struct {
	journal
	secure atomic.Bool // of the connection that goes on
}

func (e *events) Secure() { e.secure.Store(true) }
func (e *events) Login(user, method string) {
	e.add("login %s %s tls=%v", user, method, e.secure.Load())
}
func (e *events) LoginFailed(user, method string) { e.add("failed %s %s", user, method) }
func (e *events) Disconnect(n Counts) {
	e.add("%s %q retr=%d/%d top=%d/%d del=%d/%d size=%d", n.Ending, n.Account,
		n.Retr, n.RetrBytes, n.Top, n.TopBytes, n.Deleted, n.Messages, n.Size)
}

// witness has one connection after the other taken down by j and logged by e; nil is nobody.
func witness(j *journal, e *events) func(net.Conn) (mail.Recorder, Log) {
	return func(net.Conn) (rec mail.Recorder, log Log) {
		if j != nil {
			rec = j
		}
		if e != nil {
			e.secure.Store(false)
			log = e
		}
		return rec, log
	}
}

// start serves one connection over a pipe and returns the client's end. The server is waited for when the test ends.
func start(t testing.TB, cfg Config, b Backend) net.Conn {
	t.Helper()
	client, server := net.Pipe()
	serve(t, context.Background(), cfg, b, server)
	t.Cleanup(func() { client.Close() })
	return client
}

func serve(t testing.TB, ctx context.Context, cfg Config, b Backend, conn net.Conn) {
	t.Helper()
	if cfg.Wording == "" {
		cfg.Wording = Courier
	}
	s, err := New(cfg, b)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.ServeConn(ctx, conn)
	}()
	t.Cleanup(func() { conn.Close(); <-done })
}

// listen serves every connection to a loopback port until the test ends, for real clients.
func listen(t testing.TB, cfg Config, b Backend) *net.TCPAddr {
	t.Helper()
	s, err := New(cfg, b)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { s.ServeConn(ctx, conn) })
		}
	})
	t.Cleanup(func() { l.Close(); cancel(); wg.Wait() })
	return l.Addr().(*net.TCPAddr)
}

// longMail is a message of so many body lines, each starting with a dot.
func longMail(lines int) string {
	var b bytes.Buffer
	b.WriteString("Subject: big\r\n\r\n")
	for range lines {
		b.WriteString(".0123456789 a line of a long message that begins with a dot, 72 octets\r\n")
	}
	return b.String()
}
