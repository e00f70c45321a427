package queue

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"time"

	"maillab/internal/mail"
	"maillab/internal/mail/filter"
	"maillab/internal/spec"
)

// Mailboxes puts messages into local mailboxes.
type Mailboxes interface {
	// Deliver returns, for each delivery, nil when it is durable, or why it is not (see mail.ErrFull, mail.ErrTooBig). One that
	// failed has left nothing in its mailbox. The deliveries' text is used again once it has returned. They are of one message, so their fsyncs can be grouped. Where a
	// delivery has a Done it may be called, once, as soon as its outcome is known: one mailbox that is locked must not keep
	// what is known of the others from being written down.
	Deliver(ctx context.Context, deliveries []mail.Delivery) []error
}

// Account is a local account.
type Account struct {
	Name     string
	UID      int
	FullName string // gecos
}

// Accounts knows the local accounts.
type Accounts interface {
	Lookup(name string) (Account, bool)
	LookupUID(uid int) (Account, bool)
	// Forward is the text of an account's ~/.forward, empty when there is none.
	Forward(ctx context.Context, name string) ([]byte, error)
}

// Log is mail.log; one method an event, which is why they are seven.
type Log interface {
	MessageID(id, messageID string)                       // cleanup: message-id=
	Active(id, sender string, size int64, recipients int) // qmgr: from=, size=, nrcpt= (queue active)
	Removed(id string)                                    // qmgr: removed
	Expired(id, sender string)                            // qmgr: from=, status=expired, returned to sender
	Status(process, id string, s mail.Status)             // local, smtp, error: to=, relay=, …, status=
	Notification(id, kind, notice string)                 // bounce: ID: kind notification: notice
	Note(process, text string)                            // anything else, "warning: " included in the text
}

// Names are looked up as net.Resolver does, with its errors.
type Names interface {
	LookupMX(ctx context.Context, domain string) ([]*net.MX, error)
	LookupIP4(ctx context.Context, host string) ([]netip.Addr, error)
}

// Times are the queue's patience. The zero value of each stands for its default, which is sized for a lesson.
type Times struct {
	Local   time.Duration // how long one delivery to mailboxes may take before it is deferred; 5 s
	Connect time.Duration // TCP connection to a server; 10 s
	Command time.Duration // one answer of a server; 60 s
	Retry   time.Duration // shortest time between two attempts; 30 s
	Longest time.Duration // longest time between two attempts; 10 min
	Route   time.Duration // the same for routes, shortest and longest: a student waits for it; 10 s
	Warn    time.Duration // age at which a sender who asked for it (NOTIFY=DELAY) is told that it takes long; 5 min
	Expire  time.Duration // age at which a message goes back; 24 h
}

// Config is what a queue is made of.
type Config struct {
	Dir         string            // for queue files; made when missing
	Hostname    string            // full, as in Received
	Domain      string            // completes a bare name
	Locals      []string          // domains delivered here, lower case
	Addresses   []netip.Addr      // our own, for user@[address]; loopback always is
	Aliases     map[string]string // lower-case local part → account, in every local domain
	Routes      []spec.Route
	Outside     []spec.Outside
	Relay       string         // "" or "reject", or host[:port]
	Parent      string         // the domain whose domains have MX records, lower case; "" is none
	Names       Names          // which knows those
	Filter      Filter         // nil is none
	Location    *time.Location // for dates in headers; nil is UTC
	SizeLimit   int64          // bytes of a message; 0 is 10,240,000
	HopLimit    int            // Received headers; 0 is 50
	Waiting     int            // messages that may wait; 0 is 5,000, more are answered with 452
	Octets      int64          // of all that may wait; 0 is 256 MiB, more is answered with 452
	Share       int            // of Waiting that one account, client or route may have; 0 is a tenth
	ShareOctets int64          // of Octets; 0 is an eighth
	Times       Times

	Mailboxes Mailboxes
	Accounts  Accounts
	Log       Log
	Logger    *slog.Logger // the program's own log; nil is none

	// Dial connects to relay, outside and route servers; nil is a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// ListenerOwner says which uid listens on a loopback port; nil asks the kernel (see package's ListenerOwner).
	ListenerOwner func(hostport string) (uid int, ok bool)
	AnyListener   bool // do not ask: the embedded engine's listeners all belong to whoever runs it
	// TLS is for STARTTLS to the relay; nil takes any certificate, as Postfix does by default (RFC 7435).
	TLS *tls.Config

	Now   func() time.Time                       // nil is time.Now
	After func(d time.Duration) <-chan time.Time // nil is time.After
}

// Filter judges mail between two passes of the queue, as Postfix's content_filter does.
type Filter func(context.Context, filter.Message) filter.Verdict

// withDefaults checks and completes a configuration.
func (c Config) withDefaults() (Config, error) {
	if c.Dir == "" || c.Hostname == "" || c.Domain == "" || c.Mailboxes == nil || c.Accounts == nil || c.Log == nil {
		return c, errors.New("queue: directory, host name, domain, mailboxes, accounts and log must be given")
	}
	if c.Location == nil {
		c.Location = time.UTC
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Dial == nil {
		c.Dial = (&net.Dialer{}).DialContext
	}
	if c.ListenerOwner == nil {
		c.ListenerOwner = ListenerOwner
	}
	if c.TLS == nil {
		c.TLS = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // opportunistic, no worse than the clear text it replaces
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.After == nil {
		c.After = time.After
	}
	if strings.EqualFold(c.Relay, "reject") {
		c.Relay = ""
	}
	setDefault(&c.SizeLimit, 10_240_000)
	setDefault(&c.HopLimit, 50)
	setDefault(&c.Waiting, 5000)
	setDefault(&c.Octets, 256<<20)
	setDefault(&c.Share, max(1, c.Waiting/10))
	setDefault(&c.ShareOctets, max(c.SizeLimit*2, c.Octets/8))
	setDefault(&c.Times.Local, 5*time.Second)
	setDefault(&c.Times.Connect, 10*time.Second)
	setDefault(&c.Times.Command, time.Minute)
	setDefault(&c.Times.Retry, 30*time.Second)
	setDefault(&c.Times.Longest, 10*time.Minute)
	setDefault(&c.Times.Route, 10*time.Second)
	setDefault(&c.Times.Warn, 5*time.Minute)
	setDefault(&c.Times.Expire, 24*time.Hour)
	return c, nil
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}
