package smtp

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"unicode/utf8"

	"maillab/internal/mail/addrspec"
)

// Limits of Postfix on what is typed.
const (
	lineLimit = 2048  // line_length_limit; RFC 5321 section 4.5.3.1.4 asks for 512
	saslLimit = 12288 // smtpd_sasl_response_limit, RFC 4954 section 4
	junkLimit = 100   // smtpd_junk_command_limit
)

// Names of the log for why and when a connection ended.
const (
	lostConnection = "lost connection"
	afterMessage   = "END-OF-MESSAGE"
)

// answer is what a command leads to.
type answer struct {
	text   string // what the client is told; lines joined by \n. Empty: it has been told already, or will be
	failed bool   // the command counts as an error
	given  bool   // the text holds whatever the engine says, which is only told to reset
	engine string // a command that the engine must have done before
	hangup bool
	tls    bool   // the text is the last thing in clear
	on354  func() // what to do when the engine wants the message
	done   func() // what to do when all is done, before the client is told
}

// begun does what is to be done when the engine wants the message.
func (a *answer) begun() {
	if a.on354 != nil {
		a.on354()
	}
}

// ok and no are the usual answers.
func ok(text string) answer { return answer{text: text} }
func no(text string) answer { return answer{text: text, failed: true} }

// command is one that the server knows.
type command struct {
	name    string
	run     func(f *front, line string, args []token) answer
	limited bool // more than junkLimit of these between two messages count as errors
	last    bool // must be the last of a pipelined group (RFC 2920 section 3.1)
	index   int
}

// commandTable is all commands, in the order in which the log counts them.
func commandTable() []command {
	table := []command{
		{name: "HELO", run: (*front).heloCommand, limited: true, last: true},
		{name: "EHLO", run: (*front).ehloCommand, limited: true, last: true},
		{name: "STARTTLS", run: (*front).startTLSCommand},
		{name: "AUTH", run: (*front).authCommand},
		{name: "MAIL", run: (*front).mailCommand},
		{name: "RCPT", run: (*front).rcptCommand},
		{name: "DATA", run: (*front).dataCommand, last: true},
		{name: "BDAT", run: (*front).bdatCommand},
		{name: "RSET", run: (*front).rsetCommand, limited: true},
		{name: "NOOP", run: (*front).noopCommand, limited: true, last: true},
		{name: "VRFY", run: (*front).vrfyCommand, limited: true, last: true},
		{name: "ETRN", run: (*front).etrnCommand, limited: true},
		{name: "QUIT", run: (*front).quitCommand},
	}
	for i := range table {
		table[i].index = i
	}
	return table
}

// step reads one command and does it, or has the engine do it.
func (f *front) step() {
	if f.errors >= f.cfg.HardErrors {
		f.ended = "too many errors"
		f.say("421 4.7.0 " + f.cfg.Hostname + " Error: too many errors")
		f.hangUp()
		return
	}
	line, long, bare, err := f.wire.line(lineLimit)
	if err != nil {
		f.lost(err)
		return
	}
	text := string(line)
	if long {
		f.log.Warning(fmt.Sprintf("%s: request longer than %d: %.30s...", f.client, lineLimit, printable(f.withoutSecrets(text), '?')))
	}
	f.do(f.dispatch(text, bare))
}

// do carries an answer out.
func (f *front) do(a answer) {
	switch {
	case a.engine == "" && a.text == "":
	case a.engine == "":
		f.finish(a)
	case f.tx.inChunks(): // the engine waits for the message; that it gets none is enough
		f.tx.content.abort()
		f.pending = a
	default:
		f.pending = a
		f.toEngine.WriteString(a.engine + "\r\n")
	}
}

// finish ends a command: the client is told, and it is counted.
func (f *front) finish(a answer) {
	if a.done != nil {
		a.done()
	}
	f.say(a.text)
	if a.failed {
		f.errors++
	} else if f.command != nil {
		f.counts.succeeded(f.command.index)
	}
	if f.command != nil && f.command.limited {
		if f.junk++; f.junk > junkLimit {
			f.errors++
		}
	}
	f.upgrading = a.tls
	if a.hangup || a.tls || strings.HasPrefix(a.text, "421") || strings.HasPrefix(a.text, "521") {
		f.hangUp()
	}
}

// dispatch finds what a line asks for and runs it.
func (f *front) dispatch(line string, bareLF bool) answer {
	f.command = nil
	args := tokenize(line)
	f.recordCommand(line, args)
	switch {
	case bareLF && f.cfg.BareLF == BareLFReject:
		f.reject("bare <LF> received", nil)
		return answer{text: "550 5.5.2 " + f.cfg.Hostname + " Error: bare <LF> received", failed: true, hangup: true}
	case !utf8.ValidString(line):
		return no("500 5.5.2 Error: bad UTF-8 syntax")
	case len(args) == 0:
		return no("500 5.5.2 Error: bad syntax")
	}
	f.command = f.server.lookup(args[0].text)
	f.counts.seen(f.command)
	if f.command == nil {
		return f.unknown(line, args[0].text)
	}
	f.where = f.command.name
	f.checkPipelining()
	return f.command.run(f, line, args)
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

// unknown answers what is not a command. A mail header or a web request shows that the client believes to be
// somewhere else; nothing good can follow.
func (f *front) unknown(line, word string) answer {
	f.where = "UNKNOWN"
	if isHeader(word) || isForbidden(word) {
		f.log.Warning(fmt.Sprintf("non-SMTP command from %s: %.100s", f.client, escape(line)))
		return answer{text: "221 2.7.0 Error: I can break rules, too. Goodbye.", failed: true, hangup: true}
	}
	return no("500 5.5.2 Error: command not recognized")
}

// isForbidden tells Postfix's smtpd_forbidden_commands: web requests, and whatever does not begin with a letter.
func isForbidden(word string) bool {
	letter := word[0]|0x20 >= 'a' && word[0]|0x20 <= 'z'
	return !letter || strings.EqualFold(word, "CONNECT") || strings.EqualFold(word, "GET") || strings.EqualFold(word, "POST")
}

// recordCommand puts a typed line into the record, without what AUTH carries.
func (f *front) recordCommand(line string, args []token) {
	if len(args) > 2 && strings.EqualFold(args[0].text, "AUTH") {
		line = args[0].text + " " + args[1].text + " ****"
	}
	f.record.Client(line)
}

// checkPipelining logs, once, that a client has typed ahead where it must wait: before it was told by EHLO that it
// may, or after a command that must be the last of a group.
func (f *front) checkPipelining() {
	waiting := f.wire.r.Buffered()
	if f.pipelined || waiting == 0 || f.command.name == "BDAT" || // a chunk may come with its command
		f.proto == "ESMTP" && !f.command.last {
		return
	}
	f.pipelined = true
	text, _ := f.wire.r.Peek(min(waiting, 100))
	f.log.Pipelining(f.where, f.client.String(), escape(f.withoutSecrets(string(text))))
}

// withoutSecrets cuts AUTH and what follows out of text that was typed ahead: all accounts can read the log.
func (f *front) withoutSecrets(text string) string {
	if f.where == "AUTH" {
		return "****"
	}
	for i := 0; i+4 <= len(text); i++ {
		if strings.EqualFold(text[i:i+4], "AUTH") {
			return text[:i] + "AUTH ****"
		}
	}
	return text
}

// escape writes control characters as in C, as Postfix does in the log.
func escape(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\t':
			b.WriteString(`\t`)
		case c == '\\':
			b.WriteString(`\\`)
		case c < ' ' || c >= 0x7f:
			fmt.Fprintf(&b, `\%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// reject logs a refusal with what is known of the transaction; to is the recipient that it is about.
func (f *front) reject(reply string, to *string) {
	f.log.Reject(f.tx.id(), f.where, f.client.String(), reply, f.context(nil, to))
}

// context is what Postfix's log tells about a refused command.
func (f *front) context(from, to *string) string {
	var words []string
	if from == nil && f.tx != nil {
		from = &f.tx.env.Sender.Typed
	}
	if from != nil {
		words = append(words, "from=<"+printable(addrspec.Quote(*from), '?')+">")
	}
	if to == nil && f.tx != nil && len(f.tx.env.Recipients) > 0 {
		to = &f.tx.env.Recipients[0].Typed
	}
	if to != nil {
		words = append(words, "to=<"+printable(addrspec.Quote(*to), '?')+">")
	}
	words = append(words, "proto="+f.proto)
	if f.helo != "" {
		words = append(words, "helo=<"+f.helo+">")
	}
	return strings.Join(words, " ")
}

// whereFully is where with how much of a message had come.
func (f *front) whereFully() string {
	if f.tx == nil || f.tx.content == nil || f.tx.failed {
		return f.where
	}
	switch f.where {
	case "DATA":
		return fmt.Sprintf("DATA (%d bytes)", f.tx.content.whole)
	case "BDAT":
		return fmt.Sprintf("BDAT (%d bytes)", f.tx.content.size)
	}
	return f.where
}

// asNetError is errors.As for the one type that tells a time-out.
func asNetError(err error, target *net.Error) bool {
	return errors.As(err, target)
}
