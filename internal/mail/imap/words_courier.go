package imap

import (
	"errors"

	"maillab/internal/mail"
)

// courierWords are Courier-IMAP's, as captured from version 5.0.
func courierWords() words {
	const mistake = "Error in IMAP command received by server."
	syntax := wrong("NO", mistake)
	return words{
		banner:     "IMAP server ready.",
		product:    true,
		bye:        "IMAP server shutting down",
		shutdown:   "IMAP server shutting down",
		timeout:    "Disconnected for inactivity.",
		tooManyBad: "Too many consecutive protocol violations, disconnecting.",
		goAhead:    "+ OK",
		idling:     "+ entering idle mode",

		prefix: "INBOX.", sep: ".", quoteNames: true, inboxMark: true,
		flagOrder:   []mail.Flags{mail.Draft, mail.Answered, mail.Flagged, mail.Seen, mail.Deleted},
		enabledNone: true, quoteFields: true, encoding: "8bit", expungeCounts: true, quota: "ROOT",

		done: map[string]string{
			"LOGIN": "LOGIN Ok.", "AUTHENTICATE": "LOGIN Ok.",
			"SELECT": "Ok", "EXAMINE": "Ok",
			"NAMESPACE": "NAMESPACE completed.", "STATUS": "STATUS Completed.", "CLOSE": "mailbox closed.",
			"UNSELECT": "mailbox closed.", "FETCH": "FETCH completed.", "UID FETCH": "FETCH completed.",
			"STORE": "STORE completed.", "UID STORE": "STORE completed.", "SEARCH": "SEARCH done.",
			"UID SEARCH": "SEARCH done.", "SORT": "SORT done.", "UID SORT": "SORT done.", "THREAD": "THREAD done.",
			"UID THREAD": "THREAD done.", "COPY": "COPY completed.", "UID COPY": "COPY completed.",
			"APPEND": "APPEND Ok.", "DELETE": "Folder deleted.", "RENAME": "Folder renamed.",
			"SUBSCRIBE": "Folder subscribed.", "UNSUBSCRIBE": "Folder unsubscribed.",
			"GETQUOTA": "GETQUOTA Ok.", "GETQUOTAROOT": "GETQUOTAROOT Ok.", "MYRIGHTS": "MYRIGHTS completed.",
			"GETACL": "GETACL completed.", "LISTRIGHTS": "LISTRIGHTS completed.", "ENABLE": "Options enabled",
			"STARTTLS": "Begin SSL/TLS negotiation now.",
		},
		doneDefault: func(name string) string { return name + " completed" },

		aborted:         "Authentication aborted.",
		tooBig:          no("TOOBIG", "Literal is too big."),
		loginFailed:     wrong("NO", "Login failed."),
		loginError:      no("UNAVAILABLE", "Temporary problem, please try again later"),
		readOnly:        no("", "Current box is selected READ-ONLY."),
		storeReadOnly:   no("", "Current box is selected READ-ONLY."),
		nothingToCopy:   ok("COPY completed."),
		expungeReadOnly: no("", "Cannot expunge read-only mailbox."),
		gone:            no("EXPUNGEISSUED", "Some of the requested messages no longer exist."),

		flags:      courierFlags,
		opened:     courierOpened,
		syntax:     func(*conn, string, error) reply { return syntax },
		unknown:    func(*conn, *command) reply { return syntax },
		wrongState: func(*conn, *command) reply { return syntax },
		noMailbox:  func(*conn, *command) reply { return syntax },
		problem:    courierProblem,
	}
}

// courierFlags are the flags that a mailbox knows, and those of them that can be kept.
func courierFlags(b *selected) string {
	flags := "* FLAGS (\\Draft \\Answered \\Flagged \\Deleted \\Seen \\Recent" + b.keywordList() + ")\r\n"
	if b.readOnly {
		return flags + "* OK [PERMANENTFLAGS ()] No permanent flags permitted\r\n"
	}
	return flags + "* OK [PERMANENTFLAGS (\\* \\Draft \\Answered \\Flagged \\Deleted \\Seen" + b.keywordList() + ")] Limited\r\n"
}

func courierOpened(c *conn, s mail.Snapshot) {
	c.tellKeywords()
	c.out.printf("* %d EXISTS\r\n", len(c.box.view))
	c.tellRecent()
	c.out.printf("* OK [UIDVALIDITY %d] Ok\r\n", s.UIDValidity)
	c.out.str("* OK [MYRIGHTS \"acdilrsw\"] ACL\r\n")
}

func courierProblem(cmd, name string, err error) reply {
	switch {
	case errors.Is(err, mail.ErrBadName) || errors.Is(err, mail.ErrNoMailbox):
		return courierNoSuch(cmd, err)
	case errors.Is(err, mail.ErrExists):
		return no("ALREADYEXISTS", "Cannot create this folder.")
	case errors.Is(err, mail.ErrNotEmpty):
		return no("CANNOT", "Cannot delete a folder that has folders below it.")
	case errors.Is(err, mail.ErrFull):
		return no("OVERQUOTA", "You exceeded your mail quota.")
	case errors.Is(err, mail.ErrTooBig):
		return no("TOOBIG", "Message is too big.")
	case errors.Is(err, mail.ErrLocked):
		return no("INUSE", "Mailbox is locked by another program, try again.")
	}
	return no("EXPUNGEISSUED", "Message no longer exists.")
}

// courierNoSuch: a name outside INBOX. and one that is not there are the same to most commands.
func courierNoSuch(cmd string, err error) reply {
	bad := errors.Is(err, mail.ErrBadName)
	switch cmd {
	case "COPY", "UID COPY", "MOVE", "UID MOVE", "APPEND":
		if bad {
			return wrong("NO", "Error in IMAP command received by server.")
		}
		if cmd == "APPEND" {
			return no("TRYCREATE", "Must create mailbox before append")
		}
		return no("TRYCREATE", "Mailbox does not exist.")
	case "CREATE", "RENAME", "DELETE", "SUBSCRIBE", "UNSUBSCRIBE":
		if bad {
			return no("", "Invalid mailbox name.")
		}
	}
	return no("", "Mailbox does not exist, or must be subscribed to.")
}
