package log

// Named tells what the name server of a lab between servers has to say, as BIND's would in a system's log.
func (l *Log) Named(text string) { l.line("named[53]", text) }

// Unproved tells that a client's address has a name which does not lead back to it. It comes before the client's connect.
func (l *Log) Unproved(name, address, why string) {
	text := "warning: hostname " + name + " does not resolve to address " + address
	if why != "" {
		text += ": " + why
	}
	l.line(postfix("smtpd"), text)
}
