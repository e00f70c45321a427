package senders

import (
	"context"
	"errors"
	"hash/fnv"
	"strings"

	"github.com/emersion/go-msgauth/dmarc"
)

// Policy is what a domain wants done with mail that only claims to be its own.
type Policy string

// The policies.
const (
	PolicyNone       Policy = "none"
	PolicyQuarantine Policy = "quarantine"
	PolicyReject     Policy = "reject"
)

// DMARC is whether the domain that people see in From answers for the message.
type DMARC struct {
	Result Result // none: the domain says nothing
	Domain string // of From
	At     string // the domain whose record counts: From's, or the one that it is part of
	Record string
	Policy Policy // p=, or sp= for what is below
	Apply  Policy // what is done: with pct= not all of them the policy
	Strict struct{ SPF, DKIM bool }
	SPF    bool // SPF passed, for a domain that is aligned
	DKIM   bool // a signature is good, of a domain that is aligned
	Asked  []Question
	Why    error // why there is no record to go by
}

// errAuthors is of a message whose From names nobody, or several.
var errAuthors = errors.New("not one author is named by From")

// Organization is the domain that counts with relaxed alignment (RFC 7489 section 3.2): the student's, where others look into the
// Public Suffix List; any other domain is its own.
func (j *Judge) Organization(domain string) string {
	own, below := strings.CutSuffix(domain, "."+j.Parent)
	if !below || j.Parent == "" {
		return domain
	}
	return own[strings.LastIndexByte(own, '.')+1:] + "." + j.Parent
}

// aligned tells whether a domain that was proved may stand for From's.
func (j *Judge) aligned(proved, from string, strict bool) bool {
	if proved == "" {
		return false
	}
	return proved == from || !strict && j.Organization(proved) == j.Organization(from)
}

// dmarc judges by what the other two found. draw is which of a hundred the message is, for pct=.
func (j *Judge) dmarc(ctx context.Context, m Judgement, draw int) DMARC {
	d := DMARC{Result: None, Apply: PolicyNone, Policy: PolicyNone}
	if len(m.From) != 1 {
		d.Result, d.Why = PermError, errAuthors
		return d
	}
	d.Domain = domainOf(m.From[0])
	q := &inquiry{names: j.Names}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	record := j.policy(ctx, q, &d)
	d.Asked = q.take()
	if record == nil {
		return d
	}
	d.Strict.SPF, d.Strict.DKIM = record.SPFAlignment == dmarc.AlignmentStrict, record.DKIMAlignment == dmarc.AlignmentStrict
	d.SPF = m.SPF.Result == Pass && j.aligned(m.SPF.Domain, d.Domain, d.Strict.SPF)
	for _, s := range m.DKIM {
		d.DKIM = d.DKIM || s.Result == Pass && j.aligned(s.Domain, d.Domain, d.Strict.DKIM)
	}
	d.Policy = Policy(record.Policy)
	if d.At != d.Domain && record.SubdomainPolicy != "" {
		d.Policy = Policy(record.SubdomainPolicy)
	}
	if d.Result = Fail; d.SPF || d.DKIM {
		d.Result = Pass
		return d
	}
	d.Apply = d.Policy
	if record.Percent != nil && draw >= *record.Percent { // RFC 7489 section 6.6.4: the next milder one
		d.Apply = map[Policy]Policy{PolicyReject: PolicyQuarantine}[d.Policy]
	}
	if d.Apply == "" {
		d.Apply = PolicyNone
	}
	return d
}

// policy finds the record for From's domain (RFC 7489 section 6.6.3); nil where there is none to go by.
func (j *Judge) policy(ctx context.Context, q *inquiry, d *DMARC) *dmarc.Record {
	for _, domain := range []string{d.Domain, j.Organization(d.Domain)} {
		if d.At == domain {
			continue
		}
		d.At = domain
		texts, err := q.LookupTXT(ctx, "_dmarc."+domain)
		if failure(err) == noAnswer {
			d.Result, d.Why = TempError, err
			return nil
		}
		var records []string
		for _, t := range texts {
			if version, _, _ := strings.Cut(t, ";"); strings.Join(strings.Fields(version), "") == "v=DMARC1" {
				records = append(records, t)
			}
		}
		if len(records) != 1 { // several are as none
			continue
		}
		d.Record = records[0]
		record, err := dmarc.Parse(d.Record)
		if err != nil {
			d.Result, d.Why = PermError, err
			return nil
		}
		return record
	}
	d.At, d.Why = "", dmarc.ErrNoPolicy
	return nil
}

// Draw is which of a hundred a message is: the same one each time, so that whoever looks again sees the same.
func Draw(id string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	return int(h.Sum32() % 100)
}

// Message judges a message with LF line ends, after its envelope. id names it.
func (j *Judge) Message(ctx context.Context, m Judgement, id string, text []byte) Judgement {
	header, _ := fields(text)
	m.From = nil
	if from := named(header, "from"); len(from) > 0 { // of several, the first is what opendmarc and mail programs go by
		m.From = authors(from[0])
	}
	m.DKIM, m.TooMany = j.signatures(ctx, text)
	m.DMARC = j.dmarc(ctx, m, Draw(id))
	return m
}
