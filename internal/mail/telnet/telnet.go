// Package telnet takes telnet's negotiation (RFC 854) out of what a person types to a mail server, for the three protocols
// alike. It promises that no octet of a negotiation becomes part of a command, however the network cuts it, that a
// doubled IAC is the octet itself, and that it keeps nothing: a subnegotiation without an end costs no memory.
//
// One thing is to be answered. After ^C telnet sends IAC IP, IAC DO TIMING-MARK, and shows nothing that the server says
// until the mark is answered: without Answer the student's screen stays dead.
package telnet

import "bytes"

// Telnet's octets. The option is TIMING-MARK (RFC 860).
const (
	se   = 240
	ip   = 244
	sb   = 250
	will = 251
	wont = 252
	do   = 253
	dont = 254
	iac  = 255

	timingMark = 6
)

// Answer is what a client is sent for its DO TIMING-MARK.
const Answer = "\xff\xfc\x06" // IAC WONT TIMING-MARK

// Filter follows one stream of octets. The zero value is at its beginning.
type Filter struct{ state state }

// state is what the octets before have begun.
type state uint8

const (
	text          state = iota
	command             // after IAC
	option              // after IAC WILL, WONT or DONT
	doOption            // after IAC DO
	parameters          // in a subnegotiation
	parametersIAC       // after an IAC in it
)

// Take takes the next octet. typed says that it belongs to the text, mark that the client waits for Answer.
func (f *Filter) Take(c byte) (typed, mark bool) {
	was := f.state
	f.state = text
	switch was {
	case text:
		if c != iac {
			return true, false
		}
		f.state = command
	case command:
		return f.command(c), false
	case doOption:
		return false, c == timingMark
	case parameters:
		f.state = parameters
		if c == iac {
			f.state = parametersIAC
		}
	case parametersIAC:
		if c != se { // an escaped IAC, or what should not be there
			f.state = parameters
		}
	}
	return false, false
}

// command takes what follows IAC. One without an option, as IP, is over with it.
func (f *Filter) command(c byte) (typed bool) {
	switch c {
	case iac:
		return true
	case sb:
		f.state = parameters
	case do:
		f.state = doOption
	case will, wont, dont:
		f.state = option
	}
	return false
}

// interruption is what telnet sends for ^C.
var interruption = []byte{iac, ip, iac, do, timingMark}

// Interruption watches octets that are a message, of which none may be taken out: for the very five that telnet sends for
// ^C an answer is due all the same. The zero value is at a message's beginning.
type Interruption struct{ seen int }

// Look follows the next octets, and says how many answers are due.
func (i *Interruption) Look(b []byte) (due int) {
	if i.seen == 0 && bytes.IndexByte(b, iac) < 0 {
		return 0 // nearly all mail
	}
	for _, c := range b {
		switch c {
		case interruption[i.seen]:
			i.seen++
		case iac:
			i.seen = 1
		default:
			i.seen = 0
		}
		if i.seen == len(interruption) {
			i.seen = 0
			due++
		}
	}
	return due
}
