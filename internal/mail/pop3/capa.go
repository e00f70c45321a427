package pop3

// cmdCapa tells what works here and now (RFC 2449), in the order of the server whose wording is in force.
func (c *session) cmdCapa() {
	c.ok(c.words.capaHead)
	for _, name := range c.capabilities() {
		c.line(name)
	}
	c.line(".")
}

func (c *session) capabilities() []string {
	stls := c.cfg.TLS != nil && !c.secure && c.drop == nil
	logins := c.drop == nil || c.words.capaKeepsIn
	list := []string{"CAPA", "TOP", "UIDL", "RESP-CODES", "PIPELINING"}
	add := func(on bool, names ...string) {
		if on {
			list = append(list, names...)
		}
	}
	add(c.words.authCode, "AUTH-RESP-CODE")
	add(stls, "STLS")
	add(logins, "USER", "SASL PLAIN")
	add(true, "UTF8 USER", "IMPLEMENTATION maillab")
	return list
}

// cmdUTF8 switches to UTF-8 (RFC 6856 §2). Messages are served as they are with or without it: wrapping those with
// UTF-8 in their headers would show a student something else than what is in the mailbox.
func (c *session) cmdUTF8() { c.ok(sayUTF8) }
