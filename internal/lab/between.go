package lab

import (
	"fmt"
	"slices"
	"strings"

	"maillab/internal/between"
	"maillab/internal/lab/placeholder"
	"maillab/internal/spec"
)

// validateBetween looks at a lab between servers, and at the domain of one that is not.
func (l validation) validateBetween() {
	if l.Stoppable && l.Topology == Shared {
		l.doc.report("stoppable", "topology: isolated", "all students share this server: nobody may stop it")
	}
	b := l.Between
	if b == nil {
		if l.Domain == "" {
			l.doc.report("domain", "domain: example.org", "domain is missing")
		}
		return
	}
	if l.Domain != "" {
		l.doc.report("domain", "take it out: {domain} is each student's own", "between gives each student a domain already")
	}
	if l.Topology == Shared {
		l.doc.report("between", "topology: isolated", "all students share this server: there is nobody for it to write to")
	}
	if l.Services.SMTP == nil {
		l.doc.report("between", "services: {smtp: {}}", "mail between servers needs SMTP")
	}
	if strings.Contains(l.Hostname, ".") {
		l.doc.report("hostname", `hostname: mx`, "in a lab between servers the host name is one word, which each student's domain completes")
	}
	own, parent := b.split()
	switch {
	case !perStudent(own) || slices.Contains(placeholder.Names(b.Domain), "domain"):
		l.doc.report("between.domain", `"{student}.lab"`, "%q would be every student's domain", b.Domain)
	case parent == "" || len(placeholder.Names(parent)) > 0 || !isDomain(parent):
		l.doc.report("between.domain", `"{student}.lab"`, "%q is not in a domain that all share", b.Domain)
	case !isDomain(sample(b.Domain)) || circular(own):
		l.doc.report("between.domain", `"{student}.lab"`, "%q does not begin with a student's name", b.Domain)
	}
	for i, o := range l.Outside {
		if o.Domain == parent || strings.HasSuffix(o.Domain, "."+parent) {
			l.doc.report(child(index("outside", i), "domain"), "take it out", "%q is among the students' domains", o.Domain)
		}
	}
}

// split parts the students' domain into what is each one's own and what all share.
func (b *Between) split() (own, parent string) {
	own, parent, _ = strings.Cut(b.Domain, ".")
	return own, strings.ToLower(parent)
}

// between fills in how a server belongs to the others.
func (c *compiler) between(s *spec.Sandbox, owner *student) {
	if c.Between == nil {
		return
	}
	address := between.Address(owner.seat)
	if !address.IsValid() {
		c.doc.report(apart("between", owner.Key), "", "seat %d has no address: there are %d", owner.seat, between.MostSeats)
		return
	}
	_, parent := c.Between.split()
	s.Between = &spec.Between{Parent: parent, Address: address.String(), Owner: firstOf(owner)}
	first, _, _ := strings.Cut(s.Domain, ".")
	switch other, taken := c.domains[s.Domain]; {
	case first == "" || strings.Count(s.Domain, ".") != strings.Count(parent, ".")+1:
		c.doc.report(apart("between.domain", owner.Key), "{seat} is always one", "nothing of %s can stand in a domain: %q", owner.Key, s.Domain)
	case taken:
		c.doc.report(apart("between.domain", owner.Key), fmt.Sprintf("%q", "{student}-{seat}."+parent), "%s and %s would both have %s", other, owner.Key, s.Domain)
	}
	c.domains[s.Domain] = owner.Key
}
