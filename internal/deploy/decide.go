package deploy

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"maillab/internal/certificate"
	"maillab/internal/control"
	"maillab/internal/engine"
	"maillab/internal/instance"
	"maillab/internal/lab"
	"maillab/internal/roster"
	"maillab/internal/spec"
)

// Request is what is asked for. Nothing in it depends on what there is.
type Request struct {
	Name    string
	Lab     *lab.Lab
	Class   roster.Class
	Roster  []byte // the class list, word for word; kept
	Assumed bool   // nobody named the class: it is that of the last up, or else the lab's own

	Source string // where the lab is found again; kept
	Owner  string
	TTL    time.Duration // 0: as it was

	Listen  string // "": as last time, else the lab's
	Host    string // what students are told to connect to; "": as it is; "-": where the doors listen
	Base    int    // 0: as it is, else the lab's
	Gateway string // host, ports, or "": as it is, or as the engine can
	Web     *bool  // whether the class has a page; nil: as it is, or as the lab says
	Page    PageTold

	Passwords string // see lab.ParsePasswords; "": as last time

	// Of a disposable instance: the value of its label, further labels; its ports are anywhere, and it has no last time.
	Run    string
	Labels map[string]string
	New    bool // there must be none of that name
}

// Found is what is there: on the engine, in the folder, on this machine.
type Found struct {
	Can      engine.Capabilities
	Remote   string        // the engine's machine, "" when it is this one
	Visible  string        // at which a disposable instance's command reaches the engine's machine, "" when that is where doors listen
	Image    string        // tag of the sandbox image
	Filter   func() string // tag of the image of a class's SpamAssassin: asked for where a lab wants one
	Existing instance.Instance
	All      []instance.Instance
	InForce  []instance.Claim // the doors that the gateway has open now
	Nodes    []engine.Node    // those with a gateway, on an engine that has several
	Picture  []string         // IDs of those that the gateways know of
	Lost     []string         // IDs of those that are given up

	Seats     roster.Given // once given
	Published *instance.Published
	// Certificates are those that were issued; nil: none are, and daemons make their own.
	Certificates *certificate.Set
	Secrets      func(name string) string
	Instead      instance.Instead          // what was said in place of the lab
	Passwords    map[int]map[string]string // that the teacher changed, by seat and account

	Now       time.Time
	Token     func() string
	Random    func(n int) int
	Ephemeral int           // the first port that the system gives away by itself; 0: not known
	Try       instance.Free // whether anybody on this machine listens there; nil: not known
	Refused   map[int]bool  // bases that were found taken when they were to be used
	Ours      bool          // what is there is of this very command
	Loose     bool          // nobody has been told of the instance yet: its ports may move
}

// Decision is what is to be.
type Decision struct {
	Name         string
	Lab          *lab.Lab
	Class        roster.Class
	Roster       []byte
	Source       string
	Desired      instance.Desired
	Given        roster.Given // seats, and to whom
	Seats        map[string]int
	Students     map[int][]string // by sandbox
	Host         string
	Published    instance.Published
	Instead      instance.Instead
	Blocks       []instance.Block
	Certificates certificate.Set
	Warnings     []string
	Notes        []string // what the class list says otherwise than before
	built        bool     // the image is there, or none is needed
}

// Builds tells whether the sandbox image has to be built first.
func (d Decision) Builds() bool { return !d.built }

// Decide is pure, as far as what is handed in with what was found is. Its errors are the request's fault.
func Decide(r Request, f Found) (Decision, error) {
	d := Decision{Name: r.Name, Lab: r.Lab, Class: r.Class, Roster: r.Roster, Source: r.Source}
	if f.Can.Mend != "" {
		return d, refusef("engine %s cannot run sandboxes: %s: %s", f.Can.Name, f.Can.Missing, f.Can.Mend)
	}
	if err := cmp.Or(r.clash(f), r.strange(f)); err != nil {
		return d, err
	}
	seating := roster.Seat(f.Seats.Holding(f.Existing.Seats()), r.Class) // what runs is right
	d.Class, d.Given, d.Seats = seating.Class, seating.Given, seating.Given.Seats()
	for _, c := range seating.Changed {
		d.Notes = append(d.Notes, c.String())
	}
	d.Students = bySandbox(r.Lab, d.Class, d.Seats)
	if d.Host = cmp.Or(r.Host, f.Existing.Host, f.Remote, r.visible(f)); d.Host == "-" {
		d.Host = ""
	}
	var err error
	if r.Lab, d.Instead, err = instead(r, f); err != nil {
		return d, refuse(err)
	}
	d.Lab = r.Lab
	specs, err := lab.Compile(r.Lab, d.Class, d.Seats, r.Name, f.Secrets)
	if err != nil {
		return d, refuse(err)
	}
	w, err := wish(r, f, d, specs)
	if unfiltered(specs, w) {
		d.Warnings = append(d.Warnings, fmt.Sprintf("engine %s runs no SpamAssassin: mail is judged by the rules on board", f.Can.Name))
	}
	if err != nil {
		return d, err
	}
	d.Published = published(w.Publish, r.Lab.Publish.Listen)
	if d.Desired, err = instance.Desire(w, f.Can); err != nil {
		return d, refuse(err)
	}
	if f.Certificates != nil {
		if d.Certificates, err = d.Desired.Certify(r.Name, d.Host, d.Instead.Page, *f.Certificates, f.Now); err != nil {
			return d, err
		}
	}
	if f.Can.Nodes {
		d.Desired.Spread(f.Existing, f.Nodes, f.Lost, copying(r.Lab))
	}
	d.Desired.Agree(f.Existing)
	if err := d.Desired.CheckPorts(f.Ephemeral, free(r, f)); err != nil {
		return d, refuse(err)
	}
	d.Warnings = slices.Concat(d.Warnings, moved(r, f, w.Publish), warnings(d))
	if r.Lab.Copies != nil && !f.Can.Nodes {
		d.Warnings = append(d.Warnings, "on one machine there is no other that keeps copies; maillab snapshot save keeps one in the data folder")
	}
	d.Blocks = w.Publish.Blocks
	return d, nil
}

// copying is how sandboxes are copied to other machines; nil: they are not.
func copying(l *lab.Lab) *control.Copying {
	every, keep := l.Copied()
	if every == 0 {
		return nil
	}
	return &control.Copying{Every: every, Keep: keep}
}

// instead is the lab with what is said in its place: now, or by an up before.
func instead(r Request, f Found) (*lab.Lab, instance.Instead, error) {
	said := instance.Instead{Passwords: cmp.Or(r.Passwords, f.Instead.Passwords), Page: r.Page.over(f.Instead.Page)}
	p, err := lab.ParsePasswords(said.Passwords)
	p.Changed = f.Passwords
	return r.Lab.WithPasswords(p), said, err
}

// clash refuses an instance of another lab, or of that name at all.
func (r Request) clash(f Found) error {
	if r.New && f.Existing.Gateway && !f.Ours {
		return refusef("an instance is called %s already", r.Name)
	}
	if is := f.Existing.Lab; is != "" && is != r.Lab.Name {
		return refusef("%s is an instance of the lab %s, not of %s: say which with -f, give another name with -n, or take it down first", r.Name, is, r.Lab.Name)
	}
	return nil
}

// strange refuses to put a class that nobody named in the place of one of which nothing is known here.
func (r Request) strange(f Found) error {
	if !r.Assumed || len(f.Seats) > 0 {
		return nil
	}
	for _, key := range append(slices.Sorted(maps.Keys(f.Existing.Seats())), f.Existing.Students()...) {
		if _, ok := r.Class.Find(key); !ok {
			return refusef("the class list of %s is not known on this machine, and %s is in it: say --class, as at its first up", r.Name, key)
		}
	}
	return nil
}

func (r Request) visible(f Found) string {
	if r.Run == "" {
		return ""
	}
	return f.Visible
}

// wish spreads out what is decided.
func wish(r Request, f Found, d Decision, specs []spec.Sandbox) (instance.Wish, error) {
	w := instance.Wish{
		Name: r.Name, Topology: r.Lab.Topology, Image: f.Image, Specs: specs, Limits: limits(r.Lab, len(r.Class.Students)),
		Host: d.Host, Owner: r.Owner, Created: f.Existing.Created, Token: tokens(f), Students: d.Students, Seats: d.Seats, Run: r.Run, Labels: r.Labels,
		UIDs: f.Existing.UIDs(seatsOf(specs), f.Existing.Others(f.All)),
	}
	w.Page = d.Instead.Page
	if w.Web = r.Lab.Web != nil || f.Existing.WebAddress() != "" || r.Page.any(); r.Web != nil {
		w.Web = *r.Web
	}
	if filter := r.Lab.Services.SMTP; filter != nil && filter.Filter != nil && filter.Filter.Spamd && f.Can.System && !f.Can.Nodes {
		w.Filter = f.Filter()
	}
	if w.Web && f.Can.Nodes {
		return w, refuse(fmt.Errorf("on engine %s a class has no page: its container would have a network of its own; up --web=false brings the class up without", f.Can.Name))
	}
	if w.Created.IsZero() {
		w.Created = f.Now
	}
	if w.Expires = f.Existing.Expires; r.TTL > 0 {
		w.Expires = f.Now.Add(r.TTL).Truncate(time.Second)
	} else if w.Expires.Before(f.Now) {
		w.Expires = time.Time{}
	}
	var err error
	if w.Forward, err = forwarded(r, f); err != nil {
		return w, err
	}
	w.Publish, err = publishing(r, f, d.Host, specs)
	return w, refuse(err)
}

// unfiltered tells sandboxes that there is no SpamAssassin where the lab wants one and the engine runs none: it would be a container
// without a network, which there is neither without Docker nor on a swarm.
func unfiltered(specs []spec.Sandbox, w instance.Wish) (told bool) {
	for _, s := range specs {
		if smtp := s.Services.SMTP; w.Filter == "" && smtp != nil && smtp.Filter != nil && smtp.Filter.Spamd {
			smtp.Filter.Spamd, told = false, true
		}
	}
	return told
}

func seatsOf(specs []spec.Sandbox) []int {
	seats := make([]int, len(specs))
	for i, s := range specs {
		seats[i] = s.Seat
	}
	return seats
}

// bySandbox are the roster keys of each sandbox, in the order of their seats: the same list in another order is the same.
func bySandbox(l *lab.Lab, class roster.Class, seats map[string]int) map[int][]string {
	by := map[int][]string{}
	for _, s := range class.Students {
		seat := seats[s.Key]
		if l.Topology == lab.Shared {
			seat = 0
		}
		by[seat] = append(by[seat], s.Key)
	}
	for _, keys := range by {
		slices.SortFunc(keys, func(a, b string) int { return cmp.Compare(seats[a], seats[b]) })
	}
	return by
}

// tokens keeps the control tokens that sandboxes have, and makes new ones.
func tokens(f Found) func(seat int) string {
	has := map[int]string{control.WebSeat: f.Existing.WebToken(), control.FilterSeat: f.Existing.FilterToken()}
	for _, s := range f.Existing.Sandboxes {
		has[s.Seat] = s.Target.Token
	}
	return func(seat int) string {
		if has[seat] == "" { // never without one: it is what a sandbox registers by
			has[seat] = f.Token()
		}
		return has[seat]
	}
}

func limits(l *lab.Lab, class int) instance.Limits {
	scaled := l.Scaled(class)
	return instance.Limits{Memory: int64(scaled.Memory), NanoCPUs: int64(scaled.CPUs * 1e9), PIDs: int64(scaled.PIDs)}
}

// warnings of doors that only the machine itself reaches, and of doors that everybody does.
func warnings(d Decision) (all []string) {
	open, closed := "", ""
	for _, t := range d.Desired.Doors.Sandboxes {
		for _, door := range t.Doors { // all of a class listen alike
			if at, err := netip.ParseAddrPort(door.Listen); err == nil && at.Addr().IsLoopback() {
				closed = door.Listen
			} else if err == nil {
				open = at.Addr().String()
			}
		}
	}
	if open != "" && d.Lab.Guessable() {
		all = append(all, fmt.Sprintf("listening on %s with passwords that are printed on the sheet; whoever reaches it can log in; --passwords generate makes others", open))
	}
	if ip, err := netip.ParseAddr(d.Host); closed != "" && d.Host != "" && d.Host != "localhost" && (err != nil || !ip.IsLoopback()) {
		all = append(all, fmt.Sprintf("students are told to connect to %s, and the doors listen on %s there, which only that machine reaches; --listen 0.0.0.0 lets its network in", d.Host, closed))
	}
	return all
}
