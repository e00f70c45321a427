// Package control is what the controller and an instance's gateway and sandboxes say to each other: JSON over HTTP/2
// without TLS, on one stream per command (see docs/design.md). The request's host says whom it is for: "gateway", or
// "seat-N" for a sandbox. What is for a sandbox reaches it over its registration.
//
//	GET  gateway/v1/doors            the doors in force
//	PUT  gateway/v1/doors            replace them
//	GET  gateway/v1/probe?seat=N     dial each service of a sandbox once, as a probe
//	POST gateway/v1/dial?seat=N      a byte stream to its SSH, both ways
//	POST gateway/v1/codes            a code that makes a browser the teacher's, once
//	GET  gateway/v1/mesh             the gateways of other machines, and which of them are heard
//	GET  seat-N/v1/ready             state of a sandbox
//	PUT  seat-N/v1/spec              what it is to be
//	GET  seat-N/v1/status            accounts and their messages
//	GET  seat-N/v1/log?lines=N&follow=1     mail.log
//	POST seat-N/v1/authorize         let an SSH key in as an account for a while
//	GET  seat-N/v1/hostkey           the SSH host key
//
// An error answer is {"error": "…"} with a status that says whose fault it is.
package control

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"maillab/internal/between"
)

// GatewayHost is the request host of the gateway itself.
const GatewayHost = "gateway"

// SeatHost is the request host of a sandbox.
func SeatHost(seat int) string { return fmt.Sprintf("seat-%d", seat) }

// States of a sandbox.
const (
	Unconfigured = "unconfigured" // no spec yet
	Starting     = "starting"
	StateReady   = "ready" // every service answers
)

// Ready is a sandbox's own word on itself.
type Ready struct {
	State    string   `json:"state"`
	Spec     string   `json:"spec"`               // hash of the spec in force, "" when there is none
	Services []string `json:"services"`           // those that are served
	Timezone string   `json:"timezone,omitempty"` // of the lab
	Stopped  bool     `json:"stopped,omitempty"`  // the mail server, by its student
	Problem  string   `json:"problem,omitempty"`
	Version  string   `json:"version"`
}

// Status is what a sandbox holds.
type Status struct {
	Ready
	Accounts []Account  `json:"accounts"`
	Tasks    []Progress `json:"tasks,omitempty"`
	Faults   int        `json:"faults,omitempty"` // on purpose, that the teacher has put in force
}

// Account is a mailbox in numbers.
type Account struct {
	Name     string `json:"name"`
	Student  string `json:"student,omitempty"`
	Messages int    `json:"messages"`
	Unread   int    `json:"unread"`
	Bytes    int64  `json:"bytes"`
}

// Authorize lets a key in.
type Authorize struct {
	Account string        `json:"account"`
	Key     string        `json:"key"` // one authorized_keys line
	For     time.Duration `json:"for"` // nanoseconds
}

// Doors is all that a gateway needs to know.
type Doors struct {
	Sandboxes []Target `json:"sandboxes"`
	Web       *Target  `json:"web,omitempty"` // the class's page, with WebSeat as its seat; nil: there is none
	// Filter is the class's SpamAssassin, with FilterSeat as its seat and without a door; nil: there is none.
	Filter *Target `json:"filter,omitempty"`
	// Mesh is said where there is a gateway on each of many machines; nil: there is this one.
	Mesh *Mesh `json:"mesh,omitempty"`
}

// Targets are the sandboxes, and the page.
func (d Doors) Targets() []Target {
	if d.Web == nil {
		return d.Sandboxes
	}
	return append(slices.Clip(d.Sandboxes), *d.Web)
}

// Find finds the first sandbox that is meant, or else the page, or the filter.
func (d Doors) Find(meant func(Target) bool) (Target, bool) {
	if i := slices.IndexFunc(d.Sandboxes, meant); i >= 0 {
		return d.Sandboxes[i], true
	}
	if d.Web != nil && meant(*d.Web) {
		return *d.Web, true
	}
	if d.Filter != nil && meant(*d.Filter) {
		return *d.Filter, true
	}
	return Target{}, false
}

// Neighbour finds the server that a sandbox means by a domain or an address. One that has no domain has no neighbours.
func (d Doors) Neighbour(asker Target, to string) (Target, bool) {
	if asker.Domain == "" {
		return Target{}, false
	}
	i := slices.IndexFunc(d.Sandboxes, func(t Target) bool {
		return t.Domain != "" && (strings.EqualFold(t.Domain, to) || between.Address(t.Seat).String() == to)
	})
	if i < 0 {
		return Target{}, false
	}
	return d.Sandboxes[i], true
}

// Server is a sandbox as its neighbours see it.
func (t Target) Server() between.Server {
	return between.Server{Domain: t.Domain, Address: between.Address(t.Seat)}
}

// Serves tells whether a door leads to a service of a target.
func (t Target) Serves(service string) bool {
	return slices.ContainsFunc(t.Doors, func(d Door) bool { return d.Service == service })
}

// Name is what a target is called where something is wrong with it.
func (t Target) Name() string {
	switch t.Seat {
	case WebSeat:
		return "the class's page"
	case FilterSeat:
		return "the class's SpamAssassin"
	}
	return fmt.Sprintf("seat %d", t.Seat)
}

// What stands for a seat where the class's page, or its SpamAssassin, is meant. (-2 is where gateways listen for one another.)
const (
	WebSeat    = -1
	FilterSeat = -3
)

// Target is a sandbox as its gateway sees it.
type Target struct {
	Seat     int      `json:"seat"`
	Students []string `json:"students,omitempty"` // roster keys, by which the page finds whose sandbox it is
	Token    string   `json:"token"`              // by which it registers; unused by the embedded engine
	Relay    string   `json:"relay,omitempty"`    // host:port of the one server that is dialled for it
	Domain   string   `json:"domain,omitempty"`   // in a lab between servers; "": it has no neighbours, and is nobody's
	Node     string   `json:"node,omitempty"`     // ID of the node on which it is; "": not known, or there is one gateway
	Doors    []Door   `json:"doors"`

	// Incarnation is how often it has been placed on a node. What registers is to have this number (MAILLAB_INCARNATION); 0 and 1
	// are the first, for which nobody has to let go of it. It never shrinks, not even when a seat has been gone in between.
	Incarnation int `json:"incarnation,omitempty"`

	// Closed is a sandbox whose doors do not open yet, on any node: what it had elsewhere is being put back.
	Closed bool `json:"closed,omitempty"`

	Page *Page `json:"page,omitempty"` // of the class's page; nil: HTTP, and nobody is a proxy
}

// Page is how a class's page is served.
type Page struct {
	TLS         bool     `json:"tls,omitempty"`
	Certificate string   `json:"certificate,omitempty"` // with its chain and key, in PEM
	Proxies     []string `json:"proxies,omitempty"`     // addresses and prefixes whose X-Forwarded-For and X-Forwarded-Proto count
}

// Door is where students knock.
type Door struct {
	Service string `json:"service"` // ssh, smtp, pop3, imap, web
	Listen  string `json:"listen"`  // host:port on the machine
	// At is where the gateway itself listens, when the engine forwards Listen to it.
	At string `json:"at,omitempty"`
}

// Probe is what one dial of a service gave.
type Probe struct {
	Service  string `json:"service"`
	Greeting string `json:"greeting"`
	Error    string `json:"error,omitempty"`
}

// Error is an error answer.
type Error struct {
	Status int    `json:"-"` // HTTP
	Text   string `json:"error"`
}

func (e *Error) Error() string { return e.Text }
