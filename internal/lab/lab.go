// Package lab reads lab files and compiles them for a class. It is pure: it reads through an fs.FS (Folder is the one for a
// folder on disk, out of which nothing leads), and what it needs of secrets is handed in.
//
// A lab is a folder with a lab.yaml and what that names: starting mail, files for the homes. The types of this file are
// the format: keys, defaults, permitted values and limits stand in their tags, from which the decoder works, and from
// which the JSON Schema for editors is generated, descriptions included. Placeholders ({seat}, {student}, {account},
// {account2}, {password}, {domain}, {n}, {token}, {port}, {lang} and every roster column) may stand in every text; see values.go.
package lab

import (
	"io/fs"
	"time"

	"maillab/internal/fault"
	"maillab/internal/lab/problem"
	"maillab/internal/lab/task"
	"maillab/internal/period"
)

// APIVersion is the format that this package reads.
const APIVersion = "maillab/v1"

// Topologies.
const (
	Isolated = "isolated"
	Shared   = "shared"
)

// Generate as an account's password asks for one that is made for the class.
const Generate = "generate"

// Lab is a lab file.
type Lab struct {
	// APIVersion is the format's version.
	APIVersion string `yaml:"apiVersion" jsonschema:"required,enum=maillab/v1"`
	// Name is the lab's, and an instance's unless that is given one: lower-case letters, digits and dashes.
	Name string `yaml:"name" jsonschema:"required,pattern=^[a-z0-9][a-z0-9-]*$"`
	// Title is one line for people.
	Title task.Text `yaml:"title" jsonschema:"required"`
	// Lang is the students' language; a roster's column `lang` overrides it for a student.
	Lang string `yaml:"lang" jsonschema:"enum=fr,enum=en,default=en"`
	// Topology says who has a server: each student (isolated) or the class (shared).
	Topology string `yaml:"topology" jsonschema:"enum=isolated,enum=shared,default=isolated"`
	// Hostname of the server; with a dot it is the full name already, else the domain completes it.
	Hostname string `yaml:"hostname" jsonschema:"required"`
	// Domain is what completes a bare address. In a lab between servers it is each student's own, see between.
	Domain string `yaml:"domain"`
	// Between gives each student a domain, and lets mail pass between their servers.
	Between *Between `yaml:"between"`
	// Stoppable lets students stop their mail server and start it again, each the own; in a lab between servers they may anyway.
	Stoppable bool `yaml:"stoppable"`
	// Timezone of dates in mail and log, such as Europe/Paris.
	Timezone string `yaml:"timezone" jsonschema:"default=UTC"`
	// Also are further domains that are local here.
	Also []string `yaml:"also"`
	// Aliases lead from a local part, in every local domain, to an account.
	Aliases map[string]string `yaml:"aliases"`
	// Hosts are names that mean this server, inside the sandbox.
	Hosts []string `yaml:"hosts"`
	// Accounts are the server's mail users, who are system accounts.
	Accounts []Account `yaml:"accounts" jsonschema:"required"`
	// Assign lists a student's accounts, the login first. On a shared server it says whose accounts these are; in an
	// isolated sandbox all are the student's, who is alone there, and it is read with seat 1.
	Assign []string `yaml:"assign"`
	// Services are the ones that run; one that is not listed is off.
	Services Services `yaml:"services" jsonschema:"required"`
	// TLS says whether STARTTLS is offered, with a certificate per sandbox; what is off is not advertised.
	TLS string `yaml:"tls" jsonschema:"enum=off,enum=starttls,default=off"`
	// Outside is the rest of the world: mail for it is queued and really tried, and its packets are dropped.
	Outside []Outside `yaml:"outside"`
	// Routes hand the mail for an address to an SMTP server of a student's.
	Routes []Route `yaml:"routes"`
	// Mail is in the spools at the start.
	Mail []Mail `yaml:"mail"`
	// Files are in the homes at the start.
	Files []File `yaml:"files"`
	// Motd is shown at login, below the lines that are always shown: title, accounts, what to type.
	Motd task.Text `yaml:"motd"`
	// Limits are per student (processes: per account); a shared sandbox gets them times the class.
	Limits Limits `yaml:"limits"`
	// Publish says where students reach their server.
	Publish Publish `yaml:"publish"`
	// Web gives the class a page of its own, at base + 80.
	Web *Web `yaml:"web"`
	// Copies of what sandboxes have are kept on a second machine, where the engine has several (docs/swarm.md). Absent: as the defaults say.
	Copies *Copies `yaml:"copies"`
	// Open is when all tasks open that do not say so themselves, in the lab's time zone: 2026-03-26 14:00, or a day.
	Open task.Moment `yaml:"open"`
	// Due is until when they are to pass, of a day its end.
	Due task.Moment `yaml:"due"`
	// Late is what becomes of what passes later; without it, it is told and counts in full.
	Late *task.Late `yaml:"late"`
	// Faults go wrong on purpose, as long as the lab is up: see docs/faults.md. A task may have its own.
	Faults []fault.Fault `yaml:"faults"`
	// Tasks are the exercises with their checks.
	Tasks []task.Task `yaml:"tasks"`

	doc       *document         // where everything stands
	raw       map[string][]byte // mail and files, by path
	statement map[string]string // Markdown, by language
	at        map[string][]entry

	passwords Passwords // in place of its own
}

// Between makes the students' servers neighbours.
type Between struct {
	// Domain is each student's, in one that all share: {student} or a roster column makes the first part, as letters, digits and
	// dashes.
	Domain string `yaml:"domain" jsonschema:"required"`
}

// Account is one account, or a pattern for several.
type Account struct {
	// Name may hold {n} for a range, or {seat}, {student} or a roster column for one account a student.
	Name string `yaml:"name" jsonschema:"required"`
	// N is the range that {n} runs over, such as 1-19.
	N Range `yaml:"n"`
	// Password in clear, a placeholder for a roster column, or generate.
	Password string `yaml:"password" jsonschema:"required"`
}

// Services are the daemon's and the system's; one that is absent is off.
type Services struct {
	// SMTP is port 25.
	SMTP *SMTP `yaml:"smtp"`
	// POP3 is port 110.
	POP3 *POP3 `yaml:"pop3"`
	// IMAP is port 143.
	IMAP *IMAP `yaml:"imap"`
	// SSH is port 22.
	SSH *SSH `yaml:"ssh"`
}

// SMTP is how port 25 behaves.
type SMTP struct {
	// Auth says whether AUTH is offered, and needed.
	Auth string `yaml:"auth" jsonschema:"enum=none,enum=optional,enum=required,default=none"`
	// Relay is reject, or the host[:port] of the server that takes what is neither local nor outside.
	Relay string `yaml:"relay" jsonschema:"default=reject"`
	// Banner is what follows the host name in the greeting.
	Banner string `yaml:"banner" jsonschema:"default=ESMTP maillab"`
	// BareLF says whether LF.LF ends DATA, as with Postfix 3.7.
	BareLF string `yaml:"bare_lf" jsonschema:"enum=accept,enum=reject,default=accept"`
	// Verify judges in a lab between servers who may send: SPF, DKIM, DMARC. Absent: nobody is judged.
	Verify *Verify `yaml:"verify"`
	// Filter judges each message on its way and says so in its header.
	Filter *Filter `yaml:"filter"`
}

// Verify is what becomes of mail whose sender is not who it says.
type Verify struct {
	// SPF says what becomes of what the envelope's domain lets nobody send from there: refused at RCPT, or marked in headers alone.
	SPF string `yaml:"spf" jsonschema:"enum=reject,enum=mark,default=reject"`
	// DMARC says whether the policy of From's domain is obeyed (refused, or put into Junk), or marked in headers alone.
	DMARC string `yaml:"dmarc" jsonschema:"enum=obey,enum=mark,default=obey"`
}

// Filter is a content filter behind Postfix.
type Filter struct {
	// Style is whose header fields are written.
	Style string `yaml:"style" jsonschema:"enum=amavis,default=amavis"`
	// Tagged is the score from which on a message has X-Spam fields.
	Tagged float64 `yaml:"tagged" jsonschema:"minimum=-1000,maximum=1000,default=2"`
	// Required is the score of spam.
	Required float64 `yaml:"required" jsonschema:"minimum=-1000,maximum=1000,default=6.31"`
	// Bayes is what a classifier says to all mail, in place of one that has learned: BAYES_00, BAYES_99 or nothing.
	Bayes string `yaml:"bayes" jsonschema:"enum=none,enum=ham,enum=spam,default=none"`
	// Spamd has a real SpamAssassin judge, one for the class, in place of the rules on board; it takes some 150 MB of memory.
	Spamd bool `yaml:"spamd" jsonschema:"default=false"`
}

// POP3 is how port 110 behaves.
type POP3 struct {
	// Wording is whose replies are given.
	Wording string `yaml:"wording" jsonschema:"enum=courier,enum=dovecot,default=courier"`
	// Banner is what follows +OK in the greeting; absent: the wording's own.
	Banner string `yaml:"banner"`
}

// IMAP is how port 143 behaves.
type IMAP struct {
	// Wording is whose replies and whose namespace are used: INBOX. with courier, none with dovecot.
	Wording string `yaml:"wording" jsonschema:"enum=courier,enum=dovecot,default=courier"`
	// Banner is what follows the capability list in the greeting; absent: the wording's own.
	Banner string `yaml:"banner"`
}

// SSH is the system's sshd, with password login.
type SSH struct{}

// Web is the class in a browser.
type Web struct{}

// Copies say how what sandboxes have is copied to another machine while the class is up.
type Copies struct {
	// Every is how often what was changed is copied, from 5s on; 0s is never.
	Every string `yaml:"every" jsonschema:"default=60s"`
	// Keep is how many are kept of each sandbox.
	Keep int `yaml:"keep" jsonschema:"minimum=1,maximum=10,default=2"`
}

// leastEvery is how often copies may be taken: each freezes a sandbox's mail for a moment.
const leastEvery = 5 * time.Second

// Copied is how often sandboxes are copied to another machine, 0 for never, and how many copies are kept of each.
func (l *Lab) Copied() (every time.Duration, keep int) {
	if l.Copies == nil {
		return time.Minute, 2
	}
	every, _ = period.Parse(l.Copies.Every) // it was validated
	return every, l.Copies.Keep
}

// validateCopies looks at how often.
func (l validation) validateCopies() {
	if l.Copies == nil {
		return
	}
	every, err := period.Parse(l.Copies.Every)
	if err != nil || every > 0 && every < leastEvery {
		l.doc.report("copies.every", "60s; 0s is never", "%q is not how often copies can be taken", l.Copies.Every)
	}
}

// Outside is a part of the rest of the world.
type Outside struct {
	// Domain, or * for every domain that no other entry names.
	Domain string `yaml:"domain" jsonschema:"required"`
	// MX is the host name of its mail exchanger, for the log; {domain} is the domain of the mail.
	MX string `yaml:"mx" jsonschema:"default=mx.{domain}"`
	// Address is the mail exchanger's IPv4 address.
	Address string `yaml:"address" jsonschema:"default=192.0.2.25"`
}

// Route hands mail to an SMTP server in the sandbox.
type Route struct {
	// To is a full address.
	To string `yaml:"to" jsonschema:"required"`
	// Via is its host:port on the loopback. {port} is 2500 plus the seat.
	Via string `yaml:"via" jsonschema:"required"`
}

// Mail is a message in a mailbox at the start. Placeholders in it are filled in.
type Mail struct {
	// To is the account; with a placeholder, one for each student.
	To string `yaml:"to" jsonschema:"required"`
	// File is the message (RFC 5322) in the lab's folder; it may differ by language.
	File task.Text `yaml:"file" jsonschema:"required"`
	// Task is the one whose {token} the message carries; absent: the student's own for the lab.
	Task string `yaml:"task"`
}

// File is a file, or a folder of them, in a home at the start.
type File struct {
	// From is a file or a folder of the lab; it may differ by language.
	From task.Text `yaml:"from" jsonschema:"required"`
	// To is where, below /home/ACCOUNT/; with a / at the end, the folder into which it goes.
	To string `yaml:"to" jsonschema:"required"`
	// Mode in octal; absent: 0755 for programs and 0644 for all else.
	Mode string `yaml:"mode" jsonschema:"pattern=^0?[0-7]{3}$"`
	// Expand fills in placeholders in the content; otherwise files are copied byte for byte.
	Expand bool `yaml:"expand"`
}

// Limits of a sandbox.
type Limits struct {
	// Memory in bytes, such as 96MiB.
	Memory Size `yaml:"memory" jsonschema:"default=96MiB"`
	// CPUs is how many processors' worth of time; 0 is no limit.
	CPUs float64 `yaml:"cpus" jsonschema:"minimum=0,maximum=1024,default=0.5"`
	// PIDs is how many processes and threads the container may have.
	PIDs int `yaml:"pids" jsonschema:"minimum=64,maximum=100000,default=768"`
	// Processes is how many each account may have.
	Processes int `yaml:"processes" jsonschema:"minimum=4,maximum=10000,default=32"`
	// Spool is how much all mailboxes and homes of a student may hold.
	Spool Size `yaml:"spool" jsonschema:"default=64MiB"`
}

// Publish says where students connect to.
type Publish struct {
	// Mode is ports (a host port for each service of each seat), addresses (an address for each seat, with the
	// standard ports), or none (only from inside).
	Mode string `yaml:"mode" jsonschema:"enum=ports,enum=addresses,enum=none,default=ports"`
	// Listen is the address on which the ports are.
	Listen string `yaml:"listen" jsonschema:"default=127.0.0.1"`
	// Base is where ports begin: base + 100*seat + 22, 25, 10 or 43.
	Base int `yaml:"base" jsonschema:"minimum=1024,maximum=65000,default=10000"`
	// Services are those that have doors, such as [ssh]; absent: all that run. Inside the sandbox all that run are there.
	Services []string `yaml:"services"`
	// Pool is the network of the addresses: seat 7 gets the seventh.
	Pool string `yaml:"pool" jsonschema:"default=127.0.10.0/24"`
}

// entry is one file that a File entry stands for.
type entry struct {
	path string // in the lab's file system
	rel  string // below the entry's To; "" when From is a file
	mode fs.FileMode
}

// Problem is one thing that is wrong in a lab.
type Problem = problem.Problem

// Problems is the error of Parse and Compile: all that is wrong.
type Problems = problem.List

// Scaled is the limits of a sandbox for so many students: those of one when each has their own, else times the class.
func (l *Lab) Scaled(students int) Limits {
	scaled := l.Limits
	if l.Topology == Shared {
		n := max(students, 1)
		scaled.Memory *= Size(n)
		scaled.CPUs *= float64(n)
		scaled.PIDs *= n
		scaled.Spool *= Size(n)
	}
	return scaled
}
