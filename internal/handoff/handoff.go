// Package handoff is how an open connection changes hands. A sandbox has no network: its gateway accepts a student's TCP
// connection, keeps it, and hands the sandbox one end of a socket pair for it; the sandbox's supervisor hands that on to
// the daemon, or gives it to an sshd. The TCP socket itself is never handed over: whoever has one can disconnect it, and
// dial from the network where it was made.
//
// # The wire
//
// A Unix socket of type SOCK_SEQPACKET. Each packet is one JSON object of at most MaxPacket bytes with at most one
// descriptor attached (SCM_RIGHTS). On a registration, which a sandbox opens at its gateway and keeps, they are Packets:
//
//	sandbox → gateway   {"token":"…","incarnation":2}            first, within HelloPatience: whose sandbox this is, and how
//	                                                             often it had been placed, in a mesh of gateways
//	gateway → sandbox   {"offer":{"service":"smtp","peer":{…}}}  + the end of a connection
//	sandbox → gateway   {"ask":7,"relay":true}                   dial the relay that the lab names
//	sandbox → gateway   {"ask":7,"filter":true}                  connect to the class's SpamAssassin
//	page    → gateway   {"ask":8,"reach":{"seat":3,"service":"ssh","peer":{…}}}
//	gateway → both      {"ask":7,"address":"192.0.2.1:25"}       + the end of a connection; or with "error"
//	sandbox → gateway   {"ask":9,"neighbour":{"to":"bob.lab","service":"smtp"}}
//	gateway → sandbox   {"ask":9,"address":"198.18.0.2","domain":"bob.lab"}  + the end of a connection; or with "error"
//
// A neighbour is asked for by domain or by address. Without a service nothing is connected: the answer says who it is.
//
// A page (package web) registers as a sandbox does; what is offered to it are browsers' connections. So does a SpamAssassin, to which
// sandboxes' connections are offered; it asks for nothing.
//
// From the supervisor to the daemon they are Offers. Whoever gets a packet that he does not understand closes what came
// with it; on a registration, that as well.
package handoff

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"maillab/internal/mail"
)

// MaxPacket bounds one packet, either way.
const MaxPacket = 16 << 10

// What a sandbox, and the page, is told by its environment to say of itself: see Packet. The page has no incarnation.
const (
	EnvToken       = "MAILLAB_TOKEN"
	EnvIncarnation = "MAILLAB_INCARNATION"
)

// HelloPatience is how long who opens a registration may take to say whose it is.
const HelloPatience = 5 * time.Second

// Services that can be offered, beside those of mail (smtp, pop3, imap).
const (
	SSH     = "ssh"
	Control = "control"
	Student = "student" // of a sandbox: what a student may ask of control, with the password of an account
	Web     = "web"     // of the page
	Desk    = "desk"    // of the gateway: what the page asks of it (package gateway, Desk)
	Filter  = "filter"  // of the class's SpamAssassin: what spamc says to spamd
)

// Packet is what is said on a registration: a token, an offer, something asked, or an answer to that.
type Packet struct {
	Token string `json:"token,omitempty"`
	// Incarnation goes with a token: how often the sandbox's seat had been placed when this one was made; 0 outside of a mesh.
	Incarnation int    `json:"incarnation,omitempty"`
	Offer       *Offer `json:"offer,omitempty"`
	Ask         uint64 `json:"ask,omitempty"` // a number of the asker's
	Relay       bool   `json:"relay,omitempty"`
	Filter      bool   `json:"filter,omitempty"`
	Reach       *Reach `json:"reach,omitempty"`
	// Neighbour is asked for in a lab between servers.
	Neighbour *Neighbour `json:"neighbour,omitempty"`
	Address   string     `json:"address,omitempty"` // the relay's, where it was reached; the neighbour's
	Domain    string     `json:"domain,omitempty"`  // the neighbour's
	Error     string     `json:"error,omitempty"`   // why it was not
	Errno     int        `json:"errno,omitempty"`   // the same as Linux's number, where it has one
}

// Offer says what the connection is that comes with it.
type Offer struct {
	Service string    `json:"service"`
	Peer    mail.Peer `json:"peer"`
	Probe   bool      `json:"probe,omitempty"` // the gateway's own look whether the service answers: nothing of it is recorded
	// Neighbour says that another student's server is at the other end, which waits for between.Take.
	Neighbour bool `json:"neighbour,omitempty"`
}

// Neighbour is another student's server, of which a service is asked for; with "" only who it is.
type Neighbour struct {
	To      string `json:"to"` // its domain or address
	Service string `json:"service,omitempty"`
}

// Reach is what a page asks for: a connection to a service of a sandbox, for a browser.
type Reach struct {
	Seat    int       `json:"seat"`
	Service string    `json:"service"`
	Peer    mail.Peer `json:"peer"`
}

// Conn is a connection that was handed on, under its peer's addresses.
type Conn struct {
	net.Conn
	Offer
}

// RemoteAddr is the peer's; without one, the connection's own.
func (c *Conn) RemoteAddr() net.Addr {
	if c.Peer.Remote.IsValid() {
		return net.TCPAddrFromAddrPort(c.Peer.Remote)
	}
	return c.Conn.RemoteAddr()
}

// LocalAddr is what the peer connected to.
func (c *Conn) LocalAddr() net.Addr {
	if c.Peer.Local.IsValid() {
		return net.TCPAddrFromAddrPort(c.Peer.Local)
	}
	return c.Conn.LocalAddr()
}

// CloseWrite is needed by who shuts down one direction.
func (c *Conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Conn.Close()
}

// Parse reads one packet strictly.
func Parse(packet []byte, into any) error {
	if len(packet) > MaxPacket {
		return fmt.Errorf("%d bytes, the limit is %d", len(packet), MaxPacket)
	}
	in := json.NewDecoder(bytes.NewReader(packet))
	in.DisallowUnknownFields()
	if err := in.Decode(into); err != nil {
		return err
	}
	if _, err := in.Token(); err != io.EOF {
		return errors.New("something follows the object")
	}
	return nil
}
