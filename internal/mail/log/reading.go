package log

import (
	"encoding/base64"
	"fmt"
	"hash/fnv"
	"net"
	"net/netip"
	"time"
)

// Peer is one POP3 or IMAP connection, as its log lines name it.
type Peer struct {
	Addr, Local string // without ports; IPv4 in its own form
	Port        int    // the client's
	TLS         bool
	Session     string // Dovecot's name for the connection: 16 characters of base64
}

// PeerOf names a connection by its two ends. The same ends always get the same name.
func PeerOf(remote, local net.Addr, tls bool) Peer {
	addr, port := split(remote)
	here, _ := split(local)
	hash := fnv.New128a()
	fmt.Fprint(hash, remote, local)
	name := base64.StdEncoding.EncodeToString(hash.Sum(nil))[:16]
	return Peer{Addr: addr, Port: port, Local: here, TLS: tls, Session: name}
}

// split takes an address apart; what is not TCP has port 0.
func split(a net.Addr) (addr string, port int) {
	if a == nil {
		return "unknown", 0
	}
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return a.String(), 0
	}
	return ap.Addr().Unmap().WithZone("").String(), int(ap.Port())
}

// mapped is the address as Courier writes it: always IPv6.
func (p Peer) mapped() string {
	if addr, err := netip.ParseAddr(p.Addr); err == nil && addr.Is4() {
		return "::ffff:" + p.Addr
	}
	return p.Addr
}

// courier is the connection in Courier's lines.
func (p Peer) courier() string {
	return fmt.Sprintf("ip=[%s], port=[%d]", p.mapped(), p.Port)
}

// dovecot is the connection in Dovecot's lines.
func (p Peer) dovecot() string {
	text := "rip=" + p.Addr + ", lip=" + p.Local
	if p.TLS {
		text += ", TLS"
	}
	return text
}

// Ending is why a POP3 or IMAP connection ended.
type Ending int

// The endings.
const (
	LoggedOut Ending = iota // QUIT or LOGOUT
	Closed                  // by the client, or by the network
	TimedOut
	TooManyErrors
	ShutDown
	Failed // by an error of ours
)

// courier is Courier's word for the end of a session.
func (e Ending) courier() string {
	switch e {
	case LoggedOut:
		return "LOGOUT"
	case TimedOut:
		return "TIMEOUT"
	}
	return "DISCONNECTED"
}

// dovecot is Dovecot's.
func (e Ending) dovecot(loggedIn bool) string {
	switch {
	case e == LoggedOut && loggedIn:
		return "Logged out"
	case e == LoggedOut:
		return "Aborted login by logging out"
	case e == TimedOut:
		return "Inactivity"
	case e == TooManyErrors:
		return "Too many bad commands"
	case e == ShutDown:
		return "Server shutting down"
	case e == Failed:
		return "Internal error occurred"
	}
	return "Connection closed"
}

// End sums up a connection.
type End struct {
	User           string // who was logged in, or ""
	Tried          string // without a login: the last name that was tried, or ""
	Attempts       int    // failed logins
	How            Ending
	Received, Sent int64         // bytes of the session
	Time           time.Duration // since the connection, or the login
}

// POP3End is the end of a POP3 connection.
type POP3End struct {
	End
	Top, Retr           int   // commands
	TopBytes, RetrBytes int64 // what they sent
	Deleted, Messages   int   // of so many at the login
	Size                int64 // bytes of all messages at the login
}

// IMAPEnd is the end of an IMAP connection.
type IMAPEnd struct {
	End
	HeaderBytes, BodyBytes int64
	HeaderCount, BodyCount int // messages of which a header, or more, was fetched
	Deleted, Expunged      int
}

// Reader is a POP3 or IMAP server's process, in the form of the server whose wording is in force.
type Reader struct {
	l       *Log
	dovecot bool
	courier string // pop3d or imapd
	name    string // pop3 or imap
}

// POP3 returns the POP3 server; wording is "courier" or "dovecot".
func (l *Log) POP3(wording string) Reader { return Reader{l, wording == "dovecot", "pop3d", "pop3"} }

// IMAP returns the IMAP server; wording is "courier" or "dovecot".
func (l *Log) IMAP(wording string) Reader { return Reader{l, wording == "dovecot", "imapd", "imap"} }

// Connect tells that a client has come. Dovecot says nothing then.
func (r Reader) Connect(p Peer) {
	if !r.dovecot {
		r.l.line(r.courier, "Connection, "+p.courier())
	}
}

// Login tells that an account is logged in; method is "PLAIN".
func (r Reader) Login(p Peer, user, method string) {
	switch {
	case r.dovecot:
		r.l.line("dovecot", fmt.Sprintf("%s-login: Login: user=<%s>, method=%s, %s, mpid=%d, session=<%s>", r.name, user,
			method, p.dovecot(), pids(r.name), p.Session))
	case r.name == "imap":
		r.l.line(r.courier, "LOGIN, user="+user+", "+p.courier()+", protocol=IMAP")
	default:
		r.l.line(r.courier, "LOGIN, user="+user+", "+p.courier())
	}
}

// LoginFailed tells that a name or password was wrong.
func (r Reader) LoginFailed(p Peer, user, _ string) {
	if r.dovecot { // as with auth_verbose: without it, only the end of the connection tells
		r.l.line("dovecot", fmt.Sprintf("auth: pam(%s,%s,<%s>): pam_authenticate() failed: Authentication failure "+
			"(Password mismatch?)", user, p.Addr, p.Session))
		return
	}
	r.l.line(r.courier, "LOGIN FAILED, user="+user+", "+p.courier())
}

// DisconnectPOP3 ends a POP3 connection.
func (r Reader) DisconnectPOP3(p Peer, e POP3End) {
	switch {
	case e.User == "":
		r.disconnectStranger(p, e.End)
	case r.dovecot:
		r.ended(p, e.End, fmt.Sprintf("top=%d/%d, retr=%d/%d, del=%d/%d, size=%d", e.Top, e.TopBytes, e.Retr, e.RetrBytes,
			e.Deleted, e.Messages, e.Size))
	default:
		r.ended(p, e.End, fmt.Sprintf("top=%d, retr=%d, rcvd=%d, sent=%d, time=%d", e.TopBytes, e.RetrBytes, e.Received,
			e.Sent, whole(e.Time)))
	}
}

// DisconnectIMAP ends an IMAP connection.
func (r Reader) DisconnectIMAP(p Peer, e IMAPEnd) {
	switch {
	case e.User == "":
		r.disconnectStranger(p, e.End)
	case r.dovecot:
		r.ended(p, e.End, fmt.Sprintf("in=%d out=%d deleted=%d expunged=%d trashed=0 hdr_count=%d hdr_bytes=%d body_count=%d "+
			"body_bytes=%d", e.Received, e.Sent, e.Deleted, e.Expunged, e.HeaderCount, e.HeaderBytes, e.BodyCount, e.BodyBytes))
	default:
		r.ended(p, e.End, fmt.Sprintf("headers=%d, body=%d, rcvd=%d, sent=%d, time=%d", e.HeaderBytes, e.BodyBytes,
			e.Received, e.Sent, whole(e.Time)))
	}
}

// ended is the last line of a session, with its counts.
func (r Reader) ended(p Peer, e End, counts string) {
	if r.dovecot {
		r.l.line("dovecot", fmt.Sprintf("%s(%s)<%d><%s>: Disconnected: %s %s", r.name, e.User, pids(r.name), p.Session,
			e.How.dovecot(true), counts))
		return
	}
	r.l.line(r.courier, e.How.courier()+", user="+e.User+", "+p.courier()+", "+counts)
}

// disconnectStranger ends a connection on which nobody has logged in.
func (r Reader) disconnectStranger(p Peer, e End) {
	if r.dovecot {
		r.l.line("dovecot", r.strangerDovecot(p, e))
		return
	}
	if e.How == LoggedOut {
		text := "LOGOUT, " + p.courier()
		if r.name == "imap" {
			r.l.line(r.courier, fmt.Sprintf("%s, rcvd=%d, sent=%d", text, e.Received, e.Sent))
			return
		}
		r.l.line(r.courier, text)
	}
	text := "Disconnected, " + p.courier()
	if r.name == "imap" {
		text += fmt.Sprintf(", time=%d", whole(e.Time))
	}
	r.l.line(r.courier, text)
}

// strangerDovecot is Dovecot's line for it.
func (r Reader) strangerDovecot(p Peer, e End) string {
	auth := fmt.Sprintf("no auth attempts in %d secs", whole(e.Time))
	who := "user=<>"
	if e.Attempts > 0 {
		auth = fmt.Sprintf("auth failed, %d attempts in %d secs", e.Attempts, whole(e.Time))
		who = "user=<" + e.Tried + ">, method=PLAIN"
	}
	return fmt.Sprintf("%s-login: Disconnected: %s (%s): %s, %s, session=<%s>", r.name, e.How.dovecot(false), auth, who,
		p.dovecot(), p.Session)
}

// whole is a time in whole seconds.
func whole(d time.Duration) int64 { return int64(d / time.Second) }
