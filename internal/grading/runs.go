package grading

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"maillab/internal/check"
	"maillab/internal/lab/task"
	"maillab/internal/mail"
	"maillab/internal/mail/mbox"
	"maillab/internal/mail/queue"
	"maillab/internal/script"
)

// Students are the accounts' files and programs: broker.Client in a sandbox; there are none where there is no system.
type Students interface {
	// Read opens a regular file of an account's own.
	Read(ctx context.Context, account, path string) (*os.File, error)
	// Script starts package script's helper for an account.
	Script(ctx context.Context, account string) (net.Conn, error)
}

// addSystem adds what only a sandbox with system accounts has.
func (g *Grading) addSystem(e *check.Evidence) {
	if g.cfg.Students != nil {
		e.Files, e.Runs = studentFiles{g.cfg.Students}, runs{g}
	}
}

// studentFiles are check.Files.
type studentFiles struct{ students Students }

// File implements check.Files.
func (s studentFiles) File(ctx context.Context, account, path string) (check.File, error) {
	f, err := s.students.Read(ctx, account, path)
	if err != nil {
		return check.File{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return check.File{}, err
	}
	text, err := io.ReadAll(io.LimitReader(f, check.MaxFile+1))
	if len(text) > check.MaxFile {
		return check.File{TooBig: true}, err
	}
	return check.File{Text: text, Executable: info.Mode()&0o100 != 0}, err
}

// runs are check.Runs.
type runs struct{ g *Grading }

// Run implements check.Runs.
func (r runs) Run(ctx context.Context, q check.Request) (check.Outcome, error) {
	conn, err := r.g.cfg.Students.Script(ctx, q.Account)
	if err != nil {
		return check.Outcome{}, err
	}
	stop := make(chan struct{})
	if q.During != nil {
		within, cancel := context.WithTimeout(ctx, q.Time)
		during := make(chan struct{})
		go func() {
			defer close(during)
			defer close(stop)
			q.During(within)
		}()
		defer func() { cancel(); <-during }()
	}
	limits := r.g.cfg.Spec.Limits
	out, err := script.Do(ctx, conn, script.Request{Script: q.Script, Args: q.Args, Stdin: q.Stdin, Terminal: q.Terminal, Files: q.Files, Time: q.Time,
		Limits: script.Limits{Processes: limits.Processes, FileBytes: limits.SpoolBytes}}, stop)
	return check.Outcome{Output: out.Output, Cut: out.Cut, Exit: out.Exit, TimedOut: out.TimedOut, Took: out.Took}, err
}

// Listens implements check.Runs.
func (r runs) Listens(_ context.Context, account, port string) (bool, error) {
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return false, fmt.Errorf("port %q: %w", port, err)
	}
	uid, ok := queue.ListenerOwner(net.JoinHostPort("127.0.0.1", port))
	return ok && uid == r.g.cfg.UID(account), nil
}

// Send implements check.Runs.
func (r runs) Send(ctx context.Context, run string, accounts []string, m task.Message) error {
	to := r.g.cfg.Post.Complete(m.To)
	if !r.own(to, accounts) {
		return fmt.Errorf("%s is no address of %s's own: nothing is sent there", to, accounts[0])
	}
	e := &mail.Envelope{ID: r.g.cfg.Post.NewID(), ClientName: "localhost", ClientAddr: "127.0.0.1", Helo: "localhost", Protocol: "SMTP", Spared: true,
		Sender: mail.Address{Typed: cmp.Or(m.From, accounts[0])}, Arrived: r.g.cfg.Now(),
		Recipients: []mail.Recipient{{Address: mail.Address{Typed: m.To, Full: to}}}}
	r.g.cfg.Fixtures.add(e.ID, run)
	text := fmt.Sprintf("From: %s\nTo: %s\nSubject: %s\nX-Maillab-Check: %s\n\n%s\n", e.Sender.Typed, m.To, m.Subject, run, m.Body)
	if err := r.g.cfg.Post.Accept(ctx, e, strings.NewReader(text)); err != nil {
		return err
	}
	return nil
}

// own says whether mail for an address stays with these accounts: in their mailboxes, or at a listener of theirs.
func (r runs) own(address string, accounts []string) bool {
	s := r.g.cfg.Spec
	address = strings.ToLower(address)
	for _, route := range s.Routes {
		if route.To == address {
			return slices.Contains(accounts, route.Account)
		}
	}
	local, domain, _ := strings.Cut(address, "@")
	if account, ok := s.Aliases[local]; ok {
		local = account
	}
	return slices.Contains(accounts, local) && slices.Contains(s.Locals, domain)
}

// Clean implements check.Runs.
func (r runs) Clean(ctx context.Context, run string, accounts []string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	errs := []error{r.unqueue(r.g.cfg.Fixtures.remove(run))}
	for _, account := range accounts {
		errs = append(errs, r.cleanBox(ctx, run, account))
	}
	return errors.Join(errs...)
}

// unqueue throws away mail of a check that is waiting still, because a student's server did not take it: it would come
// when the student tries the server next.
func (r runs) unqueue(ids []string) error {
	waits := slices.ContainsFunc(r.g.cfg.Post.List(), func(i queue.Item) bool { return slices.Contains(ids, i.Name) })
	if !waits {
		return nil
	}
	return r.g.cfg.Unqueue(func(e *mail.Envelope) bool { return slices.Contains(ids, e.Name()) })
}

func (r runs) cleanBox(ctx context.Context, run, account string) error {
	box, err := r.g.cfg.Spool.Mailbox(ctx, account, mbox.Inbox)
	if err != nil {
		return err
	}
	defer box.Close()
	var uids []uint32
	for _, m := range box.Snapshot().Messages {
		text, err := readMessage(box, m.UID)
		if err == nil && bytes.Contains(text, []byte(run)) {
			uids = append(uids, m.UID)
		}
	}
	if len(uids) == 0 {
		return nil
	}
	_, err = box.Expunge(ctx, uids)
	return err
}

// Fixtures are the queue IDs of mail that a check sends, with that check's name: it is no evidence of a student's work.
type Fixtures struct {
	mu  sync.Mutex
	ids map[string]string
}

// NewFixtures has none.
func NewFixtures() *Fixtures { return &Fixtures{ids: map[string]string{}} }

// Of is the check that sent a message, "" for any other one.
func (f *Fixtures) Of(id string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ids[id]
}

func (f *Fixtures) add(id, check string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ids[id] = check
}

// remove forgets a check's mail, and returns its queue IDs.
func (f *Fixtures) remove(check string) (ids []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, of := range f.ids {
		if of == check {
			ids = append(ids, id)
			delete(f.ids, id)
		}
	}
	return ids
}
