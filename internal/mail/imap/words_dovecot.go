package imap

import (
	"errors"
	"strings"

	"maillab/internal/mail"
	"maillab/internal/mail/imap/syntax"
)

// dovecotWords are Dovecot's, as captured from version 2.3. Its timing suffixes are left out.
func dovecotWords() words {
	return words{
		banner:     "IMAP server ready.",
		bye:        "Logging out",
		shutdown:   "Server shutting down.",
		timeout:    "Disconnected for inactivity.",
		tooManyBad: "Too many invalid IMAP commands.",
		goAhead:    "+ OK",
		idling:     "+ idling",

		sep:    "/",
		closed: true, tellsModSeq: true,
		flagOrder: []mail.Flags{mail.Answered, mail.Flagged, mail.Deleted, mail.Seen, mail.Draft},
		seenFirst: true, upperFields: true, defaultParams: true, encoding: "7bit", location: true,
		missingHost: "MISSING_DOMAIN", missingMailbox: "MISSING_MAILBOX", badNumbers: true, quota: "User quota",
		statusSelf: "Status on selected mailbox completed.",
		earlyCaps:  "IMAP4rev1 SASL-IR ID ENABLE IDLE LITERAL+", loginCaps: true,
		earlyCapsDone: "Pre-login capabilities listed, post-login capabilities have more.",

		done: map[string]string{
			"LOGIN": "Logged in", "AUTHENTICATE": "Logged in", "NOOP": "NOOP completed.", "ID": "ID completed.",
			"STARTTLS": "Begin TLS negotiation now.", "ENABLE": "Enabled.",
		},
		doneDefault: func(name string) string { return title(name) + " completed." },

		aborted:         "Authentication aborted by client.",
		tooBig:          reply{status: "NO", code: "TOOBIG", text: "Literal size too large"},
		loginFailed:     reply{status: "NO", code: "AUTHENTICATIONFAILED", text: "Authentication failed.", bad: true},
		loginError:      no("UNAVAILABLE", "Temporary authentication failure."),
		readOnly:        no("READ-ONLY", "Mailbox is read-only"),
		storeReadOnly:   ok("Store ignored with read-only mailbox."),
		nothingToCopy:   ok("No messages found."),
		expungeReadOnly: ok("Expunge completed."),
		gone:            no("EXPUNGEISSUED", "Some of the requested messages no longer exist."),

		flags:      dovecotFlags,
		opened:     dovecotOpened,
		syntax:     dovecotSyntax,
		unknown:    dovecotUnknown,
		wrongState: dovecotUnknown,
		noMailbox:  func(*conn, *command) reply { return wrong("BAD", "No mailbox selected.") },
		problem:    dovecotProblem,
	}
}

// dovecotFlags are the flags that a mailbox knows, and those of them that can be kept.
func dovecotFlags(b *selected) string {
	flags := "\\Answered \\Flagged \\Deleted \\Seen \\Draft" + b.keywordList()
	if b.readOnly {
		return "* FLAGS (" + flags + ")\r\n* OK [PERMANENTFLAGS ()] Read-only mailbox.\r\n"
	}
	return "* FLAGS (" + flags + ")\r\n* OK [PERMANENTFLAGS (" + flags + " \\*)] Flags permitted.\r\n"
}

func dovecotOpened(c *conn, s mail.Snapshot) {
	c.tellKeywords()
	c.out.printf("* %d EXISTS\r\n", len(c.box.view))
	c.tellRecent()
	if n := c.box.firstUnseen(); n > 0 {
		c.out.printf("* OK [UNSEEN %d] First unseen.\r\n", n)
	}
	c.out.printf("* OK [UIDVALIDITY %d] UIDs valid\r\n* OK [UIDNEXT %d] Predicted next UID\r\n", s.UIDValidity, s.UIDNext)
}

// dovecotSyntax: before login its reply is always the same one.
func dovecotSyntax(c *conn, name string, err error) reply {
	switch {
	case c.user == nil:
		return wrong("BAD", "Error in IMAP command received by server.")
	case name == "":
		return wrong("BAD", "Error in IMAP tag: "+err.Error()+".")
	}
	return wrong("BAD", "Error in IMAP command "+name+": "+err.Error()+".")
}

func dovecotUnknown(c *conn, cmd *command) reply {
	switch {
	case c.user == nil && strings.EqualFold(cmd.tag, "login"):
		return wrong("BAD", "First parameter in line is IMAP's command tag, not the command name. "+
			"Add that before the command, like: a login user pass")
	case c.user == nil:
		return dovecotSyntax(c, "", nil)
	case cmd.name == "" || cmd.name == "UID ":
		return wrong("BAD", "Error in IMAP command: Invalid command name.")
	}
	return wrong("BAD", "Error in IMAP command "+cmd.name+": Unknown command.")
}

// dovecotBadName says why, where it knows.
func dovecotBadName(name string) reply {
	if _, ok := syntax.DecodeUTF7(name); !ok {
		return no("", "Mailbox name is not valid mUTF-7.")
	}
	switch {
	case name == "":
		name = "Name is empty."
	case strings.HasPrefix(name, "/"):
		name = "Begins with hierarchy separator."
	case strings.Contains(name, "//"):
		name = "Has adjacent hierarchy separators."
	}
	return no("CANNOT", "Invalid mailbox name: "+name)
}

func dovecotProblem(cmd, name string, err error) reply {
	switch {
	case errors.Is(err, mail.ErrNoMailbox):
		code := "NONEXISTENT"
		switch cmd {
		case "COPY", "UID COPY", "MOVE", "UID MOVE", "APPEND":
			code = "TRYCREATE"
		}
		return no(code, "Mailbox doesn't exist: "+name)
	case errors.Is(err, mail.ErrBadName):
		return dovecotBadName(name)
	case errors.Is(err, mail.ErrExists):
		return no("ALREADYEXISTS", "Mailbox already exists")
	case errors.Is(err, mail.ErrNotEmpty):
		return no("CANNOT", "Mailbox has children, delete them first")
	case errors.Is(err, mail.ErrFull):
		return no("OVERQUOTA", "Quota exceeded (mailbox for user is full)")
	case errors.Is(err, mail.ErrTooBig):
		return no("TOOBIG", "Mail size is larger than the maximum size allowed by server configuration")
	case errors.Is(err, mail.ErrLocked):
		return no("INUSE", "Timeout while waiting for lock")
	}
	return no("EXPUNGEISSUED", "Message no longer exists.")
}
