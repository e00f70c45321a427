//go:build linux

package mailproof

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"github.com/rogpeppe/go-internal/txtar"

	"maillab/internal/between"
	"maillab/internal/handoff"
	"maillab/internal/mail"
	"maillab/internal/mail/auth"
	"maillab/internal/mail/mbox"
	"maillab/internal/maild"
	"maillab/internal/spec"
)

// debian is where what Debian's programs say is kept: a file for each message, with the zone file that all of it is judged by.
const debian = "../mail/senders/testdata/debian/"

// court is a container in which Postfix, policyd-spf, opendkim and opendmarc judge as mx.bob.lab, by what BIND says (judges/).
type court struct {
	t         *testing.T
	container string
	address   string
}

// newCourt starts one with the master files of a folder, and returns when it serves.
func newCourt(t *testing.T, zones string) *court {
	t.Helper()
	needDocker(t)
	c := &court{t: t, container: fmt.Sprintf("mailproof-judges-%d", os.Getpid())}
	image := buildPeer(t, "judges")
	t.Cleanup(func() { _ = exec.Command("docker", "rm", "-f", c.container).Run() })
	docker(t, "run", "-d", "--init", "--hostname", "mx.bob.lab", "--name", c.container, "-v", zones+":/zones:ro", image)
	c.address = docker(t, "inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", c.container)
	within(t, "the judges serve", func() bool {
		out, _ := exec.Command("docker", "exec", c.container, "cat", "/var/log/mail.log").Output()
		return strings.Contains(string(out), "postfix/master[") && strings.Contains(string(out), ": daemon started")
	})
	return c
}

// masters writes the zones of the captures as BIND wants them: what is in between.Range's reverse domain apart, and each with an SOA.
func masters(t *testing.T) (folder string, all []dns.RR) {
	t.Helper()
	text, err := os.ReadFile(debian + "zone")
	if err != nil {
		t.Fatal(err)
	}
	z := dns.NewZoneParser(strings.NewReader(string(text)), "lab.", "")
	for r, ok := z.Next(); ok; r, ok = z.Next() {
		all = append(all, r)
	}
	if z.Err() != nil {
		t.Fatal(z.Err())
	}
	head := "$TTL 300\n@ SOA ns.lab. postmaster.lab. 1 3600 600 86400 30\n@ NS ns.lab.\n"
	files := map[string]string{"root": head + "ns.lab. A 127.0.0.1\n", "lab": head + "ns A 127.0.0.1\n", "reverse": head}
	for _, r := range all {
		if r.Header().Rrtype == dns.TypePTR {
			files["reverse"] += r.String() + "\n"
		} else {
			files["lab"] += r.String() + "\n"
		}
	}
	folder = t.TempDir()
	for name, text := range files {
		if err := errors.Join(os.Chmod(folder, 0o755), os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return folder, all
}

// bench is the daemon that judges as mx.bob.lab does in the court, and asks the court's BIND.
type bench struct {
	*maild.Daemon
	t       *testing.T
	dir     string
	address string // of BIND
	records []dns.RR
}

// newBench starts one that signs with a key.
func newBench(t *testing.T, address, key string, records []dns.RR) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir(), address: net.JoinHostPort(address, "53"), records: records}
	users := filepath.Join(b.dir, "users")
	home := filepath.Join(users, "home", "bob")
	err := errors.Join(os.MkdirAll(filepath.Join(home, "dkim"), 0o700),
		os.WriteFile(filepath.Join(home, "dkim", "s1.private"), []byte(key+"\n"), 0o600),
		os.WriteFile(filepath.Join(home, "opendkim.conf"), []byte("Domain bob.lab\nSelector s1\nKeyFile dkim/s1.private\n"), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	b.Daemon, err = maild.New(maild.Config{
		Spec: spec.Sandbox{
			Version: spec.Version, Lab: "proof", Seat: 2, Hostname: "mx.bob.lab", Domain: "bob.lab", Locals: []string{"bob.lab", "mx.bob.lab", "localhost"},
			Timezone: "UTC", TLS: "off", Accounts: []spec.Account{{Name: "bob", Student: "bob"}},
			Services: spec.Services{SMTP: &spec.SMTP{Auth: "none", Relay: "reject", Banner: "ESMTP Postfix (Debian/GNU)", Verify: &spec.Verify{SPF: "reject", DMARC: "obey"}}},
			Between:  &spec.Between{Parent: "lab", Address: between.Address(2).String(), Owner: "bob"},
		},
		Files: mbox.PlainFiles(users), Accounts: auth.NewMemory(map[string]string{"bob": "x"}), StateDir: filepath.Join(b.dir, "state"),
		LogFile: filepath.Join(b.dir, "mail.log"), AnyListener: true, Ask: b.ask, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = b.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait(); b.Close() })
	return b
}

// ask is between.Ask: whose a domain is by the records, and what is in it by BIND, as each student's own server would say it.
func (b *bench) ask(ctx context.Context, to, service string) (net.Conn, between.Server, error) {
	address, err := netip.ParseAddr(to)
	for _, r := range b.records {
		switch ptr, is := r.(*dns.PTR); {
		case err == nil && is:
			if reverse, _ := dns.ReverseAddr(to); reverse == r.Header().Name {
				return nil, between.Server{Domain: strings.TrimPrefix(strings.TrimSuffix(ptr.Ptr, "."), "mx."), Address: address}, nil
			}
		case err != nil && (to == "temp.lab" || dns.IsSubDomain(dns.Fqdn(to), r.Header().Name)):
			conn, err := new(net.Dialer).DialContext(ctx, "tcp", b.address)
			return &taken{Conn: conn}, between.Server{Domain: to}, err
		}
	}
	return nil, between.Server{}, between.ErrNobody
}

// taken is a connection that begins as one that a neighbour takes.
type taken struct {
	net.Conn
	once sync.Once
}

func (c *taken) Read(p []byte) (n int, err error) {
	c.once.Do(func() { p[0], n = '+', 1 })
	if n > 0 {
		return n, nil
	}
	return c.Conn.Read(p)
}

// as connects to the daemon as somebody.
func (b *bench) as(peer string) net.Conn {
	b.t.Helper()
	here, there := net.Pipe()
	remote := netip.MustParseAddr(peer)
	offer := handoff.Offer{Service: "smtp", Neighbour: between.Range().Contains(remote),
		Peer: mail.Peer{Remote: netip.AddrPortFrom(remote, 40000), Local: netip.AddrPortFrom(between.Address(2), 25)}}
	go b.Serve(b.t.Context(), "smtp", &handoff.Conn{Conn: there, Offer: offer})
	if offer.Neighbour {
		if err := between.Taken(b.t.Context(), here); err != nil {
			b.t.Fatal(err)
		}
	}
	return here
}

// traces are the daemon's.
func (b *bench) traces() traces {
	log, err := os.ReadFile(filepath.Join(b.dir, "mail.log"))
	if err != nil {
		b.t.Fatal(err)
	}
	tr := traces{log: string(log), boxes: map[string]string{}}
	for name, file := range map[string]string{"bob": "spool/bob", "Junk": "home/bob/mail/Junk"} {
		if text, err := os.ReadFile(filepath.Join(b.dir, "users", file)); err == nil {
			tr.boxes[name] = string(text)
		}
	}
	return tr
}

// matter is one message of the captures: who hands it in, and what comes of it.
type matter struct {
	name         string
	file         string
	kept         *txtar.Archive
	peer         string
	ours, theirs []string // both sides of the dialogue
}

func matters(t *testing.T) (all []*matter) {
	files, err := filepath.Glob(debian + "*.txtar")
	if err != nil || len(files) < 45 {
		t.Fatalf("%d captures, %v", len(files), err)
	}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, &matter{name: strings.TrimSuffix(filepath.Base(file), ".txtar"), file: file, kept: a, peer: strings.Fields(string(a.Comment))[1]})
	}
	return all
}

// part is one of a capture's files.
func (m *matter) part(name string) string {
	for _, f := range m.kept.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

// play types what the capture has to a server, and the message if a recipient is taken, and returns both sides.
func (m *matter) play(conn net.Conn) (said []string, err error) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	in := bufio.NewReader(conn)
	answer := func() string {
		var line string
		if line, err = wholeReply(in, err); err == nil {
			said = append(said, "S: "+line)
		}
		return line
	}
	say := func(line string) string {
		said = append(said, "C: "+line)
		if err == nil {
			_, err = io.WriteString(conn, line+"\r\n")
		}
		return answer()
	}
	answer()
	accepted := false
	for line := range strings.Lines(m.part("dialogue")) {
		if typed, is := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "C: "); is && typed != "DATA" && typed != "." {
			accepted = strings.HasPrefix(say(typed), "250 2.1.5 ") || accepted
		}
	}
	if accepted && strings.HasPrefix(say("DATA"), "354 ") {
		text := strings.ReplaceAll(strings.ReplaceAll("\n"+m.part("message"), "\n.", "\n..")[1:], "\n", "\r\n")
		if _, wrong := io.WriteString(conn, text); wrong != nil {
			return said, wrong
		}
		say(".")
	}
	say("QUIT")
	return said, err
}

// wholeReply reads one of a single line, which all are here.
func wholeReply(in *bufio.Reader, before error) (string, error) {
	if before != nil {
		return "", before
	}
	line, err := in.ReadString('\n')
	return strings.TrimSuffix(line, "\r\n"), err
}

// apart gives each of some connections that came one after the other its own lines of the log: those from its "connect from" to the
// next, and those with its queue ID.
func (tr traces) apart(all []*matter) (parts []traces) {
	var lines []string
	owner := map[string]int{} // by queue ID
	at := -1
	for line := range strings.Lines(tr.log) {
		e := logLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if e == nil {
			continue
		}
		if n := at + 1; e[1] == "smtpd" && n < len(all) && strings.HasPrefix(e[2], "connect from ") && strings.Contains(e[2], "["+all[n].peer+"]") {
			at = n
			lines = append(lines, "")
		}
		if at < 0 {
			continue
		}
		mine := at
		if m := begun.FindStringSubmatch(e[2]); m != nil {
			owner[m[1]] = at
		} else if id, _, _ := strings.Cut(strings.TrimPrefix(e[2], "warning: "), ":"); e[1] != "smtpd" {
			if n, known := owner[strings.Fields(id + " x")[0]]; known {
				mine = n
			}
		}
		lines[mine] += line
	}
	for _, l := range lines {
		parts = append(parts, traces{log: l, boxes: tr.boxes})
	}
	return parts
}

// done tells that all messages have come where they go.
func (tr traces) done(all []*matter) bool {
	parts := tr.apart(all)
	if len(parts) < len(all) {
		return false
	}
	for _, part := range parts {
		if !strings.Contains(part.log, ": disconnect from ") || strings.Contains(part.log, ": from=<") && !strings.Contains(part.log, ": removed\n") {
			return false
		}
	}
	return true
}

// TestBesideDebiansJudges hands the messages of the captures in at a Postfix with policyd-spf, opendkim and opendmarc, and at the daemon,
// from the same addresses; one BIND answers both. Replies, mail.log and what is in the mailbox are the same but for what is meant to be
// otherwise, and what Debian says is what the captures have of it. With -capture it writes those anew that have changed.
func TestBesideDebiansJudges(t *testing.T) {
	zones, records := masters(t)
	c := newCourt(t, zones)
	b := newBench(t, c.address, docker(t, "exec", c.container, "cat", "/etc/dkimkeys/s1.private"), records)
	o := &oracle{t: t, container: c.container, address: c.address}
	all := matters(t)
	for _, m := range all {
		var errs [2]error
		m.theirs, errs[0] = m.play(o.as(m.peer, "2525"))
		m.ours, errs[1] = m.play(b.as(m.peer))
		if err := errors.Join(errs[0], errs[1]); err != nil {
			t.Fatalf("%s: %v\n%s\n%s", m.name, errs, strings.Join(m.theirs, "\n"), strings.Join(m.ours, "\n"))
		}
	}
	var theirs, ours traces
	within(t, "Postfix is done", func() bool { theirs = o.traces(); return theirs.done(all) })
	within(t, "the daemon is done", func() bool { ours = b.traces(); return ours.done(all) })
	their, our := theirs.apart(all), ours.apart(all)
	met := map[int]bool{}
	for i, m := range all {
		t.Run(m.name, func(t *testing.T) {
			m.compare(t, their[i], our[i], met)
			m.captured(t, their[i])
		})
	}
	for i, d := range sentenced() {
		if t.Logf("on purpose: %s: %s", d.in, d.why); !met[i] {
			t.Errorf("%s, %s: Debian does not say %q any more", d.in, d.what, d.theirs)
		}
	}
}

// compare tells where the daemon is not as Debian, and notes which of the differences that are meant it met.
func (m *matter) compare(t *testing.T, theirs, ours traces, met map[int]bool) {
	their, our := theirs.of(m.peer), ours.of(m.peer)
	for _, part := range []struct{ what, theirs, ours string }{
		{"replies", replies(m.theirs), replies(m.ours)}, {"log", their.log, our.log}, {"mailboxes", their.mail, our.mail},
	} {
		want, got := signed(part.theirs), signed(part.ours)
		if part.what == "log" {
			want, got = uncounted(want), uncounted(got)
		}
		for i, d := range sentenced() {
			if regexp.MustCompile("^(?:"+d.in+")$").MatchString(m.name) && (d.what == "" || d.what == part.what) {
				before := want
				want = regexp.MustCompile(d.theirs).ReplaceAllString(want, d.ours)
				met[i] = met[i] || want != before
			}
		}
		if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")); diff != "" {
			t.Errorf("%s: -Debian +maild:\n%s", part.what, diff)
		}
	}
}
