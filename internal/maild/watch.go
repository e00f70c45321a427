package maild

import (
	"net"
	"sync"
	"time"

	"maillab/internal/dialogue"
	"maillab/internal/mail/imap"
	maillog "maillab/internal/mail/log"
	"maillab/internal/mail/pop3"
)

// attempts are the failed logins of one connection.
type attempts struct {
	count int
	user  string // the last that was tried
}

// watchIMAP begins the record and the log of an IMAP connection.
func (d *Daemon) watchIMAP(conn net.Conn) (imap.Recorder, imap.Log) {
	w := &imapWatch{
		record: d.record("imap", conn), log: d.log.IMAP(d.cfg.Spec.Services.IMAP.Wording),
		peer: maillog.PeerOf(conn.RemoteAddr(), conn.LocalAddr(), false), now: d.cfg.Now, begun: d.cfg.Now(),
	}
	w.log.Connect(w.peer)
	return w.record, w
}

// imapWatch tells the log and the record what an IMAP connection did.
type imapWatch struct {
	record *dialogue.Recorder
	log    maillog.Reader
	peer   maillog.Peer
	now    func() time.Time
	begun  time.Time // the connection, or the login
	failed attempts
}

// Login implements imap.Log.
func (w *imapWatch) Login(user, method string) {
	w.begun = w.now()
	w.record.Account(user)
	w.log.Login(w.peer, user, method)
}

// LoginFailed implements imap.Log.
func (w *imapWatch) LoginFailed(user, method string) {
	w.failed = attempts{w.failed.count + 1, user}
	w.log.LoginFailed(w.peer, user, method)
}

// Closed implements imap.Log.
func (w *imapWatch) Closed(s imap.Stats) {
	how, known := map[string]maillog.Ending{
		"logout": maillog.LoggedOut, "eof": maillog.Closed, "write": maillog.Closed, "timeout": maillog.TimedOut,
		"errors": maillog.TooManyErrors, "shutdown": maillog.ShutDown,
	}[s.Reason]
	if !known {
		how = maillog.Failed
	}
	w.log.DisconnectIMAP(w.peer, maillog.IMAPEnd{
		End:         w.failed.end(s.User, how, s.In, s.Out, w.now().Sub(w.begun)),
		HeaderBytes: s.Header, BodyBytes: s.Body, Deleted: s.Deleted, Expunged: s.Expunged,
	})
	w.record.Close()
}

// end is what both protocols sum up.
func (a attempts) end(user string, how maillog.Ending, received, sent int64, took time.Duration) maillog.End {
	return maillog.End{User: user, Tried: a.user, Attempts: a.count, How: how, Received: received, Sent: sent, Time: took}
}

// pop3Watch is the Log of all POP3 connections.
type pop3Watch struct {
	log maillog.Reader

	mu     sync.Mutex
	failed map[string]attempts // by peer
}

func newPOP3Watch(log maillog.Reader) *pop3Watch {
	return &pop3Watch{log: log, failed: map[string]attempts{}}
}

func peerOf(s pop3.Session) maillog.Peer { return maillog.PeerOf(s.Peer, s.Local, s.TLS) }

// connect tells that a client has come.
func (w *pop3Watch) connect(conn net.Conn) {
	w.log.Connect(maillog.PeerOf(conn.RemoteAddr(), conn.LocalAddr(), false))
}

// Login implements pop3.Log.
func (w *pop3Watch) Login(s pop3.Session, method string) { w.log.Login(peerOf(s), s.Account, method) }

// LoginFailed implements pop3.Log.
func (w *pop3Watch) LoginFailed(s pop3.Session, user, method string) {
	w.mu.Lock()
	before := w.failed[s.Peer.String()]
	w.failed[s.Peer.String()] = attempts{before.count + 1, user}
	w.mu.Unlock()
	w.log.LoginFailed(peerOf(s), user, method)
}

// Disconnect implements pop3.Log.
func (w *pop3Watch) Disconnect(s pop3.Session, how pop3.Ending, n pop3.Counts) {
	w.mu.Lock()
	failed := w.failed[s.Peer.String()]
	delete(w.failed, s.Peer.String())
	w.mu.Unlock()
	ending, known := map[pop3.Ending]maillog.Ending{
		pop3.LoggedOut: maillog.LoggedOut, pop3.LineDropped: maillog.Closed, pop3.TimedOut: maillog.TimedOut,
		pop3.TooManyBad: maillog.TooManyErrors, pop3.ShutDown: maillog.ShutDown,
	}[how]
	if !known {
		ending = maillog.Failed
	}
	w.log.DisconnectPOP3(peerOf(s), maillog.POP3End{
		End: failed.end(s.Account, ending, n.Received, n.Sent, n.Time),
		Top: n.Top, Retr: n.Retr, TopBytes: n.TopBytes, RetrBytes: n.RetrBytes,
		Deleted: n.Deleted, Messages: n.Messages, Size: n.Size,
	})
}
