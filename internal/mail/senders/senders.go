// Package senders judges who may send mail under whose name, and signs a domain's own: SPF (RFC 7208), DKIM (RFC 6376),
// DMARC (RFC 7489), told in Authentication-Results (RFC 8601). ARC (RFC 8617) is left out.
//
//	SPF    may the client's address send for the domain of HELO and of MAIL FROM?    after RCPT
//	DKIM   was the message signed by a domain, and is it as it was signed?           at the end of the data
//	DMARC  is one of these two the domain of the From that people see?               then
//
// The headers, the log's lines and the replies are those of Postfix with policyd-spf, opendkim and opendmarc (postfix.go).
// Why something was judged as it was can be told step by step (explain.go).
//
// Everything is asked of the lab's own name server, and bounded: who writes a record or a message is a student.
package senders

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// Names are what judging asks; the errors are *net.DNSError.
type Names interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupMX(ctx context.Context, domain string) ([]*net.MX, error)
	LookupIP4(ctx context.Context, host string) ([]netip.Addr, error)
	LookupAddr(ctx context.Context, address netip.Addr) (string, error)
}

// Judge judges for one server. It is safe for concurrent use.
type Judge struct {
	Host   string // the server's name, which Authentication-Results carry
	Parent string // the domain below which each student has one: what the Public Suffix List is elsewhere; lower case
	Names  Names
}

// Client is who hands a message in, with what it says of itself.
type Client struct {
	Name    string // what its address is called; "" when that is not proved
	Address netip.Addr
	Helo    string
	Sender  string // of MAIL FROM, full; "" is the null sender
}

// Bounds of one judgement.
const (
	patience      = 20 * time.Second // for all questions of one check (policyd-spf's Lookup_Time)
	mostQuestions = 200              // that are remembered: RFC 7208 section 4.6.4 allows about 120
	longestText   = 4096             // octets of a TXT record that are looked at: a key of 16,384 bits has 2,900
	longestHeader = 64 << 10         // octets of a header whose signatures are looked at
	mostFields    = 1000             // fields of one
	mostSigned    = 5                // signatures of a message that are looked at
	longestSigned = 8 << 10          // octets of one
)

// Result is what a check came to, in RFC 8601's words.
type Result string

// The results.
const (
	None      Result = "none"
	Neutral   Result = "neutral"
	Pass      Result = "pass"
	Fail      Result = "fail"
	SoftFail  Result = "softfail"
	TempError Result = "temperror"
	PermError Result = "permerror"
)

// Judgement is all that was found out about a message.
type Judgement struct {
	Client  Client
	HELO    SPF // of the name that the client gave; Result is "" where it was not looked at
	SPF     SPF // of MAIL FROM, or, where that is empty, of HELO
	From    []string
	DKIM    []Signature
	TooMany bool // signatures, or a header that is too large: the rest was not looked at
	DMARC   DMARC
}
