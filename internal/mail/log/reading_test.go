package log

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestReaders writes what real servers wrote for the same events: Courier-IMAP 5.0.13 with its POP3 server, and Dovecot
// 2.3.19.1 (auth_verbose=yes for the failures), on Debian 12.
func TestReaders(t *testing.T) {
	p := Peer{Addr: "172.17.0.1", Port: 50650, Local: "172.17.0.4", Session: "jrZzGdBgfJqsEQAB"}
	for _, tc := range []struct {
		name string
		do   func(l *Log)
		want []string
	}{
		{"courier pop3", func(l *Log) {
			r := l.POP3("courier")
			r.Connect(p)
			r.Login(p, "util1", "PLAIN")
			r.DisconnectPOP3(p, POP3End{End: End{User: "util1", Received: 22, Sent: 91, Time: time.Second}, Retr: 1, RetrBytes: 18})
			r.DisconnectPOP3(p, POP3End{End: End{User: "util1", How: Closed, Sent: 16}})
			r.LoginFailed(p, "util1", "PLAIN")
			r.DisconnectPOP3(p, POP3End{End: End{Tried: "util1", Attempts: 1}})
			r.DisconnectPOP3(p, POP3End{End: End{How: Closed}})
		}, []string{
			"pop3d: Connection, ip=[::ffff:172.17.0.1], port=[50650]",
			"pop3d: LOGIN, user=util1, ip=[::ffff:172.17.0.1], port=[50650]",
			"pop3d: LOGOUT, user=util1, ip=[::ffff:172.17.0.1], port=[50650], top=0, retr=18, rcvd=22, sent=91, time=1",
			"pop3d: DISCONNECTED, user=util1, ip=[::ffff:172.17.0.1], port=[50650], top=0, retr=0, rcvd=0, sent=16, time=0",
			"pop3d: LOGIN FAILED, user=util1, ip=[::ffff:172.17.0.1], port=[50650]",
			"pop3d: LOGOUT, ip=[::ffff:172.17.0.1], port=[50650]",
			"pop3d: Disconnected, ip=[::ffff:172.17.0.1], port=[50650]",
			"pop3d: Disconnected, ip=[::ffff:172.17.0.1], port=[50650]",
		}},
		{"courier imap", func(l *Log) {
			r := l.IMAP("courier")
			r.Connect(p)
			r.Login(p, "util1", "PLAIN")
			r.DisconnectIMAP(p, IMAPEnd{End: End{User: "util1", Received: 48, Sent: 434, Time: time.Second}, BodyBytes: 18})
			r.LoginFailed(p, "util1", "PLAIN")
			r.DisconnectIMAP(p, IMAPEnd{End: End{How: Closed}})
		}, []string{
			"imapd: Connection, ip=[::ffff:172.17.0.1], port=[50650]",
			"imapd: LOGIN, user=util1, ip=[::ffff:172.17.0.1], port=[50650], protocol=IMAP",
			"imapd: LOGOUT, user=util1, ip=[::ffff:172.17.0.1], port=[50650], headers=0, body=18, rcvd=48, sent=434, time=1",
			"imapd: LOGIN FAILED, user=util1, ip=[::ffff:172.17.0.1], port=[50650]",
			"imapd: Disconnected, ip=[::ffff:172.17.0.1], port=[50650], time=0",
		}},
		{"dovecot pop3", func(l *Log) {
			r := l.POP3("dovecot")
			r.Connect(p)
			r.Login(p, "util1", "PLAIN")
			r.DisconnectPOP3(p, POP3End{End: End{User: "util1"}, Retr: 1, RetrBytes: 36, Deleted: 1, Messages: 2, Size: 42})
			r.DisconnectPOP3(p, POP3End{End: End{How: Closed}})
			r.LoginFailed(p, "util1", "PLAIN")
			r.DisconnectPOP3(p, POP3End{End: End{Tried: "util1", Attempts: 1, Time: 5 * time.Second}})
		}, []string{
			"dovecot: pop3-login: Login: user=<util1>, method=PLAIN, rip=172.17.0.1, lip=172.17.0.4, mpid=120, session=<jrZzGdBgfJqsEQAB>",
			"dovecot: pop3(util1)<120><jrZzGdBgfJqsEQAB>: Disconnected: Logged out top=0/0, retr=1/36, del=1/2, size=42",
			"dovecot: pop3-login: Disconnected: Connection closed (no auth attempts in 0 secs): user=<>, rip=172.17.0.1, lip=172.17.0.4, session=<jrZzGdBgfJqsEQAB>",
			"dovecot: auth: pam(util1,172.17.0.1,<jrZzGdBgfJqsEQAB>): pam_authenticate() failed: Authentication failure (Password mismatch?)",
			"dovecot: pop3-login: Disconnected: Aborted login by logging out (auth failed, 1 attempts in 5 secs): user=<util1>, method=PLAIN, rip=172.17.0.1, lip=172.17.0.4, session=<jrZzGdBgfJqsEQAB>",
		}},
		{"dovecot imap", func(l *Log) {
			r := l.IMAP("dovecot")
			r.Login(p, "util1", "PLAIN")
			r.DisconnectIMAP(p, IMAPEnd{End: End{User: "util1", Received: 46, Sent: 940}, BodyCount: 1, BodyBytes: 21})
		}, []string{
			"dovecot: imap-login: Login: user=<util1>, method=PLAIN, rip=172.17.0.1, lip=172.17.0.4, mpid=121, session=<jrZzGdBgfJqsEQAB>",
			"dovecot: imap(util1)<121><jrZzGdBgfJqsEQAB>: Disconnected: Logged out in=46 out=940 deleted=0 expunged=0 trashed=0 hdr_count=0 hdr_bytes=0 body_count=1 body_bytes=21",
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l, path := open(t, Config{Host: "srv", Now: func() time.Time { return time.Date(2026, 11, 2, 9, 30, 0, 0, time.UTC) }})
			tc.do(l)
			flush(t, l)
			want := "Nov  2 09:30:00 srv " + strings.Join(tc.want, "\nNov  2 09:30:00 srv ") + "\n"
			if diff := cmp.Diff(want, read(t, path)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestPeerOf names connections.
func TestPeerOf(t *testing.T) {
	local := &net.TCPAddr{IP: net.IPv4(172, 17, 0, 4), Port: 110}
	a := PeerOf(&net.TCPAddr{IP: net.ParseIP("::ffff:10.0.2.15"), Port: 1234}, local, true)
	b := PeerOf(&net.TCPAddr{IP: net.ParseIP("::1"), Port: 1235}, local, false)
	if a.Addr != "10.0.2.15" || a.Port != 1234 || a.Local != "172.17.0.4" || len(a.Session) != 16 || a.Session == b.Session {
		t.Errorf("got %+v, %+v", a, b)
	}
	if got, want := b.courier(), "ip=[::1], port=[1235]"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := a.courier(), "ip=[::ffff:10.0.2.15], port=[1234]"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if again := PeerOf(&net.TCPAddr{IP: net.ParseIP("::1"), Port: 1235}, local, false); again != b {
		t.Errorf("the same connection has two names: %+v, %+v", again, b)
	}
}
