package log

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"maillab/internal/mail"
)

// postfix is a process of Postfix with its number, one a kind. The numbers are those that a fresh system gives them, about,
// and never change: a log that can be compared is worth more here. Only smtpd is as many as there are clients at once:
// log analysers tell connections apart by it.
func postfix(process string) string { return fmt.Sprintf("postfix/%s[%d]", process, pids(process)) }

// daemon is a process of Postfix, or one of the programs that look at mail beside it and have a name of their own.
func daemon(process string) string {
	switch process {
	case "amavis", "opendkim", "opendmarc", "policyd-spf":
		return fmt.Sprintf("%s[%d]", process, pids(process))
	}
	return postfix(process)
}

// pids are the numbers.
func pids(process string) int {
	switch process {
	case "postfix-script":
		return 96
	case "master":
		return 98
	case "pickup":
		return 99
	case "qmgr":
		return 100
	case "smtpd":
		return 105
	case "cleanup":
		return 109
	case "local":
		return 110
	case "smtp":
		return 112
	case "bounce":
		return 113
	case "error":
		return 114
	case "postlogd":
		return 97
	case "opendkim":
		return 61
	case "opendmarc":
		return 62
	case "policyd-spf":
		return 116
	case "postsuper":
		return 115
	case "pop3d", "pop3-login", "pop3":
		return 120
	case "imapd", "imap-login", "imap":
		return 121
	}
	return 119
}

// Started tells that the mail system has come up. version is "3.7.11".
func (l *Log) Started(version string) {
	l.line(postfix("postfix-script"), "starting the Postfix mail system")
	l.line(postfix("master"), "daemon started -- version "+version+", configuration /etc/postfix")
}

// Stopped tells that it goes down.
func (l *Log) Stopped() {
	l.line(postfix("postfix-script"), "stopping the Postfix mail system")
	l.line(postfix("master"), "terminating on signal 15")
}

// SMTPD is the process that one SMTP client talks to, from its connect to its disconnect.
type SMTPD struct {
	l       *Log
	client  string // "unknown[172.17.0.1]"
	process string
	number  int
}

// SMTPD returns the process for a client. As Postfix's, one that is done serves the next client: the lowest number that is
// free, so that a log in which clients follow each other has but one.
func (l *Log) SMTPD(client mail.Peer) *SMTPD {
	n := l.smtpds.take()
	return &SMTPD{l: l, client: client.String(), process: fmt.Sprintf("postfix/smtpd[%d]", n.pid()), number: int(n)}
}

// Connect tells that the client has come.
func (s *SMTPD) Connect() { s.info("connect from " + s.client) }

// Disconnect tells that it has gone; counts is "helo=1 mail=1/2 quit=1 commands=3/4". Nothing may come after it.
func (s *SMTPD) Disconnect(counts string) {
	s.info("disconnect from " + s.client + " " + counts)
	s.l.smtpds.give(smtpd(s.number))
}

// Client tells who opened the transaction id; the SASL words are empty without AUTH.
func (s *SMTPD) Client(id, saslMethod, saslUser, saslSender string) {
	text := id + ": client=" + s.client
	if saslUser != "" {
		text += ", sasl_method=" + saslMethod + ", sasl_username=" + saslUser
	}
	if saslSender != "" {
		text += ", sasl_sender=" + saslSender
	}
	s.info(text)
}

// Reject tells why a command was refused. id is "" when there is no transaction yet; context is
// "from=<a> to=<b> proto=SMTP helo=<pv>".
func (s *SMTPD) Reject(id, command, reply, context string) {
	if id == "" {
		id = "NOQUEUE"
	}
	s.info(id + ": reject: " + command + " from " + s.client + ": " + reply + "; " + context)
}

// Cut tells why the connection ended early: reason "lost connection", after "DATA (16 bytes)".
func (s *SMTPD) Cut(reason, after string) { s.info(reason + " after " + after + " from " + s.client) }

// Pipelining tells that the client typed ahead where it must wait.
func (s *SMTPD) Pipelining(after, text string) {
	s.info("improper command pipelining after " + after + " from " + s.client + ": " + text)
}

// Warning is any other trouble.
func (s *SMTPD) Warning(text string) { s.info("warning: " + text) }

// info writes a line of the process.
func (s *SMTPD) info(text string) { s.l.line(s.process, text) }

// smtpd is a process that serves SMTP clients: the first, the second…
type smtpd int

// pid is its number: the first has the one of a fresh system, the others come after all of ours.
func (n smtpd) pid() int {
	if n == 0 {
		return pids("smtpd")
	}
	return 199 + int(n)
}

// smtpds are those that are at work.
type smtpds struct {
	mu   sync.Mutex
	busy []bool // by smtpd
	low  int    // none below it is free
}

// take returns the lowest that is free.
func (s *smtpds) take() smtpd {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.low < len(s.busy) && s.busy[s.low] {
		s.low++
	}
	if s.low == len(s.busy) {
		s.busy = append(s.busy, false)
	}
	s.busy[s.low] = true
	return smtpd(s.low)
}

// give frees one.
func (s *smtpds) give(n smtpd) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy[n], s.low = false, min(s.low, int(n))
}

// Queue is everything behind smtpd: cleanup, qmgr, local, smtp, bounce, pickup.
type Queue struct{ l *Log }

// Queue returns it.
func (l *Log) Queue() Queue { return Queue{l} }

// MessageID is cleanup's line: messageID has its brackets, and is "" when the message has none.
func (q Queue) MessageID(id, messageID string) {
	if messageID == "" {
		messageID = "<>"
	}
	q.l.line(postfix("cleanup"), id+": message-id="+messageID)
}

// Active is qmgr's line when it begins to deliver; size is in bytes, as Postfix counts them.
func (q Queue) Active(id, sender string, size int64, recipients int) {
	q.l.line(postfix("qmgr"), fmt.Sprintf("%s: from=<%s>, size=%d, nrcpt=%d (queue active)", id, sender, size, recipients))
}

// Removed is qmgr's line when it is done with a message.
func (q Queue) Removed(id string) { q.l.line(postfix("qmgr"), id+": removed") }

// Expired is qmgr's line for a message that goes back because it is too old.
func (q Queue) Expired(id, sender string) {
	q.l.line(postfix("qmgr"), id+": from=<"+sender+">, status=expired, returned to sender")
}

// Status is the line of the process ("local", "smtp", "error") that tried a recipient. orig_to= is left out when it is
// the address without regard to case.
func (q Queue) Status(process, id string, s mail.Status) {
	var b strings.Builder
	b.WriteString(id + ": to=<" + s.To + ">")
	if s.OrigTo != "" && !strings.EqualFold(s.OrigTo, s.To) {
		b.WriteString(", orig_to=<" + s.OrigTo + ">")
	}
	total, d := s.Total, s.Delays
	if total == 0 {
		total = d.Total()
	}
	fmt.Fprintf(&b, ", relay=%s, delay=%s, delays=%s/%s/%s/%s, dsn=%s, status=%s (%s)", s.Relay, seconds(total),
		seconds(d.Before), seconds(d.InQueue), seconds(d.Connect), seconds(d.Transmit), s.DSN, s.State, s.Text)
	q.l.line(postfix(process), b.String())
}

// Notification is bounce's line when it writes to a sender: kind is "sender non-delivery", "sender delivery status",
// "sender delay" or "postmaster non-delivery", notice the new message's ID.
func (q Queue) Notification(id, kind, notice string) {
	q.l.line(postfix("bounce"), id+": "+kind+" notification: "+notice)
}

// Pickup is the line for a message that an account's program has handed in.
func (q Queue) Pickup(id string, uid int, sender string) {
	q.l.line(postfix("pickup"), fmt.Sprintf("%s: uid=%d from=<%s>", id, uid, sender))
}

// Note is any other line of one of these processes.
func (q Queue) Note(process, text string) { q.l.line(daemon(process), text) }

// seconds writes a time as Postfix does: two digits that say something, none below a hundredth of a second.
func seconds(d time.Duration) string {
	us := max(d.Microseconds(), 0)
	sec, us := us/1e6, us%1e6
	unit := int64(10_000) // 0.01 s
	switch {
	case sec >= 10:
		unit = 1_000_000
	case sec >= 1:
		unit = 100_000
	default:
		for us >= 100*unit {
			unit *= 10
		}
	}
	us += unit / 2
	if us >= 1_000_000 {
		sec, us = sec+1, us-1_000_000
	}
	text := fmt.Sprint(sec)
	if us < unit {
		return text
	}
	text += "."
	for n := int64(100_000); us >= unit && n > 0; n /= 10 {
		text += fmt.Sprint(us / n)
		us %= n
	}
	return text
}
