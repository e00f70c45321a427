// Package delivery is the record of the mail that passed through a daemon: each message that a client handed in, with
// its envelope, and each copy that went into a mailbox. Checks look here, so that what a student moved, read away or
// deleted since still counts as having arrived.
//
// It promises: recording costs no fsync and mostly no system call, and no failure here ever reaches a delivery; what is
// kept is bounded, in one message and in all, and shared out fairly, and what is not whole says so; a daemon that is
// killed loses the last seconds, never an older record.
//
// The files are those of package ring, with the suffix .mail. Each holds records, one behind the other: a line of JSON, as many octets of a message as its "bytes" says, a newline.
//
//	{"v":1,"kind":"taken","epoch":2,"at":"2026-03-26T11:09:05Z","envelope":{"id":"4bXyz","client":"127.0.0.1",
//	 "helo":"pv","protocol":"SMTP","sender":{"typed":"util1","address":"util1@…"},"recipients":[{"typed":"util11",
//	 "address":"util11@…"}],…},"bytes":0}
//	{"v":1,"kind":"delivered","epoch":2,"at":"…","id":"4bXyz","copies":[{"account":"util11","typed":"util11",
//	 "address":"util11@…","head":"Return-Path: <util1@…>\n…"}],"size":312,"bytes":312}
//
// A delivered record has the message once for all its copies, which differ in their first lines (head) only. A taken
// record has none: what was only handed on is nobody's evidence.
package delivery

import (
	"fmt"
	"time"

	"maillab/internal/mail"
)

// Copy is a message in one mailbox.
type Copy struct {
	Account string `json:"account"`
	Typed   string `json:"typed"`   // the recipient as it was typed: X-Original-To
	Address string `json:"address"` // the address that was delivered to: Delivered-To
	Sender  string `json:"sender"`  // of the From_ line
	Head    string `json:"head"`    // the header lines that this copy alone has
	// Fixture names the check that had it delivered; it is no work of a student's.
	Fixture string `json:"fixture,omitempty"`

	At    time.Time `json:"-"`
	Epoch int       `json:"-"`
	text  place
	index int // in its record
}

// Message is what is known of one queue ID in one epoch.
type Message struct {
	ID       string
	Envelope *mail.Envelope // nil: no client handed it in (a notice of the server's own), or that record is gone
	Epoch    int
	At       time.Time // of the first record
	Copies   []Copy    // in the order of delivery
	parts    int
	nth      int // to come
}

// place is where a message's octets are.
type place struct {
	key   string
	part  int
	bytes int
	size  int // of the whole message, before it was cut
}

// kinds of records.
const (
	kindTaken     = "taken"
	kindDelivered = "delivered"
)

// record is the JSON line.
type record struct {
	Version  int            `json:"v"`
	Kind     string         `json:"kind"`
	Part     int            `json:"part,omitempty"` // of the message, from 0
	Epoch    int            `json:"epoch"`
	At       time.Time      `json:"at"`
	ID       string         `json:"id,omitempty"`       // delivered
	Copies   []Copy         `json:"copies,omitempty"`   // delivered
	Envelope *mail.Envelope `json:"envelope,omitempty"` // taken
	Size     int            `json:"size"`               // of the message
	Bytes    int            `json:"bytes"`              // of it that are kept
}

// key names a message in an epoch.
func (r record) key() string {
	id := r.ID
	if r.Envelope != nil {
		id = r.Envelope.Name()
	}
	return fmt.Sprintf("%d %s", r.Epoch, id)
}

// version of the files.
const version = 1
