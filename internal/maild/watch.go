package maild

import (
	"net"
	"time"

	"maillab/internal/mail"
	"maillab/internal/mail/imap"
	maillog "maillab/internal/mail/log"
	"maillab/internal/mail/pop3"
)

// watch tells mail.log what one POP3 or IMAP connection did.
type watch struct {
	log    maillog.Reader
	conn   net.Conn
	secure bool // TLS is on
	now    func() time.Time
	begun  time.Time // the connection, or the login
	failed int       // logins
	tried  string    // the user of the last of them
}

// witness begins the record and the log of a connection.
func (d *Daemon) witness(service string, log maillog.Reader, conn net.Conn) (mail.Recorder, *watch) {
	w := &watch{log: log, conn: conn, now: d.cfg.Now, begun: d.cfg.Now()}
	w.log.Connect(w.peer())
	return d.record(service, conn), w
}

func (w *watch) peer() maillog.Peer {
	return maillog.PeerOf(w.conn.RemoteAddr(), w.conn.LocalAddr(), w.secure)
}

// Secure implements pop3.Log and imap.Log.
func (w *watch) Secure() { w.secure = true }

// Login implements pop3.Log and imap.Log.
func (w *watch) Login(user, method string) {
	w.begun = w.now()
	w.log.Login(w.peer(), user, method)
}

// LoginFailed implements pop3.Log and imap.Log.
func (w *watch) LoginFailed(user, method string) {
	w.failed, w.tried = w.failed+1, user
	w.log.LoginFailed(w.peer(), user, method)
}

func (w *watch) end(user string, how mail.Ending, received, sent int64) maillog.End {
	return maillog.End{User: user, Tried: w.tried, Attempts: w.failed, How: endings(how), Received: received, Sent: sent, Time: w.now().Sub(w.begun)}
}

// endings are the log's names for how a connection ended.
func endings(how mail.Ending) maillog.Ending {
	known, ok := map[mail.Ending]maillog.Ending{
		mail.LoggedOut: maillog.LoggedOut, mail.LineDropped: maillog.Closed, mail.NotTaken: maillog.Closed, mail.TimedOut: maillog.TimedOut,
		mail.TooManyBad: maillog.TooManyErrors, mail.ShutDown: maillog.ShutDown,
	}[how]
	if !ok {
		return maillog.Failed
	}
	return known
}

// imapWatch is a watch that counts as IMAP does.
type imapWatch struct{ *watch }

func (d *Daemon) witnessIMAP(conn net.Conn) (mail.Recorder, imap.Log) {
	rec, w := d.witness("imap", d.log.IMAP(d.cfg.Spec.Services.IMAP.Wording), conn)
	return rec, imapWatch{w}
}

// Disconnect implements imap.Log.
func (w imapWatch) Disconnect(s imap.Stats) {
	w.log.DisconnectIMAP(w.peer(), maillog.IMAPEnd{
		End: w.end(s.User, s.Ending, s.In, s.Out), HeaderBytes: s.Header, BodyBytes: s.Body, Deleted: s.Deleted, Expunged: s.Expunged,
	})
}

// pop3Watch is a watch that counts as POP3 does.
type pop3Watch struct{ *watch }

func (d *Daemon) witnessPOP3(conn net.Conn) (mail.Recorder, pop3.Log) {
	rec, w := d.witness("pop3", d.log.POP3(d.cfg.Spec.Services.POP3.Wording), conn)
	return rec, pop3Watch{w}
}

// Disconnect implements pop3.Log.
func (w pop3Watch) Disconnect(n pop3.Counts) {
	w.log.DisconnectPOP3(w.peer(), maillog.POP3End{
		End: w.end(n.Account, n.Ending, n.Received, n.Sent),
		Top: n.Top, Retr: n.Retr, TopBytes: n.TopBytes, RetrBytes: n.RetrBytes, Deleted: n.Deleted, Messages: n.Messages, Size: n.Size,
	})
}
