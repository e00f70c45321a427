package log

import (
	"fmt"
	"strings"
	"time"
)

// postfix is a process of Postfix with its number. The numbers are those that a fresh system gives them, about, and
// never change: a log that can be compared is worth more here than one that tells processes apart.
func postfix(process string) string {
	return fmt.Sprintf("postfix/%s[%d]", process, pids(process))
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

// SMTPD is the process that SMTP clients talk to; it is the Log of package smtp. A client is "unknown[172.17.0.1]".
type SMTPD struct{ l *Log }

// SMTPD returns it.
func (l *Log) SMTPD() SMTPD { return SMTPD{l} }

// Connect tells that a client has come.
func (s SMTPD) Connect(client string) { s.info("connect from " + client) }

// Disconnect tells that it has gone; counts is "helo=1 mail=1/2 quit=1 commands=3/4".
func (s SMTPD) Disconnect(client, counts string) {
	s.info("disconnect from " + client + " " + counts)
}

// Client tells who opened the transaction id; the SASL words are empty without AUTH.
func (s SMTPD) Client(id, client, saslMethod, saslUser, saslSender string) {
	text := id + ": client=" + client
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
func (s SMTPD) Reject(id, command, client, reply, context string) {
	if id == "" {
		id = "NOQUEUE"
	}
	s.info(id + ": reject: " + command + " from " + client + ": " + reply + "; " + context)
}

// Cut tells why a connection ended early: reason "lost connection", after "DATA (16 bytes)".
func (s SMTPD) Cut(reason, after, client string) {
	s.info(reason + " after " + after + " from " + client)
}

// Pipelining tells that a client typed ahead where it must wait.
func (s SMTPD) Pipelining(after, client, text string) {
	s.info("improper command pipelining after " + after + " from " + client + ": " + text)
}

// Warning is any other trouble.
func (s SMTPD) Warning(text string) { s.info("warning: " + text) }

// info writes a line of the process.
func (s SMTPD) info(text string) { s.l.line(postfix("smtpd"), text) }

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

// Delivery is what became of one recipient.
type Delivery struct {
	To     string // address
	OrigTo string // as the client gave it; left out of the line when it is empty or To, without regard to case
	Relay  string // "local", "none", "mx.example.com[192.0.2.25]:25"
	// Delays are the parts of delay= in their order: before the queue manager, in it, for the connection, for the
	// transmission.
	Delays [4]time.Duration
	Total  time.Duration // delay=; 0: the sum of Delays
	DSN    string        // "2.0.0"
	Status string        // "sent", "deferred", "bounced"
	Text   string        // without the brackets around it
}

// Delivery is the line of the process ("local", "smtp", "error") that tried a recipient.
func (q Queue) Delivery(process, id string, d Delivery) {
	var b strings.Builder
	b.WriteString(id + ": to=<" + d.To + ">")
	if d.OrigTo != "" && !strings.EqualFold(d.OrigTo, d.To) {
		b.WriteString(", orig_to=<" + d.OrigTo + ">")
	}
	total := d.Total
	if total == 0 {
		total = d.Delays[0] + d.Delays[1] + d.Delays[2] + d.Delays[3]
	}
	fmt.Fprintf(&b, ", relay=%s, delay=%s, delays=%s/%s/%s/%s, dsn=%s, status=%s (%s)", d.Relay, seconds(total),
		seconds(d.Delays[0]), seconds(d.Delays[1]), seconds(d.Delays[2]), seconds(d.Delays[3]), d.DSN, d.Status, d.Text)
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
func (q Queue) Note(process, text string) { q.l.line(postfix(process), text) }

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
