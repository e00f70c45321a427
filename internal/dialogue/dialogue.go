// Package dialogue is the record of what students typed at a server and what they got: one dialogue a connection, kept
// in files that they can neither read nor write, read back by checks, and followed live by a teacher.
//
// It promises: recording a line costs no system call, and no failure here ever reaches the session that is recorded; what
// is kept is bounded, in one dialogue and in all, and shared out fairly among accounts and peers; what a reader sees is up to date; a daemon
// that is killed loses the last seconds of a record, never an older line. Secrets come masked from the protocols.
//
// The files are those of package ring, with the suffix .jsonl, each holding the pieces of many dialogues. (One file a dialogue was tried: making a file cost more than
// all else that a short SMTP session does.) A piece is a line of JSON about the dialogue up to there, and its lines:
//
//	{"v":1,"id":"20260326T110905.123-000001-smtp","part":0,"service":"smtp","peer":"127.0.0.1:40996",
//	 "start":"2026-03-26T11:09:05.123Z","epoch":2,"accounts":["util1"],"skipped":5361,"cut":true,"end":9500}
//	{"ms":0,"s":"220 test6isri.local.isri.fr ESMTP"}    a reply line, so many milliseconds after the start
//	{"ms":2310,"c":"helo pv"}                           a command line
//	{"ms":9120,"data":120}                              so many octets of a message, in place of its lines
//	{"ms":9121,"fault":"smtp latency latency=2s"}       what went wrong on purpose
//
// part counts the dialogue's pieces; inside is whose program it is and from what it said after MAIL FROM, where known; accounts are who logged in so far; skipped, cut and end stand only where there is
// something to say: reply lines that were not kept, the bound that was reached, the milliseconds when it ended.
package dialogue

import "time"

// Dialogue is the record of one connection.
type Dialogue struct {
	ID       string    `json:"id"` // sorts by start
	Service  string    `json:"service"`
	Peer     string    `json:"peer"`
	Inside   string    `json:"inside,omitempty"` // the account whose program it is, by the kernel's word; "": not known
	Accounts []string  `json:"accounts"`         // that logged in, in order, each once
	Start    time.Time `json:"start"`
	End      time.Time `json:"end,omitzero"` // zero: it goes on, or the daemon was killed
	Epoch    int       `json:"epoch"`
	Skipped  int       `json:"skipped,omitempty"` // reply lines that were not kept
	Cut      bool      `json:"cut,omitempty"`     // not kept whole: too long, too old, or its file is torn
	Lines    []Line    `json:"lines,omitempty"`
}

// Line is one line of a dialogue.
type Line struct {
	At    time.Time `json:"at"` // to the millisecond
	From  Side      `json:"from"`
	Kind  Kind      `json:"kind"`
	Text  string    `json:"text,omitempty"`
	Bytes int       `json:"bytes,omitempty"` // of Data
}

// Side is who said a line.
type Side string

// Sides.
const (
	Client Side = "client"
	Server Side = "server"
)

// Kind is what a line is.
type Kind string

// Kinds. The last three are only followed live; in a Dialogue they are its other fields.
const (
	Command Kind = "command"
	Reply   Kind = "reply"
	Data    Kind = "data"  // a message's octets, in place of its lines
	Fault   Kind = "fault" // what went wrong on purpose, as package fault writes it
	Begin   Kind = "begin"
	Login   Kind = "login" // Text is the account
	End     Kind = "end"
)

// Commands are the command lines alone.
func (d Dialogue) Commands() []Line {
	var lines []Line
	for _, l := range d.Lines {
		if l.Kind == Command {
			lines = append(lines, l)
		}
	}
	return lines
}

// dataFrom is who sends messages in a service: an SMTP client, a POP3 or IMAP server.
func dataFrom(service string) Side {
	if service == "smtp" {
		return Client
	}
	return Server
}
