// Package maild is the mail daemon put together: the protocols onto the queue, the queue onto the spool, the accounts,
// the log and the records of dialogues behind all of them. It is the same in a sandbox, where a broker opens users' files
// and accounts are the system's, and in the embedded engine, where both are plain.
//
// In its state directory it keeps subscribed.json (IMAP's subscriptions), and what it is made of keeps there the rest:
// packages epoch, lesson, grading and certificate, and the directories index, queue, dialogues and deliveries.
package maild

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	"maillab/internal/between"
	"maillab/internal/certificate"
	"maillab/internal/delivery"
	"maillab/internal/dialogue"
	"maillab/internal/epoch"
	"maillab/internal/fault"
	"maillab/internal/grading"
	"maillab/internal/handoff"
	"maillab/internal/lesson"
	"maillab/internal/mail/auth"
	"maillab/internal/mail/imap"
	maillog "maillab/internal/mail/log"
	"maillab/internal/mail/mbox"
	"maillab/internal/mail/pop3"
	"maillab/internal/mail/queue"
	"maillab/internal/mail/smtp"
	"maillab/internal/period"
	"maillab/internal/recording"
	"maillab/internal/spec"
)

// Config is what a daemon is made of.
type Config struct {
	Spec        spec.Sandbox
	Files       mbox.Files
	Parking     *mbox.Parking // of the spool; nil is none
	Accounts    auth.Accounts
	UID         func(account string) int // of a local account; 0 where there are no system accounts
	StateDir    string
	LogFile     string            // mail.log
	Addresses   []netip.Addr      // of this machine, for mail to user@[address]; empty: those of its interfaces
	Throttle    auth.Policy       // nil: a Throttle
	AnyListener bool              // routes lead to whoever listens: there are no system accounts whose listener it could be
	Belongings  lesson.Belongings // who copies and replaces what accounts own; nil: no reset, no snapshots
	Skel        string            // what every home begins with, "/etc/skel"; "" is nothing
	Students    grading.Students  // their files and programs, for checks; nil: there are none
	// Dial connects to outside, relay and route servers; nil is the network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Spamd connects to the class's SpamAssassin, where the spec has one.
	Spamd func(context.Context) (net.Conn, error)
	Ask   between.Ask      // for what is a neighbour's, where the spec has some; nil: there are none
	Now   func() time.Time // nil is time.Now
	Log   *slog.Logger     // the program's own log; nil is none
}

// Daemon is one mail server.
type Daemon struct {
	cfg        Config
	tls        *tls.Config // nil: no STARTTLS
	zone       *time.Location
	log        *maillog.Log
	spool      *mbox.Spool
	room       *room
	neighbours *neighbours
	queue      *queue.Queue
	auth       *auth.Verifier
	people     *people
	drops      *locks
	subscribed *subscriptions
	taken      taken
	crowd      *crowd
	dialogues  *dialogue.Store
	deliveries *delivery.Store
	screens    *recording.Store
	epochs     *epoch.Keeper
	fixtures   *grading.Fixtures
	grading    *grading.Grading
	lessons    *lesson.Between
	power      *power
	faults     *faults
	services   map[string]func(context.Context, net.Conn)
	sessions   *sessions
	students   *students

	mu    sync.Mutex
	ready bool // starting mail is there
}

// New puts a daemon together. Nothing is served before Serve or Listen are called, nothing is tried before Run.
func New(cfg Config) (d *Daemon, err error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.UID == nil {
		cfg.UID = func(string) int { return 0 }
	}
	d = &Daemon{cfg: cfg, drops: newLocks(), crowd: newCrowd(limits(len(cfg.Spec.Accounts))), sessions: newSessions(), fixtures: grading.NewFixtures(),
		subscribed: &subscriptions{file: filepath.Join(cfg.StateDir, "subscribed.json")}}
	d.people = newPeople(d)
	if d.zone, err = time.LoadLocation(cfg.Spec.Timezone); err != nil {
		return nil, fmt.Errorf("time zone: %w", err)
	}
	if err := os.MkdirAll(cfg.StateDir, 0o700); err != nil {
		return nil, err
	}
	if err := d.openLog(); err != nil {
		return nil, err
	}
	if err := d.open(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// open opens what is behind the protocols, then the protocols.
func (d *Daemon) open() (err error) {
	d.room = newRoom(d.cfg.Spec.Accounts, d.cfg.Spec.Limits.SpoolBytes, func(ctx context.Context, account string) (int64, error) {
		return d.spool.Used(ctx, account)
	}, d.cfg.Now)
	d.spool, err = mbox.New(mbox.Config{Files: d.cfg.Files, StateDir: filepath.Join(d.cfg.StateDir, "index"),
		Zone: d.zone, Now: d.cfg.Now, Room: d.room.take, Parking: d.cfg.Parking, Log: d.cfg.Log})
	if err != nil {
		return err
	}
	if d.dialogues, err = dialogue.Open(dialogue.Config{Dir: filepath.Join(d.cfg.StateDir, "dialogues"), Now: d.cfg.Now, Slog: d.cfg.Log,
		Ended: func(id string) { d.grading.Ended(id) }}); err != nil {
		return err
	}
	if err := d.openRecords(); err != nil {
		return err
	}
	policy := d.cfg.Throttle
	if policy == nil {
		policy = auth.NewThrottle(d.cfg.Now)
	}
	d.auth = auth.New(auth.Config{Domains: d.cfg.Spec.Locals, Policy: policy, Now: d.cfg.Now}, d.cfg.Accounts)
	s := d.cfg.Spec
	if d.faults, err = openFaults(d.cfg, d.faultsOfTasks); err != nil {
		return err
	}
	if d.tls, err = secure(d.cfg); err != nil {
		return err
	}
	d.tls = d.faults.expiring(d.tls, func() (*tls.Config, error) { return certificate.Expired(certified(d.cfg), d.cfg.Now()) })
	d.neighbours = newNeighbours(d.cfg, d.log, d.faults)
	if d.power, err = openPower(d.cfg.StateDir, d.turned); err != nil {
		return err
	}
	d.queue, err = queue.New(d.neighbours.equip(queue.Config{
		Dir: filepath.Join(d.cfg.StateDir, "queue"), Hostname: s.Hostname, Domain: s.Domain, Locals: s.Locals, Addresses: addresses(d.cfg),
		Aliases: s.Aliases, Routes: s.Routes, Outside: s.Outside, Relay: relayOf(s), Location: d.zone,
		Mailboxes: spool{d.spool, d.full, d.recordCopies}, Accounts: d.people, Log: d.log.Queue(), Logger: d.cfg.Log,
		Filter: filterOf(d.cfg, d.zone), Dial: d.cfg.Dial, AnyListener: d.cfg.AnyListener, Now: d.cfg.Now,
	}))
	if err != nil {
		return err
	}
	if d.power.isOff() {
		d.queue.Pause()
	}
	for _, open := range []func() error{d.openLessons, d.openGrading, d.protocols} { // each stands on those before it
		if err := open(); err != nil {
			return err
		}
	}
	return nil
}

// faultsOfTasks are those of the tasks that are a student's now.
func (d *Daemon) faultsOfTasks(student string) []fault.Task {
	if d.grading == nil { // nothing is served yet
		return nil
	}
	return d.grading.Faults(student)
}

// openLog opens the log, and the epoch first, which knows how much of it counts.
func (d *Daemon) openLog() (err error) {
	if d.epochs, err = epoch.Open(filepath.Join(d.cfg.StateDir, "epoch.json"), d.cfg.Now().UTC()); err != nil {
		return err
	}
	d.log, err = maillog.Open(maillog.Config{Path: d.cfg.LogFile, Host: d.cfg.Spec.Hostname, Zone: d.zone, Now: d.cfg.Now, Errors: d.cfg.Log,
		Moved: func(size int64) {
			if err := d.epochs.LogMoved(size); err != nil {
				d.cfg.Log.Error("the log's place is not noted", "err", err)
			}
		}})
	return err
}

func (d *Daemon) openLessons() (err error) {
	d.lessons, err = lesson.New(lesson.Config{
		Spec: d.cfg.Spec, Zone: d.zone, StateDir: d.cfg.StateDir, LogFile: d.cfg.LogFile, Skel: d.cfg.Skel, Belongings: d.cfg.Belongings,
		Spool: d.spool, Queue: d.queue, Epochs: d.epochs, FlushLog: d.log.Flush, Subscribed: d.subscribed.file, Subscribe: d.subscribed.replace,
		EndSessions: d.sessions.close, Recordings: d.screens, Work: func() lesson.Work { return d.grading },
		Now: d.cfg.Now, Log: d.cfg.Log,
	})
	return err
}

func (d *Daemon) openGrading() (err error) {
	d.grading, err = grading.New(grading.Config{
		Spec: d.cfg.Spec, Zone: d.zone, StateDir: d.cfg.StateDir, LogFile: d.cfg.LogFile, FlushLog: d.log.Flush, Logged: d.log.Wrote(),
		Dialogues: d.dialogues, Deliveries: d.deliveries, Screens: d.screens, Epochs: d.epochs, Spool: d.spool, Files: d.cfg.Files,
		Post: d.queue, Unqueue: d.lessons.Unqueue, Fixtures: d.fixtures, Students: d.cfg.Students, Domain: d.neighbours.domain(), Server: d.server, UID: d.cfg.UID,
		Now: d.cfg.Now, Log: d.cfg.Log,
	})
	return err
}

// addresses are this machine's own. A machine that does not tell has at least its loopback, which the queue knows.
func addresses(cfg Config) (own []netip.Addr) {
	if len(cfg.Addresses) > 0 {
		return cfg.Addresses
	}
	if a := ownAddress(cfg.Spec); a.IsValid() {
		own = append(own, a)
	}
	found, _ := net.InterfaceAddrs()
	for _, a := range found {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			own = append(own, prefix.Addr().Unmap())
		}
	}
	return own
}

// relayOf is the named relay, "" when there is none.
func relayOf(s spec.Sandbox) string {
	if s.Services.SMTP == nil {
		return ""
	}
	return s.Services.SMTP.Relay
}

// RelayAddress is where Config.Dial is asked to connect to for the relay that a spec names, "" when it names none.
func RelayAddress(s spec.Sandbox) string {
	if relay := relayOf(s); relay != "reject" {
		return queue.RelayAddress(relay)
	}
	return ""
}

// protocols makes the servers of the services that are on.
func (d *Daemon) protocols() error {
	d.services = map[string]func(context.Context, net.Conn){}
	s := d.cfg.Spec
	if o := s.Services.SMTP; o != nil {
		d.services["smtp"] = smtp.New(smtp.Config{
			Hostname: s.Hostname, Domain: s.Domain, Banner: o.Banner, Auth: smtp.Auth(o.Auth), BareLF: smtp.BareLF(o.BareLF),
			TLS: d.tls, Name: d.neighbours.nameOf, Connected: d.connected, Errors: d.cfg.Log,
		}, intake{d}).ServeConn
	}
	if d.neighbours != nil {
		d.services[between.DNS] = d.neighbours.names.Neighbour
	}
	if o := s.Services.POP3; o != nil {
		server, err := pop3.New(pop3.Config{
			Wording: o.Wording, Banner: o.Banner, TLS: d.tls, Slog: d.cfg.Log, Witness: d.witnessPOP3,
		}, drops{d})
		if err != nil {
			return err
		}
		d.services["pop3"] = server.ServeConn
	}
	if o := s.Services.IMAP; o != nil {
		d.services["imap"] = imap.New(imap.Config{
			Wording: o.Wording, Banner: o.Banner, Hostname: s.Hostname, TLS: d.tls, Now: d.cfg.Now, Logger: d.cfg.Log, Witness: d.witnessIMAP,
			Stage: func() (*os.File, error) { return lesson.Stage(d.cfg.StateDir) },
		}, mailboxes{d}).ServeConn
	}
	d.students = newStudents(d)
	d.services[handoff.Student] = d.students.queue.Serve
	return nil
}

// Run delivers the starting mail, then works through the queue until ctx ends.
func (d *Daemon) Run(ctx context.Context) error {
	if !d.power.isOff() {
		d.log.Started(posing)
	}
	if err := d.lessons.Start(ctx); err != nil {
		return err
	}
	d.mu.Lock()
	d.ready = true
	d.mu.Unlock()
	var tidying sync.WaitGroup
	tidying.Go(func() { d.tidy(ctx) })
	tidying.Go(func() { d.grading.Run(ctx) })
	err := d.queue.Run(ctx)
	tidying.Wait()
	if !d.power.isOff() {
		d.log.Stopped()
	}
	return err
}

// tidyPause is how often mailboxes are looked after: flags written into the file and expunged messages removed from it,
// once nobody else has it open.
const tidyPause = time.Second

func (d *Daemon) tidy(ctx context.Context) {
	for period.Wait(ctx, tidyPause) == nil {
		if err := d.spool.Tidy(ctx); err != nil && ctx.Err() == nil {
			d.cfg.Log.Warn("tidying mailboxes", "err", err)
		}
	}
}

// posing is the version of Postfix whose forms the log has: log analysers look at it.
const posing = "3.7.11"

// Close saves what is known and closes files. Connections must have ended.
func (d *Daemon) Close() error {
	var errs []error
	if d.students != nil {
		d.students.close()
	}
	if d.dialogues != nil {
		d.dialogues.Close()
	}
	if d.grading != nil {
		d.grading.Close()
	}
	if d.deliveries != nil {
		d.deliveries.Close()
	}
	if d.screens != nil {
		errs = append(errs, d.screens.Close())
	}
	if d.spool != nil {
		errs = append(errs, d.spool.Close())
	}
	return errors.Join(append(errs, d.log.Close())...)
}

// record begins the record of a connection.
func (d *Daemon) record(service string, conn net.Conn) *dialogue.Recorder {
	inside := ""
	if who := d.counted(conn); who.inside {
		inside = who.name
	}
	rec := d.dialogues.Begin(service, conn.RemoteAddr().String(), inside, d.epochs.Current().Number)
	if c, is := conn.(*fault.Conn); is {
		c.Tell(rec.Fault)
	}
	return rec
}

// Serves tells whether a service (smtp, pop3, imap) is on: for who opens listeners.
func (d *Daemon) Serves(service string) bool { return d.services[service] != nil }

// locks are names that one holder at a time may have: maildrops in use.
type locks struct {
	mu    sync.Mutex
	taken map[string]bool
}

func newLocks() *locks { return &locks{taken: map[string]bool{}} }

// take takes a name, and returns how to give it back; it does not wait for who has it.
func (l *locks) take(name string) (release func(), ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.taken[name] {
		return nil, false
	}
	l.taken[name] = true
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.taken, name)
	}, true
}
