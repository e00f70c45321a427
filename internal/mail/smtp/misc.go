package smtp

import "strings"

// noopCommand is NOOP (RFC 5321 section 4.1.1.9), with or without an argument.
func (f *front) noopCommand(string, []token) answer { return ok("250 2.0.0 Ok") }

// quitCommand is QUIT (RFC 5321 section 4.1.1.10).
func (f *front) quitCommand(string, []token) answer {
	return answer{text: "221 2.0.0 Bye", hangup: true}
}

// vrfyCommand is VRFY (RFC 5321 section 3.5): the recipient check, without a recipient.
func (f *front) vrfyCommand(_ string, args []token) answer {
	if f.authMissing() {
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
	var words []string
	for _, a := range args {
		words = append(words, a.text)
	}
	typed := token{text: strings.Join(words, " ")}
	address, valid := f.address(typed, utf8, false)
	if !valid {
		return no("501 5.1.3 Bad recipient address syntax")
	}
	if text := f.check(address); text != "" {
		return no(text)
	}
	return ok("252 2.0.0 " + printable(typed.text, '?'))
}

// etrnCommand is ETRN (RFC 1985): try the mail for a domain again, now.
func (f *front) etrnCommand(_ string, args []token) answer {
	switch {
	case f.authMissing():
		return no("530 5.7.0 Authentication required")
	case f.tx != nil && !f.tx.void():
		return no("503 Error: MAIL transaction in progress")
	case len(args) != 2:
		return no("500 Syntax: ETRN domain")
	}
	domain := strings.TrimLeft(args[1].text[:1], "@#") + args[1].text[1:]
	literal := strings.HasPrefix(domain, "[") && strings.HasSuffix(domain, "]")
	if !validHostname(domain, false) && !(literal && validLiteral(domain[1:len(domain)-1])) {
		return no("501 Error: invalid parameter syntax")
	}
	if flusher, can := f.server.backend.(Flusher); can && flusher.Flush(f.ctx, domain) {
		return ok("250 Queuing started")
	}
	f.log.Warning("reject: ETRN " + domain[:min(len(domain), 100)] + "... from " + f.client.String())
	return no("459 <" + domain + ">: service unavailable")
}
