//go:build linux

package mailproof

import (
	"bytes"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"maillab/internal/engine/enginetest"
	"maillab/internal/mail/dialoguetest"

	"github.com/google/go-cmp/cmp"
)

// capture makes the dialogues anew, from the lines beside them and the Postfix that runs.
var capture = flag.Bool("capture", false, "write the SMTP dialogues that the running Postfix answers with")

// smtpData is where the dialogues are.
const smtpData = "../mail/smtp/testdata/"

// stage is a set of dialogues, and how both servers are set for them.
type stage struct {
	dir      string // of dialogues, below smtpData
	lines    string // what was typed, where it is ours to type again
	port     string // of Postfix: see peer/reference.sh
	settings settings
}

func stages() []stage {
	own := []netip.Addr{netip.MustParseAddr("172.17.0.2")}
	return []stage{
		{"reference", "", "2525", settings{TLS: "starttls", Own: own}},
		{"postfix", "lines", "2526", settings{TLS: "starttls", Auth: "optional", Own: own}},
		{"bare", "lines-bare", "2527", settings{Own: own}},
	}
}

// needDocker skips without an engine; with MAILLAB_REQUIRE_DOCKER=1 that is a failure.
func needDocker(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: no containers")
	}
	if out, err := exec.Command("docker", "version").CombinedOutput(); err != nil {
		enginetest.Absent(t, string(out))
	}
}

// oracle is a Postfix in a container.
type oracle struct {
	t         *testing.T
	container string
	address   string
}

func newOracle(t *testing.T) *oracle {
	t.Helper()
	needDocker(t)
	o := &oracle{t: t, container: fmt.Sprintf("mailproof-postfix-%d", os.Getpid())}
	image := buildPeer(t, "peer")
	t.Cleanup(func() { _ = exec.Command("docker", "rm", "-f", o.container).Run() })
	docker(t, "run", "-d", "--init", "--name", o.container, image, "/reference.sh")
	o.address = docker(t, "inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", o.container)
	within(t, "Postfix serves", func() bool {
		c, err := net.Dial("tcp", net.JoinHostPort(o.address, "2528"))
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return o
}

// as connects to Postfix as some peer.
func (o *oracle) as(peer, port string) net.Conn {
	o.t.Helper()
	conn, err := net.DialTimeout("tcp", net.JoinHostPort(o.address, port), patience)
	if err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() { conn.Close() })
	if _, err := conn.Write(proxyHeader(peer)); err != nil {
		o.t.Fatal(err)
	}
	return conn
}

// proxyHeader tells a server that believes it who a client is: version 1 of HAProxy's PROXY protocol.
func proxyHeader(peer string) []byte {
	return []byte("PROXY TCP4 " + peer + " 10.9.0.2 40000 25\r\n")
}

// traces are Postfix's log and mailboxes.
func (o *oracle) traces() traces {
	tr := traces{log: docker(o.t, "exec", o.container, "cat", "/var/log/mail.log") + "\n", boxes: map[string]string{}}
	for user := range strings.FieldsSeq(docker(o.t, "exec", o.container, "ls", "/var/mail")) {
		out, err := exec.Command("docker", "exec", o.container, "cat", "/var/mail/"+user).Output()
		if err != nil {
			o.t.Fatal(err)
		}
		tr.boxes[user] = string(out)
	}
	return tr
}

// traces are the daemon's log and mailboxes.
func (d *daemon) traces() traces {
	log, err := os.ReadFile(filepath.Join(d.settings.Dir, "mail.log"))
	if err != nil {
		d.t.Fatal(err)
	}
	tr := traces{log: string(log), boxes: map[string]string{}}
	for n := range accounts {
		user := fmt.Sprintf("util%d", n+1)
		if text, err := os.ReadFile(d.spool(user)); err == nil {
			tr.boxes[user] = string(text)
		}
	}
	return tr
}

// scene is one dialogue, played to both servers by the same peer.
type scene struct {
	file         string
	peer         string
	ours, theirs []string // what was answered
	errs         [2]error
}

// TestBesidePostfix plays the same lines to a real Postfix and to the daemon: replies, mail.log and mailboxes are the
// same, word for word, but for what is listed as deliberate.
func TestBesidePostfix(t *testing.T) {
	o := newOracle(t)
	for i, s := range stages() {
		t.Run(s.dir, func(t *testing.T) { o.stage(t, s, i+1) })
	}
	for _, d := range deliberate() {
		t.Logf("on purpose: %s: %s", d.in, d.why)
	}
}

// stage plays all dialogues of a stage side by side, each as another peer, and compares them one by one.
func (o *oracle) stage(t *testing.T, s stage, number int) {
	if *capture && s.lines != "" {
		o.capture(t, s)
	}
	files, err := filepath.Glob(smtpData + s.dir + "/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no dialogues in %s: %v", s.dir, err)
	}
	d := startDaemon(t, s.settings)
	scenes := make([]*scene, len(files))
	var all sync.WaitGroup
	for i, file := range files {
		sc := &scene{file: file, peer: fmt.Sprintf("10.9.%d.%d", number, i+1)}
		scenes[i] = sc
		theirs, ours := o.as(sc.peer, s.port), d.from(sc.peer, "smtp").Conn
		all.Go(func() { sc.theirs, sc.errs[0] = dialoguetest.Seen(file, theirs) })
		all.Go(func() { sc.ours, sc.errs[1] = dialoguetest.Seen(file, ours) })
	}
	all.Wait()
	var theirs, ours traces
	within(t, "Postfix is done", func() bool { theirs = o.traces(); return theirs.settled(scenes) })
	within(t, "the daemon is done", func() bool { ours = d.traces(); return ours.settled(scenes) })
	for _, sc := range scenes {
		t.Run(filepath.Base(sc.file), func(t *testing.T) { sc.compare(t, theirs, ours) })
	}
}

// compare tells the differences.
func (sc *scene) compare(t *testing.T, theirs, ours traces) {
	for i, err := range sc.errs {
		if err != nil {
			t.Fatalf("%s: %v", [2]string{"Postfix", "maild"}[i], err)
		}
	}
	their, our := theirs.of(sc.peer), ours.of(sc.peer)
	for _, part := range []struct{ what, theirs, ours string }{
		{"replies", replies(sc.theirs), replies(sc.ours)},
		{"log", their.log, our.log},
		{"mailboxes", their.mail, our.mail},
	} {
		want := onPurpose(t, filepath.Base(sc.file), part.what, part.theirs)
		if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(part.ours, "\n")); diff != "" {
			t.Errorf("%s: -Postfix +maild:\n%s", part.what, diff)
		}
	}
	if want := replies(written(t, sc.file)); !strings.HasSuffix(sc.file, "09-relay.txt") && want != replies(sc.theirs) {
		t.Errorf("%s is not what Postfix says (see -capture):\n%s", sc.file, cmp.Diff(want, replies(sc.theirs)))
	}
}

// written is what a dialogue file has of the server's.
func written(t *testing.T, file string) (lines []string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if said, ok := strings.CutPrefix(line, "S: "); ok {
			lines = append(lines, said)
		} else if line == "# server closed" {
			lines = append(lines, line)
		}
	}
	return lines
}

// raw is what no dialogue file can hold: octets that are sent at once, whatever is answered.
func raw() map[string]string {
	message := "mail from:<util1>\r\nrcpt to:<util1>\r\ndata\r\n"
	return map[string]string{
		"all at once":      "ehlo pv\r\n" + message + "Subject: x\r\n\r\nx\r\n.\r\nquit\r\n",
		"without hello":    message + "Subject: x\r\n\r\nx\r\n.\r\nquit\r\n",
		"LF.CRLF":          "helo pv\r\n" + message + "Subject: x\r\n\r\nx\n.\r\nmail from:<util2>\r\nquit\r\n",
		"CRLF.LF":          "helo pv\r\n" + message + "Subject: x\r\n\r\nx\r\n.\nmail from:<util2>\r\nquit\r\n",
		"CR.CR":            "helo pv\r\n" + message + "Subject: x\r\n\r\nx\r.\rmail from:<util2>\r\n.\r\nquit\r\n",
		"cut in a message": "helo pv\r\n" + message + "Subject: x\r\n\r\nx",
		"cut in a command": "helo pv\r\nmail fr",
		"nothing":          "",
	}
}

// TestOctetsBesidePostfix is TestBesidePostfix for what comes without waiting, and ends anywhere.
func TestOctetsBesidePostfix(t *testing.T) {
	o := newOracle(t)
	s := stages()[0]
	d := startDaemon(t, s.settings)
	var scenes []*scene
	for name, text := range raw() {
		sc := &scene{file: name, peer: fmt.Sprintf("10.9.9.%d", len(scenes)+1)}
		scenes = append(scenes, sc)
		sc.theirs = blurt(t, o.as(sc.peer, s.port), text)
		sc.ours = blurt(t, d.from(sc.peer, "smtp").Conn, text)
	}
	var theirs, ours traces
	within(t, "Postfix is done", func() bool { theirs = o.traces(); return theirs.settled(scenes) })
	within(t, "the daemon is done", func() bool { ours = d.traces(); return ours.settled(scenes) })
	for _, sc := range scenes {
		t.Run(sc.file, func(t *testing.T) {
			their, our := theirs.of(sc.peer), ours.of(sc.peer)
			want := onPurpose(t, sc.file, "octets", replies(sc.theirs)+"\n"+their.log+"\n"+their.mail)
			got := replies(sc.ours) + "\n" + our.log + "\n" + our.mail
			if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")); diff != "" {
				t.Errorf("-Postfix +maild:\n%s", diff)
			}
		})
	}
}

// blurt waits for the greeting, sends a text at once, ends its own side, and returns all that is answered.
func blurt(t *testing.T, conn net.Conn, text string) []string {
	t.Helper()
	defer conn.Close()
	greeting := make([]byte, len("220 test6isri.local.isri.fr ESMTP Postfix (Debian/GNU)\r\n"))
	var rest bytes.Buffer
	_, err := conn.Read(greeting)
	if err == nil {
		_, err = conn.Write([]byte(text))
	}
	if err == nil {
		err = conn.(*net.TCPConn).CloseWrite()
	}
	if err == nil {
		_, err = rest.ReadFrom(conn)
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(greeting)+rest.String(), "\r\n")
}

// TestRelayToPostfix hands mail to a relay that is known by a name, with STARTTLS since it is offered, and tells the sender
// what the relay refuses.
func TestRelayToPostfix(t *testing.T) {
	o := newOracle(t)
	at := netip.MustParseAddrPort(o.address + ":2528")
	d := startDaemon(t, settings{Relay: "smtp.relay.example:2528", RelayAt: at})
	c, err := dial(d.addr("smtp"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, turn := range [][2]string{{"helo pv", "250"}, {"mail from:<util1>", "250"}, {"rcpt to:<util9@relayed.example>", "250"},
		{"rcpt to:<inconnu@relayed.example>", "250"}, {"data", "354"}, {"Subject: relayed\r\n\r\n..two dots\r\n.", "250"}, {"quit", "221"}} {
		if _, err := c.say(turn[0], turn[1]); err != nil {
			t.Fatalf("%s: %v", turn[0], err)
		}
	}
	d.awaitQueue()
	within(t, "Postfix has delivered it", func() bool { return strings.Contains(o.traces().boxes["util9"], "Subject: relayed\n") })
	theirs, ours := o.traces(), d.traces()
	host := "smtp.relay.example[" + o.address + "]"
	for _, want := range []struct{ what, text, part string }{
		{"Postfix's log", theirs.log, "TLS connection established from "},
		{"Postfix's mailbox", theirs.boxes["util9"], "\n\n.two dots\n"},
		{"our log", ours.log, "to=<util9@relayed.example>, relay=" + host + ":2528, "},
		{"our log", ours.log, "dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as "},
		{"our log", ours.log, "dsn=5.1.1, status=bounced (host " + host + " said: 550 5.1.1 <inconnu@relayed.example>: Recipient address rejected: " +
			"User unknown in local recipient table (in reply to RCPT TO command))"},
		{"the report", ours.boxes["util1"], "Remote-MTA: dns; smtp.relay.example\n"},
	} {
		if !strings.Contains(want.text, want.part) {
			t.Errorf("%s has no %q:\n%s", want.what, want.part, lastLines(want.text, 40))
		}
	}
}
