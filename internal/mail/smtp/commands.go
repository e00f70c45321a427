package smtp

import (
	"errors"
	"fmt"
	"strings"

	gosmtp "github.com/emersion/go-smtp"
)

// command is one that the server knows.
type command struct {
	name    string
	run     func(l *loop, line string, args []token) answer
	limited bool // more than junkLimit of these between two messages count as errors
	last    bool // must be the last of a pipelined group (RFC 2920 section 3.1)
	index   int
}

// commandTable is all commands, in the order in which the log counts them.
func commandTable() []command {
	table := []command{
		{name: "HELO", run: heloCommand, limited: true, last: true},
		{name: "EHLO", run: ehloCommand, limited: true, last: true},
		{name: "XCLIENT", run: proxyCommand, last: true},
		{name: "XFORWARD", run: proxyCommand, last: true},
		{name: "STARTTLS", run: startTLSCommand},
		{name: "AUTH", run: authCommand},
		{name: "MAIL", run: mailCommand},
		{name: "RCPT", run: rcptCommand},
		{name: "DATA", run: dataCommand, last: true},
		{name: "BDAT", run: bdatCommand},
		{name: "RSET", run: rsetCommand, limited: true},
		{name: "NOOP", run: noopCommand, limited: true, last: true},
		{name: "VRFY", run: vrfyCommand, limited: true, last: true},
		{name: "ETRN", run: etrnCommand, limited: true},
		{name: "QUIT", run: quitCommand},
	}
	for i := range table {
		table[i].index = i
	}
	return table
}

// lookup finds a command by its name; nil when there is none.
func (s *Server) lookup(name string) *command {
	for i := range s.commands {
		if strings.EqualFold(s.commands[i].name, name) {
			return &s.commands[i]
		}
	}
	return nil
}

// isForbidden tells Postfix's smtpd_forbidden_commands: web requests, and whatever does not begin with a letter.
func isForbidden(word string) bool {
	letter := word[0]|0x20 >= 'a' && word[0]|0x20 <= 'z'
	return !letter || strings.EqualFold(word, "CONNECT") || strings.EqualFold(word, "GET") || strings.EqualFold(word, "POST")
}

// replyOf writes a session's words as a reply.
func replyOf(e *gosmtp.SMTPError) string {
	enhanced := e.EnhancedCode
	text := strings.ReplaceAll(printable(e.Message, ' '), "\n", " ")
	switch {
	case enhanced == gosmtp.NoEnhancedCode:
		return fmt.Sprintf("%d %s", e.Code, text)
	case enhanced == gosmtp.EnhancedCodeNotSet:
		enhanced[0] = e.Code / 100
	}
	return fmt.Sprintf("%d %d.%d.%d %s", e.Code, enhanced[0], enhanced[1], enhanced[2], text)
}

// errorReply is what the client is told about a session's error; other says what was tried when that does not.
func errorReply(err error, other string) string {
	var said *gosmtp.SMTPError
	if !errors.As(err, &said) || said.Code/100 != 4 && said.Code/100 != 5 {
		return "451 4.3.0 " + other
	}
	return replyOf(said)
}

// refusal is what a session answers to a command that it refuses, logged; "" where it does not.
func (l *loop) refusal(command string) string {
	r, may := l.session.(Refuser)
	if !may {
		return ""
	}
	err := r.Refuse(command)
	if err == nil {
		return ""
	}
	text := errorReply(err, "Error: temporary failure")
	l.reject(text, nil)
	return text
}

// noopCommand is NOOP (RFC 5321 section 4.1.1.9), with or without an argument.
func noopCommand(*loop, string, []token) answer { return ok("250 2.0.0 Ok") }

// quitCommand is QUIT (RFC 5321 section 4.1.1.10).
func quitCommand(*loop, string, []token) answer { return answer{text: "221 2.0.0 Bye", hangup: true} }

// rsetCommand is RSET (RFC 5321 section 4.1.1.5).
func rsetCommand(_ *loop, _ string, args []token) answer {
	if len(args) != 1 {
		return no("501 5.5.4 Syntax: RSET")
	}
	return answer{text: "250 2.0.0 Ok", ends: true}
}

// startTLSCommand is STARTTLS (RFC 3207).
func startTLSCommand(l *loop, _ string, args []token) answer {
	switch {
	case len(args) != 1:
		return no("501 5.5.4 Syntax: STARTTLS")
	case l.client.TLS:
		return no("554 5.5.1 Error: TLS already active")
	case l.cfg.TLS == nil:
		return no("502 5.5.1 Error: command not implemented")
	}
	return answer{text: "220 2.0.0 Ready to start TLS", ends: true, tls: true}
}

// proxyCommand is Postfix's XCLIENT and XFORWARD, by which a proxy says who the client is. Nobody here is one.
func proxyCommand(l *loop, _ string, args []token) answer {
	switch {
	case l.tx != nil && !l.tx.void():
		return no("503 5.5.1 Error: MAIL transaction in progress")
	case len(args) < 2:
		return no("501 5.5.4 Syntax: " + l.command.name + " attribute=value...")
	}
	return no("550 5.7.0 Error: insufficient authorization")
}

// vrfyCommand is VRFY (RFC 5321 section 3.5): the recipient check, without a recipient.
func vrfyCommand(l *loop, _ string, args []token) answer {
	if l.authMissing() {
		return no("530 5.7.0 Authentication required")
	}
	args = args[1:]
	utf8 := len(args) > 0 && strings.EqualFold(args[len(args)-1].text, "SMTPUTF8") // RFC 6531 section 3.4
	if utf8 {
		args = args[:len(args)-1]
	}
	if len(args) == 0 {
		return no("501 5.5.4 Syntax: VRFY address [SMTPUTF8]")
	}
	typed := token{text: joined(args)}
	address, valid := l.address(typed, utf8, false)
	if !valid {
		return no("501 5.1.3 Bad recipient address syntax")
	}
	if v, can := l.session.(Verifier); can {
		if err := v.Verify(address); err != nil {
			return l.refuseRecipient(typed, address, err)
		}
	}
	return ok("252 2.0.0 " + printable(typed.text, '?'))
}

// etrnCommand is ETRN (RFC 1985): try the mail for a domain again, now.
func etrnCommand(l *loop, _ string, args []token) answer {
	switch {
	case l.authMissing():
		return no("530 5.7.0 Authentication required")
	case l.tx != nil && !l.tx.void():
		return no("503 Error: MAIL transaction in progress")
	case len(args) != 2:
		return no("500 Syntax: ETRN domain")
	}
	domain := strings.TrimLeft(args[1].text[:1], "@#") + args[1].text[1:]
	literal := strings.HasPrefix(domain, "[") && strings.HasSuffix(domain, "]")
	if !validHostname(domain, false) && !(literal && validLiteral(domain[1:len(domain)-1])) {
		return no("501 Error: invalid parameter syntax")
	}
	if flusher, can := l.session.(Flusher); can && flusher.Flush(domain) {
		return ok("250 Queuing started")
	}
	l.log.Warning("reject: ETRN " + domain[:min(len(domain), 100)] + "... from " + l.name)
	return no("459 <" + domain + ">: service unavailable")
}

// heloCommand is HELO (RFC 5321 section 4.1.1.1).
func heloCommand(l *loop, _ string, args []token) answer {
	if len(args) < 2 {
		return no("501 Syntax: HELO hostname")
	}
	if text := l.refusal("helo"); text != "" {
		return no(text)
	}
	return l.hello(args[1:], l.client.ESMTP, "250 "+l.cfg.Hostname)
}

// ehloCommand is EHLO: HELO, with the list of what the server can do.
func ehloCommand(l *loop, _ string, args []token) answer {
	if len(args) < 2 {
		return no("501 Syntax: EHLO hostname")
	}
	if text := l.refusal("helo"); text != "" {
		return no(text)
	}
	rows := append([]string{l.cfg.Hostname}, l.capabilities()...)
	return l.hello(args[1:], true, "250 "+strings.Join(rows, "\n250 "))
}

// capabilities lists what works and is on, in Postfix's order.
func (l *loop) capabilities() []string {
	list := []string{"PIPELINING", fmt.Sprintf("SIZE %d", l.cfg.SizeLimit), "VRFY"}
	if _, can := l.session.(Flusher); can {
		list = append(list, "ETRN")
	}
	if l.cfg.TLS != nil && !l.client.TLS {
		list = append(list, "STARTTLS")
	}
	if auth, can := l.session.(gosmtp.AuthSession); can && l.cfg.Auth != AuthNone {
		list = append(list, "AUTH "+strings.Join(auth.AuthMechanisms(), " "))
	}
	return append(list, "ENHANCEDSTATUSCODES", "8BITMIME", "DSN", "SMTPUTF8", "CHUNKING")
}

// hello starts the session anew under a name. A transaction that was open is gone, as with RSET.
func (l *loop) hello(name []token, esmtp bool, text string) answer {
	helo := neuter(joined(name))
	return answer{text: text, ends: true, done: func() { l.client.Helo, l.client.ESMTP = helo, esmtp }}
}
