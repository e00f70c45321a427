package webmail

import (
	"context"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"maillab/internal/mail/imap/entity"
)

// maxAccounts bounds whose mail one session reads.
const maxAccounts = 8

// patience bounds what a page waits for, all in all; a download may take longer.
const patience = 30 * time.Second

// Name is what the webmail calls itself: to the server (ID, RFC 2971, and EHLO) and in what it writes (User-Agent). By this a
// task tells it from a mail program (docs/lab-authors.md).
const Name = "maillab-webmail"

// dialer logs into an account.
func (m *Mail) dialer(account, password string) func(ctx context.Context) (*line, error) {
	return func(ctx context.Context) (*line, error) {
		conn, err := m.cfg.Dial(ctx, "imap")
		if err != nil {
			return nil, err
		}
		c := &line{Client: imapclient.New(conn, &imapclient.Options{WordDecoder: &mime.WordDecoder{CharsetReader: anyCharset}})}
		stop := context.AfterFunc(ctx, func() { _ = c.Close() })
		err = c.enter(account, password)
		if whole := stop(); whole && err == nil {
			return c, nil
		}
		_ = c.Close()
		return nil, errors.Join(err, ctx.Err())
	}
}

// anyCharset reads every character set, those that nobody knows as UTF-8.
func anyCharset(charset string, in io.Reader) (io.Reader, error) {
	return entity.Text(charset, in), nil
}

// enter logs in and asks where the account's folders are.
func (c *line) enter(account, password string) error {
	err := c.Login(account, password).Wait()
	var refused *imap.Error
	if errors.As(err, &refused) && refused.Code != imap.ResponseCodeUnavailable {
		return problem{key: "password"}
	}
	if err != nil {
		return err
	}
	caps := c.Caps()
	if caps.Has(imap.CapID) {
		if _, err := c.ID(&imap.IDData{Name: Name}).Wait(); err != nil {
			return err
		}
	}
	if !caps.Has(imap.CapNamespace) {
		return nil
	}
	spaces, err := c.Namespace().Wait()
	if err == nil && len(spaces.Personal) > 0 {
		c.prefix, c.sep = spaces.Personal[0].Prefix, spaces.Personal[0].Delim
	}
	return err
}

// opened is an account whose password is known.
type opened struct {
	*lines
	password string
}

func (m *Mail) opening(name, password string) *opened {
	return &opened{newLines(m.dialer(name, password)), password}
}

// account is one of those that a page offers.
type account struct {
	Name   string
	Opened bool // its password is known
	Here   bool
}

// maxOffered is how many of a student's accounts are offered whose passwords are not known: in an isolated sandbox all are the
// student's, and the first are those that the exercises are about.
const maxOffered = 3

// offered are the accounts that were opened, and the first others of the student's own; more are what else there is.
func (m *Mail) offered(here string) (all []account, more []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	shown := m.cfg.Accounts[:min(len(m.cfg.Accounts), maxOffered)]
	names := slices.Clone(shown)
	for _, name := range slices.Sorted(maps.Keys(m.accounts)) {
		if !slices.Contains(shown, name) {
			names = append(names, name)
		}
	}
	for _, name := range names {
		all = append(all, account{name, m.accounts[name] != nil, name == here})
	}
	for _, name := range m.cfg.Accounts {
		if !slices.Contains(names, name) {
			more = append(more, name)
		}
	}
	return all, more
}

// opened is an account; nil: its password is not known.
func (m *Mail) opened(name string) *opened {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.accounts[name]
}

// account is whom a request is about.
func (m *Mail) account(r *http.Request) string {
	if name := r.FormValue("acct"); name != "" || len(m.cfg.Accounts) == 0 {
		return name
	}
	return m.cfg.Accounts[0]
}

// open logs into another account of the sandbox: its password is asked for, and verified there.
func (m *Mail) open(v *Visit) {
	name, password := strings.TrimSpace(v.R.PostFormValue("acct")), v.R.PostFormValue("password")
	if err := m.unlock(v.R.Context(), name, password); err != nil {
		m.askPassword(v, name, err)
		return
	}
	v.to(link("mail", place{Account: name}))
}

func (m *Mail) unlock(ctx context.Context, name, password string) error {
	if !m.serves("imap") {
		return problem{key: "noimap"}
	}
	if name == "" || strings.ContainsFunc(name+password, isControl) {
		return problem{key: "password"}
	}
	o := m.opening(name, password)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := o.do(ctx, func(*line) error { return nil }); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	before := m.accounts[name]
	if before == nil && len(m.accounts) >= maxAccounts || m.closed {
		o.close()
		return problem{key: "accounts"}
	}
	if before != nil { // with the password from before
		before.close()
	}
	m.accounts[name] = o
	return nil
}

// askPassword shows the form that opens an account.
func (m *Mail) askPassword(v *Visit, name string, why error) {
	status := http.StatusOK
	if why != nil {
		status = http.StatusUnauthorized
	}
	v.show(status, say(v.Lang, "account.open", name), "open", openPage{
		frame: m.frame(v, place{Account: name}), Problem: explain(v.Lang, why)})
}

// openPage asks for a password.
type openPage struct {
	frame
	Problem string
}

func (m *Mail) serves(service string) bool { return slices.Contains(m.cfg.Services, service) }

func isControl(r rune) bool { return r < ' ' || r == 0x7f }
