// Package spec is what a sandbox is told to be: one student's (or, on a shared server, one class's) part of a lab,
// compiled, with nothing left to look up. The controller makes it from a lab and a class, sends it over the control
// port, and the sandbox keeps it on its volume as spec.json, so that it comes back by itself after a reboot.
//
// It is the only type that the lab side and the sandbox side share. It is JSON with stable names; Version is raised
// when an older sandbox could misread it.
package spec

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"maillab/internal/fault"
)

// Version is the format that this code writes and reads.
const Version = 1

// Sandbox is one mail server with its accounts.
type Sandbox struct {
	Version  int               `json:"version"`
	Lab      string            `json:"lab"`
	Instance string            `json:"instance"`
	Seat     int               `json:"seat"` // 0 is the shared sandbox
	Title    map[string]string `json:"title"`
	Lang     string            `json:"lang"` // of the sandbox as a whole; accounts may have their own

	Hostname string            `json:"hostname"` // full, as in Postfix's myhostname
	Domain   string            `json:"domain"`   // what completes a bare name, as in myorigin
	Locals   []string          `json:"locals"`   // every domain delivered here, lower case: domain, also, hostname, localhost
	Hosts    []string          `json:"hosts"`    // further names in /etc/hosts that mean this server
	Timezone string            `json:"timezone"`
	Aliases  map[string]string `json:"aliases"` // lower-case local part → account, in every local domain
	Accounts []Account         `json:"accounts"`

	Services Services `json:"services"`
	TLS      string   `json:"tls"` // "off" or "starttls"
	// Certificate is what the server shows at STARTTLS, PEM, its key before it. It is for the daemon and for nobody else; without
	// one the daemon makes its own.
	Certificate string    `json:"certificate,omitempty"`
	Outside     []Outside `json:"outside"`
	Routes      []Route   `json:"routes"`
	// Between is set in a lab between servers.
	Between *Between `json:"between,omitempty"`
	// Stoppable lets the student stop the mail server; between servers that is so anyway.
	Stoppable bool `json:"stoppable,omitempty"`
	// Faults go wrong on purpose, in all tasks; a task's own stand in Tasks.
	Faults []fault.Fault `json:"faults,omitempty"`

	Mail   []Mail `json:"mail"`  // in the spools at the start, in order
	Files  []File `json:"files"` // in the homes at the start
	Motd   string `json:"motd"`  // shown at login where the account has none
	Limits Limits `json:"limits"`

	// Sealed is the inputs' hash, set by Seal: what a sandbox reports as the spec in force.
	Sealed string `json:"sealed,omitempty"`

	// Statement is what students are to do, Markdown, by language.
	Statement map[string]string `json:"statement,omitempty"`

	// Tasks are the lab's checks, kept opaque here: the check package of both sides knows them.
	Tasks json.RawMessage `json:"tasks,omitempty"`
}

// Account is one system account. Its uid is the sandbox's uid base plus a number that it got when it first came, and keeps.
type Account struct {
	Name     string `json:"name"`
	Student  string `json:"student"`  // the roster key of whose it is
	FullName string `json:"fullName"` // gecos
	// Password is in clear only on its way through the controller: it is what the spec hash covers. PasswordHash
	// (crypt(3), yescrypt) is what is sent and kept. Exactly one of them is set.
	Password     string `json:"password,omitempty"`
	PasswordHash string `json:"passwordHash,omitempty"`
	Lang         string `json:"lang"` // fr or en
	Motd         string `json:"motd"`
}

// Services are the ones that run; nil is off.
type Services struct {
	SMTP *SMTP `json:"smtp,omitempty"`
	POP3 *POP3 `json:"pop3,omitempty"`
	IMAP *IMAP `json:"imap,omitempty"`
	SSH  *SSH  `json:"ssh,omitempty"`
}

// SMTP says how the daemon's port 25 behaves.
type SMTP struct {
	Auth   string `json:"auth"`   // none, optional, required
	Relay  string `json:"relay"`  // "reject", or host[:port] of the server that takes what is not local
	Banner string `json:"banner"` // what follows the host name in the 220 line
	BareLF string `json:"bareLF"` // accept or reject: whether LF.LF ends DATA
	// Verify says how senders are judged; nil: they are not.
	Verify *Verify `json:"verify,omitempty"`
	// Filter is a content filter between two passes of the queue; nil: there is none.
	Filter *Filter `json:"filter,omitempty"`
}

// Verify is what becomes of mail whose sender is not who it says; mark leaves it at headers.
type Verify struct {
	SPF   string `json:"spf"`   // reject or mark: what the envelope's domain says may not be sent
	DMARC string `json:"dmarc"` // obey or mark: what From's domain wants refused, or put aside
}

// Filter says how a content filter judges (see package filter).
type Filter struct {
	Tagged   float64 `json:"tagged"`
	Required float64 `json:"required"`
	Bayes    string  `json:"bayes"` // none, ham, spam
	// Spamd has the instance's SpamAssassin asked.
	Spamd bool `json:"spamd,omitempty"`
}

// POP3 says whose words port 110 uses.
type POP3 struct {
	Wording string `json:"wording"` // courier or dovecot
	Banner  string `json:"banner"`  // what follows +OK; empty: the wording's own
}

// IMAP says whose words and namespace port 143 uses.
type IMAP struct {
	Wording string `json:"wording"`
	Banner  string `json:"banner"` // what follows the capability list in the greeting
}

// SSH is port 22, the system's sshd.
type SSH struct{}

// Between says how a server belongs to those of the other students. Who they are is not here: the gateway knows, so that a
// class can grow under servers that stay as they are.
type Between struct {
	Parent  string `json:"parent"`  // the domain that all students' are in: "lab" of alice.lab
	Address string `json:"address"` // the server's own, as its neighbours see it
	Owner   string `json:"owner"`   // the account whose ~/zone is the domain's
}

// Outside is a part of the rest of the world: its mail is queued and really tried, and its packets are dropped.
type Outside struct {
	Domain  string `json:"domain"`  // "*" is every domain that no other entry names
	MX      string `json:"mx"`      // the host name in the log, {domain} already left to be filled in by the daemon
	Address string `json:"address"` // IPv4
}

// Route hands the mail for one address to an SMTP server on the sandbox's loopback, listening as Account.
type Route struct {
	To      string `json:"to"`      // full address, lower case
	Via     string `json:"via"`     // host:port, loopback
	Account string `json:"account"` // only a listener of this account is spoken to; "" when any of the sandbox's may be
}

// Mail is a message that is in a mailbox when an epoch starts.
type Mail struct {
	To  string `json:"to"`  // account
	Raw []byte `json:"raw"` // RFC 5322, LF or CRLF
}

// File is a file that is in a home when an epoch starts.
type File struct {
	Account string `json:"account"`
	Path    string `json:"path"` // absolute, below that account's home
	Mode    uint32 `json:"mode"`
	Data    []byte `json:"data"`
}

// Limits are per account unless said otherwise.
type Limits struct {
	Processes  int   `json:"processes"`  // RLIMIT_NPROC
	SpoolBytes int64 `json:"spoolBytes"` // of one student's mailboxes and homes together, and of any one file or mailbox
}

// Seal returns the spec as it is sent to a sandbox: every password in clear replaced by what hash makes of it, and the
// hash over the inputs kept beside it, because salted hashes cannot be compared.
func (s *Sandbox) Seal(hash func(password string) (string, error)) (Sandbox, error) {
	sealed := *s
	sealed.Sealed = s.Hash()
	sealed.Accounts = slices.Clone(s.Accounts)
	for i := range sealed.Accounts {
		a := &sealed.Accounts[i]
		if a.Password == "" {
			continue
		}
		var err error
		if a.PasswordHash, err = hash(a.Password); err != nil {
			return Sandbox{}, fmt.Errorf("hashing the password of %s: %w", a.Name, err)
		}
		a.Password = ""
	}
	return sealed, nil
}

// Hash is over the inputs: passwords in clear, never their salted hashes. It is what drift is told from.
func (s *Sandbox) Hash() string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(fmt.Sprintf("spec: a sandbox does not marshal: %v", err)) // plain data: our own bug
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// Account finds an account by its name.
func (s *Sandbox) Account(name string) (Account, bool) {
	for _, a := range s.Accounts {
		if a.Name == name {
			return a, true
		}
	}
	return Account{}, false
}
