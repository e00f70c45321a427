package mail

import (
	"io"
	"time"
)

// Flags are a message's system flags (RFC 3501 section 2.3.2), without \Recent, which belongs to sessions.
type Flags uint8

// The flags.
const (
	Seen Flags = 1 << iota
	Answered
	Flagged
	Draft
	Deleted
)

// Message is what is known of a message without reading it.
type Message struct {
	UID        uint32
	Flags      Flags
	Keywords   []string  // sorted
	Recent     bool      // no session has claimed it yet
	Size       int64     // octets on the wire, lines ending in CRLF
	HeaderSize int64     // octets of the header on the wire, its empty line included; 0 when not known
	Date       time.Time // INTERNALDATE
	ModSeq     uint64    // RFC 7162; at least 1, rises with each change of the flags
	Digest     Digest
}

// Digest tells messages apart: two with the same one have the same header and body, whatever their mailboxes and UIDs.
// The zero value is none.
type Digest [16]byte

// Snapshot is a mailbox at one instant.
type Snapshot struct {
	UIDValidity uint32
	UIDNext     uint32
	ModSeq      uint64    // HIGHESTMODSEQ (RFC 7162); grows with every change of flags, new message and expunge
	Messages    []Message // ascending by UID; shared: not to be changed
	// Vanished are the last messages that were expunged, ascending by ModSeq; shared: not to be changed. All that went after
	// Since are among them (RFC 7162 section 3.2); what went before may have been forgotten.
	Vanished []Vanished
	Since    uint64
}

// Vanished is a message that is gone.
type Vanished struct {
	UID    uint32
	ModSeq uint64 // of the mailbox when it went
}

// Stored is what became of a STORE.
type Stored struct {
	Messages []Message // as they are now, ascending by UID; those in Conflict too
	Conflict []uint32  // UIDs that were left alone because of Since
}

// File is one of those that a user keeps mail in.
type File struct {
	Path string `json:"path"` // below the directory of folders: "Archives", "2026/march"
	Dir  bool   `json:"dir,omitempty"`
	Size int64  `json:"size,omitempty"` // octets; 0 of a directory
}

// StoreOp is what STORE does with its flags.
type StoreOp uint8

// The three forms of STORE.
const (
	SetFlags StoreOp = iota
	AddFlags
	RemoveFlags
)

// FlagChange is one STORE.
type FlagChange struct {
	Op       StoreOp
	Flags    Flags
	Keywords []string
	// Conditional leaves alone what has a greater ModSeq than Since (RFC 7162, UNCHANGEDSINCE).
	Conditional bool
	Since       uint64
}

// Raw is a message's octets as they go over the wire. They never change while the UID lives.
type Raw interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// Delivery is one copy of a message for one mailbox. Head and Body together are the message, lines ending in LF (CRLF is
// borne); Body may be shared between copies, and neither is changed by anybody.
type Delivery struct {
	ID      string    // what the message is known by (Envelope.Name); "" for what did not come through the queue
	User    string    // whose mailbox
	Box     string    // "" is INBOX
	Spared  bool      // nothing goes wrong with it on purpose
	Sender  string    // for the From_ line: the envelope's sender; "" is MAILER-DAEMON
	To      string    // the address that was delivered to
	OrigTo  string    // the address as it was typed
	Arrived time.Time // when the message came
	At      time.Time // for the From_ line; zero is now
	Head    []byte    // Return-Path, X-Original-To, Delivered-To: what this copy alone has
	Body    []byte    // the rest of the header, a blank line, the body
	// Large is the message in place of Head and Body when it is too big to be held. It is read twice, while the mailbox is
	// locked: let it be a file.
	Large    *io.SectionReader
	Flags    Flags    // of copied and appended messages
	Keywords []string // without blanks, sorted
	// Done may be called, once, as soon as the outcome is known: one mailbox that is locked must not keep what is known of
	// the others from being written down. nil is nobody.
	Done func(error)
}

// Size is how many octets of message come, before line ends are changed.
func (d *Delivery) Size() int64 {
	if d.Large != nil {
		return d.Large.Size()
	}
	return int64(len(d.Head) + len(d.Body))
}
