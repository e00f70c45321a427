package lab

import (
	"fmt"
	"strings"

	"maillab/internal/spec"
)

// words are what the message of the day says, by language.
type words struct {
	server, accounts, try              string
	smtp, pop3, imap, read, write, log string
}

func wordsIn(lang string) words {
	if lang == "fr" {
		return words{
			server: "Serveur :", accounts: "Vos comptes :", try: "À taper, pour commencer :",
			smtp: "envoyer un message à la main (SMTP)", pop3: "lire son courrier à la main (POP3)",
			imap: "le lire à la main (IMAP)", read: "lire son courrier", write: "écrire à ce compte (finir par Ctrl-D)",
			log: "suivre le journal du serveur",
		}
	}
	return words{
		server: "Server:", accounts: "Your accounts:", try: "To begin with, type:",
		smtp: "send a message by hand (SMTP)", pop3: "read your mail by hand (POP3)",
		imap: "read it by hand (IMAP)", read: "read your mail", write: "write to that account (end with Ctrl-D)",
		log: "follow the server's log",
	}
}

// motd is what is shown when an account logs in: where one is, the accounts, what to type, and then, in a student's
// first account, the lab's own words: what they name is in that account's home. s is nil for an account that is nobody's.
func (c *compiler) motd(v values, s *student, account string, sandbox spec.Sandbox) string {
	w := wordsIn(v.lang())
	var out strings.Builder
	fmt.Fprintf(&out, "\n  %s\n\n  %s %s\n", v.expand(c.Title.In(v.lang())), w.server, sandbox.Hostname)
	other, first := "", s == nil
	if s != nil && len(s.accounts) > 0 {
		fmt.Fprintf(&out, "  %s %s\n", w.accounts, briefly(s.accounts))
		if other = s.accounts[0]; account == other {
			other = s.accounts[min(1, len(s.accounts)-1)]
			first = true
		}
	}
	fmt.Fprintf(&out, "\n  %s\n", w.try)
	line := func(on bool, command, what string) {
		if on {
			fmt.Fprintf(&out, "    %-26s  %s\n", command, what)
		}
	}
	smtp := sandbox.Services.SMTP != nil
	line(smtp, "telnet localhost 25", w.smtp)
	line(sandbox.Services.POP3 != nil, "telnet localhost 110", w.pop3)
	line(sandbox.Services.IMAP != nil, "telnet localhost 143", w.imap)
	line(true, "mail", w.read)
	line(smtp && other != "", "mail -s test "+other, w.write)
	line(true, "tail -f /var/log/mail.log", w.log)
	if own := strings.TrimSpace(v.expand(c.Motd.In(v.lang()))); own != "" && first {
		fmt.Fprintf(&out, "\n  %s\n", strings.ReplaceAll(own, "\n", "\n  "))
	}
	return out.String() + "\n"
}

// briefly lists accounts, the first few by name.
func briefly(names []string) string {
	const shown = 4
	if len(names) <= shown {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:shown], ", ") + ", …"
}
