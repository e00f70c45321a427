package imap

import (
	"context"
	"errors"
	"strings"

	"maillab/internal/mail"
	"maillab/internal/mail/imap/syntax"
)

// words are one server's ways of saying things. What is done does not depend on them.
type words struct {
	banner     string // greeting
	product    bool   // bye and shutdown begin with the product that the banner names
	bye        string // LOGOUT's untagged BYE
	shutdown   string
	timeout    string
	tooManyBad string
	goAhead    string // the line that asks for a literal
	idling     string // and the one that IDLE begins with

	prefix     string // of all mailboxes but INBOX
	sep        string // one character
	quoteNames bool   // mailbox names are always quoted
	inboxMark  bool   // INBOX is \Marked or \Unmarked like the rest

	flagOrder []mail.Flags // in FETCH
	// seenFirst: FLAGS changed by reading a body are told in the same response, before the bodies, and small items come
	// before bodies; otherwise items come in the order asked and the flags in a response of their own.
	seenFirst      bool
	upperFields    bool   // BODY[HEADER.FIELDS (…)] is given back in upper case, with quotes where they were
	quoteFields    bool   // field names in it are all quoted
	defaultParams  bool   // text parts without a charset get us-ascii
	encoding       string // of parts that name none
	location       bool   // BODYSTRUCTURE tells body-fld-loc
	missingHost    string // of an address without a domain
	missingMailbox string // and of one without anything before it
	expungeCounts  bool   // EXPUNGE is followed by EXISTS and RECENT
	statusSelf     string // STATUS of the selected mailbox, with CLIENTBUG; "" as of any other
	badNumbers     bool   // a message number that is not there is BAD, not an untagged NO
	quota          string // the quota root's name
	closed         bool   // SELECT tells when it closes another mailbox
	tellsModSeq    bool   // SELECT always tells HIGHESTMODSEQ (RFC 7162, section 3.1.2.1)
	enabledNone    bool   // ENABLE of nothing is answered with an empty list
	earlyCaps      string // the capabilities before login, "" for all
	loginCaps      bool   // the reply to LOGIN tells the capabilities
	earlyCapsDone  string // completion of CAPABILITY before login

	done map[string]string // completions by command; others: doneDefault
	// doneDefault makes a completion from the command's name.
	doneDefault func(name string) string

	aborted string // AUTHENTICATE ended with *

	tooBig, loginFailed, loginError, gone                   reply
	readOnly, storeReadOnly, expungeReadOnly, nothingToCopy reply

	flags   func(b *selected) string       // FLAGS and PERMANENTFLAGS
	opened  func(c *conn, s mail.Snapshot) // SELECT's untagged responses
	syntax  func(c *conn, name string, err error) reply
	unknown func(c *conn, cmd *command) reply
	// wrongState is a command for before login, after it, or the other way round; noMailbox one that needs a SELECT.
	wrongState func(c *conn, cmd *command) reply
	noMailbox  func(c *conn, cmd *command) reply
	// problem words what a mailbox command came to; name is as typed.
	problem func(cmd, name string, err error) reply
}

func (w *words) completed(name string) reply {
	if text, ok := w.done[name]; ok {
		return reply{status: "OK", text: text}
	}
	return reply{status: "OK", text: w.doneDefault(strings.TrimPrefix(name, "UID "))}
}

// failed words an error of a command on the mailbox called name: the client's mistake, a known problem, or our failure,
// which is logged.
func (c *conn) failed(ctx context.Context, cmd *command, name string, err error) reply {
	if syntax.IsError(err) {
		return c.w.syntax(c, cmd.name, err)
	}
	for _, known := range []error{mail.ErrNoMailbox, mail.ErrExists, mail.ErrBadName, mail.ErrNotEmpty, mail.ErrFull, mail.ErrTooBig, mail.ErrLocked, mail.ErrGone} {
		if errors.Is(err, known) {
			return c.w.problem(cmd.name, name, known)
		}
	}
	if ctx.Err() == nil {
		c.cfg.Logger.Error("imap: command failed", "command", cmd.name, "user", c.stats.User, "mailbox", name, "err", err)
	}
	return reply{status: "NO", code: "SERVERBUG", text: "Internal error occurred. Refer to server log for more information."}
}

// title is a command's name as Dovecot says it: Select, Uid fetch → Fetch.
func title(name string) string {
	name = strings.ToLower(name)
	return strings.ToUpper(name[:1]) + name[1:]
}
