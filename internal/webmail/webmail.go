// Package webmail is a student's mailbox in a browser: an IMAP client and an SMTP client, whose screen is pages of HTML.
//
// It promises: it has no more rights than the passwords that it was given, for each account is logged into by IMAP as a mail
// program would; whatever a message is made of, it is shown as text, or as HTML that can neither run nor load anything; no
// message makes a page fail; a message of any size takes bounded memory; what is sent once is sent once.
//
// It has no HTTP server, no session and no frame of its own: package web has those, and mounts Pages. All pages lie side by
// side with web's, and their links are relative. They work without scripts.
package webmail

import (
	"context"
	"html/template"
	"net"
	"net/http"
	"sync"
	"time"
)

// Config is whose mail it is, and how it is reached.
type Config struct {
	Domain   string   // completes an address that has none
	Accounts []string // the student's own; the first has logged in
	Password string   // of the first
	Services []string // of the sandbox: imap, smtp
	// Dial connects to one of them, for the browser whose session this is.
	Dial func(ctx context.Context, service string) (net.Conn, error)
	Now  func() time.Time // nil is time.Now
}

// Mail is one browser session's mail. Make it with New; Close ends its connections.
type Mail struct {
	cfg    Config
	outbox outbox

	mu       sync.Mutex
	accounts map[string]*opened // whose passwords are known
	closed   bool
}

// New makes one. It connects when the first page is asked for.
func New(cfg Config) *Mail {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	m := &Mail{cfg: cfg, accounts: map[string]*opened{}}
	if len(cfg.Accounts) > 0 {
		m.accounts[cfg.Accounts[0]] = m.opening(cfg.Accounts[0], cfg.Password)
	}
	return m
}

// Close ends all connections. Requests that are under way fail.
func (m *Mail) Close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	for _, o := range m.accounts {
		o.close()
	}
}

// Visit is one request of a session's browser.
type Visit struct {
	W     http.ResponseWriter
	R     *http.Request
	Lang  string // fr, en
	Token string // goes into each form, as the field "token"; who mounts the pages looks at it
	// Show answers with content in the frame that all pages have.
	Show func(status int, title string, content template.HTML)
}

// Page answers a visit.
type Page func(*Mail, *Visit)

// Pages are the pages by pattern, as http.ServeMux reads them.
func Pages() map[string]Page {
	return map[string]Page{
		"GET /mail":         (*Mail).list,
		"GET /mail-message": (*Mail).message,
		"GET /mail-source":  (*Mail).source,
		"GET /mail-whole":   (*Mail).whole,
		"GET /mail-part":    (*Mail).part,
		"GET /mail-html":    (*Mail).html,
		"GET /mail-write":   (*Mail).write,
		"POST /mail-send":   (*Mail).send,
		"POST /mail-do":     (*Mail).do,
		"POST /mail-open":   (*Mail).open,
	}
}

// MaxForm bounds the form of a letter with its files, in octets.
const MaxForm = maxEnclosed + 9*maxText + 64<<10 // a character of a form that is not a multipart takes nine

// to sends the browser to one of our pages. The path is relative, which http.Redirect does not leave it.
func (v *Visit) to(page string) {
	v.W.Header().Set("Location", page)
	v.W.WriteHeader(http.StatusSeeOther)
}
