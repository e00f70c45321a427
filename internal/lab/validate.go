package lab

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"maillab/internal/lab/placeholder"
)

// validation looks for what is wrong with a lab's values, as far as it shows without a class, and reports it to the lab's document.
type validation struct{ *Lab }

func (l validation) run() {
	l.validateNames()
	l.validateBetween()
	l.validateAccounts()
	l.validateServices()
	l.validateWorld()
	l.validatePublish()
	l.validateCopies()
	l.validateTasks()
	l.validateTimes()
	l.validateFaults()
}

// validateNames looks at what the server is called.
func (l validation) validateNames() {
	l.serverText("hostname", l.Hostname)
	l.serverText("domain", l.Domain)
	if !isDomain(sample(l.Hostname)) {
		l.doc.report("hostname", "letters, digits, dashes and dots", "%q is not a host name", l.Hostname)
	}
	if l.Domain != "" && (slices.Contains(placeholder.Names(l.Domain), "domain") || !isDomain(sample(l.Domain))) {
		l.doc.report("domain", "letters, digits, dashes and dots", "%q is not a domain", l.Domain)
	}
	if _, err := time.LoadLocation(l.Timezone); err != nil || l.Timezone == "" || l.Timezone == "Local" {
		l.doc.report("timezone", "a name like Europe/Paris", "unknown timezone %q", l.Timezone)
	}
	l.domains("also", "a domain", l.Also)
	l.domains("hosts", "a host name", l.Hosts)
}

// domains looks at a list of names, each of which may be there once.
func (l validation) domains(path, what string, names []string) {
	for i, name := range names {
		at := index(path, i)
		l.serverText(at, name)
		if !isDomain(sample(name)) {
			l.doc.report(at, "letters, digits, dashes and dots", "%q is not %s", name, what)
		}
		if slices.ContainsFunc(names[:i], func(other string) bool { return strings.EqualFold(other, name) }) {
			l.doc.report(at, "take one out", "%q is there twice", name)
		}
	}
}

// serverText reports student's placeholders in what a shared server has only one of.
func (l validation) serverText(path, text string) {
	if l.Topology != Shared {
		return
	}
	for _, name := range placeholder.Names(text) {
		if isName(name) && !slices.Contains(ofServer(), name) {
			l.doc.report(path, "", "{%s} means nothing here: all students share this server", name)
		}
	}
}

// validateAccounts looks at the accounts that are the same for every class, and at the form of the others.
func (l validation) validateAccounts() {
	if len(l.Accounts) == 0 {
		l.doc.report("accounts", "a server needs one at least", "no accounts")
	}
	first := map[string]string{} // name → path
	total := 0
	for i, a := range l.Accounts {
		at := index("accounts", i)
		l.validateAccount(at, a)
		total += max(a.N.Last-a.N.First+1, 1)
		if perStudent(a.Name) {
			continue
		}
		for _, name := range a.static(l.Lab) {
			if other, taken := first[name]; taken {
				l.doc.report(child(at, "name"), "take one out", "account %q is declared on line %d already", name, l.doc.line(other))
			}
			first[name] = child(at, "name")
		}
	}
	if total > maxAccounts {
		l.doc.report("accounts", "", "more than %d accounts on a server", maxAccounts)
	}
	if l.Topology == Shared && len(l.Assign) == 0 && !slices.ContainsFunc(l.Accounts, func(a Account) bool { return perStudent(a.Name) }) {
		l.doc.report("assign", `assign: ["util{seat}"]`, "assign is missing: whose accounts are these on a shared server?")
	}
	for i, name := range l.Assign {
		l.validateAssign(index("assign", i), name, first)
	}
}

func (l validation) validateAccount(at string, a Account) {
	name := child(at, "name")
	hasN := slices.Contains(placeholder.Names(a.Name), "n")
	switch example := sample(a.Name); {
	case hasN && a.N.empty():
		l.doc.report(child(at, "n"), "n: 1-19", "account %q has {n}, but no range n", a.Name)
	case !hasN && !a.N.empty():
		l.doc.report(name, `name: "util{n}"`, "account %q has a range n, but no {n}", a.Name)
	case circular(a.Name):
		l.doc.report(name, "use {seat}, {student} or a roster column", "account %q is named after an account", a.Name)
	case !isAccount(example):
		l.doc.report(name, fmt.Sprintf("lower-case letters, digits, dots, dashes, at most %d", maxAccountName), "%q cannot be an account's name", a.Name)
	case isReserved(example):
		l.doc.report(name, "", "%q is an account of the system", a.Name)
	}
	if strings.ContainsFunc(a.Password, func(c rune) bool { return c < ' ' }) {
		l.doc.report(child(at, "password"), "", "the password has a control character")
	}
	if l.Topology == Shared && perStudent(a.Password) && !perStudent(a.Name) {
		l.doc.report(child(at, "password"), "name the account after the student too, or use generate", "whose %s is it on a shared server?", a.Password)
	}
}

// circular says whether an account's name would follow from the accounts.
func circular(name string) bool {
	return slices.ContainsFunc(placeholder.Names(name), func(n string) bool {
		return n == "account" || n == "account2" || n == "token" || n == "port"
	})
}

// validateAssign looks at one entry of assign; static has the accounts that are the same for every class.
func (l validation) validateAssign(at, name string, static map[string]string) {
	columns := slices.ContainsFunc(l.Accounts, func(a Account) bool { return perStudent(a.Name) })
	one := placeholder.Expand(name, values{lab: l.Lab, student: nobody(), seat: 1}.lookup)
	switch {
	case circular(name) || slices.Contains(placeholder.Names(name), "n"):
		l.doc.report(at, "use {seat}, {student} or a roster column", "%q is not a student's account", name)
	case l.Topology == Shared && !perStudent(name):
		l.doc.report(at, "it needs {seat} or a roster column", "%q would be every student's account", name)
	case !columns && static[one] == "":
		l.doc.report(at, "", "seat 1 would have account %q, which there is not", one)
	}
}

// validateServices looks at what runs.
func (l validation) validateServices() {
	s := l.Services
	if s == (Services{}) {
		l.doc.report("services", "smtp, pop3, imap, ssh", "no service runs")
	}
	if s.SMTP != nil {
		if relay := s.SMTP.Relay; relay != "reject" && !isRelay(sample(relay)) {
			l.doc.report("services.smtp.relay", "reject, or host:port", "%q is no relay", relay)
		}
		l.banner("services.smtp.banner", s.SMTP.Banner)
		if s.SMTP.Verify != nil && l.Between == nil {
			l.doc.report("services.smtp.verify", `between: {domain: "{student}.lab"}`, "there is nobody whose mail could be judged: students have no domains here")
		}
		if f := s.SMTP.Filter; f != nil && f.Required < f.Tagged {
			l.doc.report("services.smtp.filter.required", "tagged or more", "spam at %g would have no X-Spam fields before %g", f.Required, f.Tagged)
		}
	}
	if s.POP3 != nil {
		l.banner("services.pop3.banner", s.POP3.Banner)
	}
	if s.IMAP != nil {
		l.banner("services.imap.banner", s.IMAP.Banner)
	}
}

func (l validation) banner(path, text string) {
	if !isLine(text) {
		l.doc.report(path, "printable ASCII, one line, at most 200 characters", "the banner does not fit into a greeting")
	}
}

// validateWorld looks at what is not local: outside, routes, aliases.
func (l validation) validateWorld() {
	for i, o := range l.Outside {
		l.validateOutside(index("outside", i), o, l.Outside[:i])
	}
	for i, r := range l.Routes {
		l.validateRoute(index("routes", i), r)
	}
	for _, name := range sortedKeys(l.Aliases) {
		at := child("aliases", name)
		if !isLocalPart(sample(name)) {
			l.doc.report(at, "the part before the @", "alias %q cannot be a local part", name)
		}
		if !isAccount(sample(l.Aliases[name])) {
			l.doc.report(at, "an alias leads to an account", "alias %q leads to %q, which is no account", name, l.Aliases[name])
		}
	}
}

func (l validation) validateOutside(at string, o Outside, before []Outside) {
	if o.Domain != "*" && !isDomain(sample(o.Domain)) {
		l.doc.report(child(at, "domain"), "a domain, or *", "%q is not a domain", o.Domain)
	}
	if slices.ContainsFunc(before, func(b Outside) bool { return strings.EqualFold(b.Domain, o.Domain) }) {
		l.doc.report(child(at, "domain"), "take one out", "%q is there twice", o.Domain)
	}
	if slices.Contains(l.Also, o.Domain) || o.Domain == l.Domain {
		l.doc.report(child(at, "domain"), "take it out here or there", "%q is local", o.Domain)
	}
	if !isDomain(sample(o.MX)) {
		l.doc.report(child(at, "mx"), "", "%q is not a host name", o.MX)
	}
	addr, err := netip.ParseAddr(o.Address)
	if err != nil || !addr.Is4() || addr.IsLoopback() || addr.IsUnspecified() || addr.IsMulticast() {
		l.doc.report(child(at, "address"), "such as 192.0.2.25", "%q is not the IPv4 address of another host", o.Address)
	}
}

func (l validation) validateRoute(at string, r Route) {
	if _, _, ok := splitAddress(sample(r.To)); !ok {
		l.doc.report(child(at, "to"), "name@domain", "%q is not a full address", r.To)
	}
	port, ok := splitLoopback(sample(r.Via))
	switch {
	case !ok:
		l.doc.report(child(at, "via"), "127.0.0.1:PORT", "%q is not a port of the sandbox itself", r.Via)
	case takenPort(port) != "":
		l.doc.report(child(at, "via"), "take another port", "port %s is %s's", port, takenPort(port))
	}
}

// running are the services that are on, by name.
func (l validation) running() (names []string) {
	s := l.Services
	for _, one := range []struct {
		name string
		on   bool
	}{{"ssh", s.SSH != nil}, {"smtp", s.SMTP != nil}, {"pop3", s.POP3 != nil}, {"imap", s.IMAP != nil}} {
		if one.on {
			names = append(names, one.name)
		}
	}
	return names
}

// validatePublish looks at where students connect to.
func (l validation) validatePublish() {
	p := l.Publish
	if _, err := netip.ParseAddr(p.Listen); err != nil {
		l.doc.report("publish.listen", "127.0.0.1, or 0.0.0.0 for every network", "%q is not an address", p.Listen)
	}
	runs := l.running()
	for i, name := range p.Services {
		if !slices.Contains(runs, name) {
			l.doc.report(index("publish.services", i), "those that run: "+strings.Join(runs, ", "), "%q has no door: it is no service of the lab", name)
		}
	}
	pool, err := netip.ParsePrefix(p.Pool)
	switch {
	case err != nil || !pool.Addr().Is4():
		l.doc.report("publish.pool", "such as 127.0.10.0/24", "%q is not an IPv4 network", p.Pool)
	case pool != pool.Masked():
		l.doc.report("publish.pool", pool.Masked().String(), "%q is an address in a network, not a network", p.Pool)
	}
}
