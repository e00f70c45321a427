package lab

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"maillab/internal/lab/problem"
	"maillab/internal/lab/task"
	"maillab/internal/roster"
	"maillab/internal/spec"
)

// Compile makes the sandboxes of an instance: one for each student's seat, or, on a shared server, a single one with
// seat 0. The result is in the order of the seats and follows from the arguments alone. The error is Problems: all that
// does not fit between the lab and this class.
func Compile(l *Lab, class roster.Class, seats map[string]int, instance string, secrets Secrets) ([]spec.Sandbox, error) {
	c := &compiler{Lab: l, doc: l.doc.fork(), instance: instance, secrets: secrets, domains: map[string]string{}}
	students := c.seated(class, seats)
	groups := [][]*student{students}
	if l.Topology == Isolated {
		groups = groups[:0]
		for i := range students {
			groups = append(groups, students[i:i+1])
		}
	}
	if !c.judgeCells(class) {
		return nil, c.doc.problems.Err() // all else that is wrong may follow from it
	}
	c.judgeClass(class, students)
	var sandboxes []spec.Sandbox
	for _, group := range groups {
		if len(group) > 0 {
			sandboxes = append(sandboxes, c.sandbox(group))
		}
	}
	if err := c.doc.problems.Err(); err != nil {
		return nil, err
	}
	return sandboxes, nil
}

// Login is the account with which a student enters a sandbox: the first that is the student's.
func Login(sandbox spec.Sandbox, student string) (spec.Account, bool) {
	i := slices.IndexFunc(sandbox.Accounts, func(a spec.Account) bool { return a.Student == student })
	if i < 0 {
		return spec.Account{}, false
	}
	return sandbox.Accounts[i], true
}

// compiler holds one compilation.
type compiler struct {
	*Lab
	doc      *document // of its own: hides the lab's
	instance string
	secrets  Secrets
	domains  map[string]string // in a lab between servers: whose each is
}

// student is one with a seat and, once known, accounts.
type student struct {
	roster.Student
	seat     int
	accounts []string          // the login first
	password string            // its password
	words    map[string]string // the passwords of the student's accounts, and of those that are nobody's
}

// values are a student's; nil is the server as a whole.
func (c *compiler) values(s *student) values {
	v := values{lab: c.Lab, secrets: c.secrets}
	if s != nil {
		v.student, v.seat, v.accounts, v.password, v.words = &s.Student, s.seat, s.accounts, s.password, s.words
	}
	return v
}

// seated puts the class into the order of its seats.
func (c *compiler) seated(class roster.Class, seats map[string]int) []*student {
	var students []*student
	holder := map[int]string{}
	for _, s := range class.Students {
		seat := seats[s.Key]
		switch other, taken := holder[seat]; {
		case seat < 1:
			c.doc.report(apart("", s.Key), "", "student %s has no seat", s.Key)
		case taken:
			c.doc.report(apart("", s.Key), "", "students %s and %s both have seat %d", other, s.Key, seat)
		}
		holder[seat] = s.Key
		students = append(students, &student{Student: s, seat: seat})
	}
	if len(students) == 0 {
		c.doc.report(apart("", ""), "--class or --students", "the class has no students")
	}
	slices.SortStableFunc(students, func(a, b *student) int { return cmp.Compare(a.seat, b.seat) })
	return students
}

// judgeClass reports what the class as a whole is too large for.
func (c *compiler) judgeClass(class roster.Class, students []*student) {
	highest := 0
	if len(students) > 0 && c.Topology == Isolated {
		highest = students[len(students)-1].seat
	}
	switch c.Publish.Mode {
	case "ports":
		if top := c.Publish.Base + 100*highest + 43; top > 65535 {
			c.doc.report("publish.base", "a lower base", "the class is too large: seat %d would have port %d", highest, top)
		}
	case "addresses":
		pool, err := netip.ParsePrefix(c.Publish.Pool)
		if room := 1<<(32-pool.Bits()) - 2; err == nil && highest > room {
			c.doc.report("publish.pool", "a larger network", "the class is too large: seat %d has no address in %s", highest, pool)
		}
	}
	defer c.judgePlaceholders(c.doc, class.HasColumn)
	for i, a := range c.Accounts {
		for _, column := range columnsOf(a.Name, c.written(a)) {
			if len(students) > 0 && !class.HasColumn(strings.ToLower(column)) {
				c.noColumn(i, class, column)
			}
		}
	}
}

// noColumn reports a column that accounts are made of: it is missing in the class list, which is to be mended, or there is none.
func (c *compiler) noColumn(account int, class roster.Class, column string) {
	if class.File == "" {
		c.doc.report(index("accounts", account), "bring the class up from a roster that has it", "the roster has no column %q", column)
		return
	}
	c.doc.problems = append(c.doc.problems, problem.New(class.File, 0, "say what it is called: --map "+column+"=COLUMN",
		"no column %q, which the lab's accounts are made of; the columns are %s", column, class.Columns))
}

// sandbox compiles the server of a group of students: one, or the class.
func (c *compiler) sandbox(group []*student) spec.Sandbox {
	var owner *student // of the server as a whole
	s := spec.Sandbox{Version: spec.Version, Lab: c.Name, Instance: c.instance, TLS: c.TLS, Timezone: c.Timezone}
	if c.Topology == Isolated {
		owner = group[0]
		s.Seat = owner.seat
	}
	accounts := c.accounts(s.Seat, group)
	v := c.values(owner)
	s.Stoppable, s.Faults = c.Stoppable, c.faults(v)
	c.identity(&s, v)
	c.between(&s, owner)
	s.Title = bothLanguages(c.Title, v)
	s.Lang = v.lang()
	s.Statement = c.instructions(v, owner)
	s.Services = c.services(v)
	s.Outside = c.outside(v)
	s.Limits = spec.Limits{Processes: c.Limits.Processes, SpoolBytes: int64(c.Limits.Spool)}
	s.Accounts = c.people(accounts, s)
	s.Motd = c.motd(v, owner, firstOf(owner), s)
	w := &content{compiler: c, group: group, owner: owner, sandbox: &s}
	w.aliases()
	w.routes()
	w.mail()
	w.files()
	w.tasks()
	return s
}

// instructions are what students are to do, in both languages. On a server that many share they differ: there each finds his
// in his home.
func (c *compiler) instructions(v values, owner *student) map[string]string {
	if owner == nil {
		return nil
	}
	out := map[string]string{}
	for lang, text := range c.statement {
		out[lang] = v.expand(text)
	}
	return out
}

// firstOf is a student's login, "" for nobody.
func firstOf(s *student) string {
	if s == nil || len(s.accounts) == 0 {
		return ""
	}
	return s.accounts[0]
}

// identity fills in the names of the server.
func (c *compiler) identity(s *spec.Sandbox, v values) {
	s.Domain = strings.ToLower(v.expand("{domain}"))
	s.Hostname = strings.ToLower(v.expand(c.Hostname))
	if !strings.Contains(s.Hostname, ".") {
		s.Hostname += "." + s.Domain
	}
	s.Locals = []string{s.Domain}
	for _, name := range c.Also {
		s.Locals = append(s.Locals, strings.ToLower(v.expand(name)))
	}
	s.Locals = distinct(append(s.Locals, s.Hostname, "localhost"))
	s.Hosts = []string{}
	for _, name := range c.Hosts {
		s.Hosts = append(s.Hosts, strings.ToLower(v.expand(name)))
	}
	c.areDomains("domain", s.Domain)
	c.areDomains("hostname", s.Hostname)
	c.areDomains("also", s.Locals...)
	c.areDomains("hosts", s.Hosts...)
}

// areDomains looks at names that may have come from the roster.
func (c *compiler) areDomains(path string, names ...string) {
	for _, name := range names {
		if !isDomain(name) {
			c.doc.report(apart(path, name), "", "%q is not a host or domain name", name)
		}
	}
}

// services fills in what runs.
func (c *compiler) services(v values) spec.Services {
	var out spec.Services
	if smtp := c.Services.SMTP; smtp != nil {
		out.SMTP = &spec.SMTP{Auth: smtp.Auth, Relay: v.expand(smtp.Relay), Banner: v.expand(smtp.Banner), BareLF: smtp.BareLF}
		if verify := smtp.Verify; verify != nil {
			out.SMTP.Verify = &spec.Verify{SPF: verify.SPF, DMARC: verify.DMARC}
		}
		if f := smtp.Filter; f != nil {
			out.SMTP.Filter = &spec.Filter{Tagged: f.Tagged, Required: f.Required, Bayes: f.Bayes, Spamd: f.Spamd}
		}
	}
	if pop3 := c.Services.POP3; pop3 != nil {
		out.POP3 = &spec.POP3{Wording: pop3.Wording, Banner: v.expand(pop3.Banner)}
	}
	if imap := c.Services.IMAP; imap != nil {
		out.IMAP = &spec.IMAP{Wording: imap.Wording, Banner: v.expand(imap.Banner)}
	}
	if c.Services.SSH != nil {
		out.SSH = &spec.SSH{}
	}
	return out
}

// outside fills in the rest of the world; {domain} in an MX stays, for it is the domain of each mail.
func (c *compiler) outside(v values) []spec.Outside {
	out := []spec.Outside{}
	for _, o := range c.Outside {
		mx := v.expand(strings.ReplaceAll(o.MX, "{domain}", "{{domain}"))
		out = append(out, spec.Outside{Domain: strings.ToLower(v.expand(o.Domain)), MX: mx, Address: o.Address})
	}
	return out
}

// bothLanguages is a text as the spec has it.
func bothLanguages(text task.Text, v values) map[string]string {
	out := map[string]string{}
	for _, lang := range task.Languages() {
		out[lang] = v.expand(text.In(lang))
	}
	return out
}

// distinct keeps the first of each.
func distinct(names []string) []string {
	var out []string
	for _, name := range names {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}
