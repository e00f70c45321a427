package maild

// Serves tells whether a service (smtp, pop3, imap) is on: for who opens listeners.
func (d *Daemon) Serves(service string) bool { return d.serving(service) }
