package labs_test

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/smtp"
	"net/textproto"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"maillab/internal/deploy"
	"maillab/internal/engine"
	"maillab/internal/engine/embedded"
)

// serveVariable makes the test program be an instance of the embedded engine.
const serveVariable = "MAILLAB_TEST_SERVE"

func TestMain(m *testing.M) {
	if os.Getenv(serveVariable) == "" {
		flag.Parse()
		if err := flag.Set("test.parallel", "6"); err != nil { // they wait for who types, and hardly use a processor
			panic(err)
		}
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	err := embedded.Serve(ctx, os.Args[1], os.Args[2], slog.New(slog.DiscardHandler))
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// openEmbedded makes the embedded engine, with a folder of its own: Unix sockets want a short path.
func openEmbedded(t *testing.T, data string) deploy.Maker {
	t.Helper()
	dir, err := os.MkdirTemp("", "maillab")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return deploy.Maker{Name: "embedded", Make: func(context.Context) (engine.Engine, error) {
		return embedded.New(embedded.Config{Runtime: dir, Data: data, Command: func(runtime, data string) *exec.Cmd {
			cmd := exec.Command(os.Args[0], runtime, data)
			cmd.Env = append(os.Environ(), serveVariable+"=1")
			return cmd
		}}), nil
	}}
}

// typist types at a student's SMTP port, as a person does.
type typist struct {
	t    *testing.T
	conn *textproto.Conn
}

// door is where a student's SMTP port is reached.
func (c lesson) door(student string) string {
	c.t.Helper()
	_, out, errs := c.run(c.t.Context(), nil, "status", student, "-o", "json")
	door := regexp.MustCompile(`127\.0\.0\.1:[0-9]*25\b`).FindString(out)
	if door == "" {
		c.t.Fatalf("no door: %s%s", out, errs)
	}
	return door
}

func (c lesson) typist(student string) typist {
	c.t.Helper()
	conn, err := net.Dial("tcp", c.door(student))
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { conn.Close() })
	p := typist{c.t, textproto.NewConn(conn)}
	p.hear()
	return p
}

// hear reads an answer.
func (p typist) hear() string {
	p.t.Helper()
	code, text, err := p.conn.ReadResponse(0)
	if err != nil {
		p.t.Fatal(err)
	}
	return fmt.Sprint(code, " ", text)
}

// says types lines until one is answered otherwise than with 250, and returns the last answer.
func (p typist) says(lines ...string) (answer string) {
	p.t.Helper()
	for i, line := range lines {
		time.Sleep(time.Duration(400+len(line)*70+i*131%700) * time.Millisecond) // what typing takes: 0007
		if err := p.conn.PrintfLine("%s", line); err != nil {
			p.t.Fatal(err)
		}
		if answer = p.hear(); !strings.HasPrefix(answer, "250 ") {
			return answer
		}
	}
	return answer
}

// until types a line again and again, until the answer begins so.
func (p typist) until(answer, line string) {
	p.t.Helper()
	for n := 0; !strings.HasPrefix(p.says(line), answer); n++ {
		time.Sleep(time.Duration(n*277%900) * time.Millisecond)
	}
}

// pastes hands in a message.
func (p typist) pastes(text string) error {
	p.t.Helper()
	if answer := p.says("DATA"); !strings.HasPrefix(answer, "354 ") {
		p.t.Fatal(answer)
	}
	w := p.conn.DotWriter()
	_, err := fmt.Fprint(w, text)
	if err == nil {
		err = w.Close()
	}
	if err == nil {
		_, _, err = p.conn.ReadResponse(250)
	}
	return err
}

// logged waits for a line of alice's log, and returns what its group caught.
func (c lesson) logged(pattern string) string {
	c.t.Helper()
	for {
		_, out, errs := c.run(c.t.Context(), nil, "logs", "alice")
		if m := regexp.MustCompile(pattern).FindStringSubmatch(out); m != nil {
			return m[len(m)-1]
		}
		select {
		case <-c.t.Context().Done():
			c.t.Fatalf("the log has no %s\n%s%s", pattern, out, errs)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// newEmbedded brings a lab up on the embedded engine.
func newEmbedded(t *testing.T, lab string) lesson {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: a person types, and a queue waits")
	}
	data := t.TempDir()
	c := lesson{t: t, name: "t-labs-" + lab, data: data, engine: openEmbedded(t, data)}
	t.Cleanup(func() { c.run(context.WithoutCancel(t.Context()), nil, "down", "-y") })
	c.must(nil, "up", "-f", lab)
	return c
}

// answers gives alice's answer, which is right.
func (c lesson) answers(task, text string) {
	c.t.Helper()
	c.must(nil, "lab", "--student", "alice", "answer", task, text)
}

// refuses gives alice's answers, of which none is right, or for which nothing has been seen yet.
func (c lesson) refuses(task string, texts ...string) {
	c.t.Helper()
	for _, text := range texts {
		if code, out, errs := c.run(c.t.Context(), nil, "lab", "--student", "alice", "answer", task, text); code == 0 {
			c.t.Errorf("%s: %q is taken\n%s%s", task, text, out, errs)
		}
	}
}

// hands types an envelope and pastes a message.
func (p typist) hands(from, to, text string) {
	p.t.Helper()
	if answer := p.says("MAIL FROM:<"+from+">", "RCPT TO:<"+to+">"); !strings.HasPrefix(answer, "250 ") {
		p.t.Fatal(answer)
	}
	if err := p.pastes(text); err != nil {
		p.t.Fatal(err)
	}
}

// whole tells what alice has not passed.
func (c lesson) whole() {
	c.t.Helper()
	if left := c.check()[0].states("failed", "blocked", "manual"); len(left) > 0 {
		c.t.Errorf("not passed:\n%s", strings.Join(left, "\n"))
	}
}

// gone hands in no more: alice's client sends all of a message at once, and hangs up after the first refusal, as a program that does not try again.
func (c lesson) gone(lines ...string) {
	c.t.Helper()
	conn, err := net.Dial("tcp", c.door("alice"))
	if err != nil {
		c.t.Fatal(err)
	}
	defer conn.Close()
	p := typist{c.t, textproto.NewConn(conn)}
	p.hear()
	for _, line := range lines {
		if err := p.conn.PrintfLine("%s", line); err != nil {
			c.t.Fatal(err)
		}
		if answer := p.hear(); answer[0] > '3' {
			return
		}
	}
}

// TestFaultsEmbedded: the lab on faults can be done on the embedded engine, too, with the tools of one's own machine. Whoever gives up, has a
// program do it, says what is so before it has been seen, or says something else, has not done it.
func TestFaultsEmbedded(t *testing.T) {
	t.Parallel()
	c := newEmbedded(t, "pannes")
	const me = "RCPT TO:<alice@alice.lab>"
	envelope := []string{"MAIL FROM:<alice@alice.lab>", me}

	if passed := c.check()[0].states("passed"); len(passed) > 0 {
		t.Errorf("with nothing done: %v", passed)
	}
	for range 3 {
		c.gone("HELO pv", envelope[0], me, me, "DATA", "Subject: at once\r\n\r\nx\r\n.", "QUIT")
	}
	if code, out, _ := c.run(t.Context(), nil, "lab", "--student", "alice", "check", "later"); code == 0 {
		t.Errorf("a program has done the first:\n%s", out)
	}

	p := c.typist("alice")
	p.says("HELO pv")
	for strings.HasPrefix(p.says(envelope...), "250 ") {
		p.says("RSET")
	}
	p.until("250 ", me)
	if err := p.pastes("Subject: later\r\n\r\nAt last.\r\n"); err != nil {
		t.Fatal(err)
	}
	c.must(nil, "lab", "--student", "alice", "check", "later")

	p.says(envelope...)
	if err := p.pastes("Subject: full\r\n\r\nhello\r\n"); err != nil {
		t.Fatal(err)
	}
	id := c.logged(`postfix/local\[[0-9]+\]: ([0-9A-F]+): to=<alice@alice\.lab>, .*status=deferred .*Disk quota exceeded`)
	c.refuses("full", id) // it has not come yet
	c.refuses("full", "ABCDEF01234")
	c.logged(id + `: to=.*status=sent`)
	c.refuses("full", "ABCDEF01234", id[:len(id)-1])
	c.answers("full", id)
	c.refuses("grey", "bots try only once", "the mailbox is full") // nothing has been seen

	if got := p.says(envelope...); !strings.Contains(got, "Greylisted") {
		t.Fatal(got)
	}
	p.until("250 ", me)
	c.refuses("grey", "the mailbox is full")
	c.answers("grey", "bots try only once")
	c.refuses("cut", "300", "512")

	if err := p.pastes("Subject: short\r\n\r\nA line.\r\n"); err != nil {
		t.Fatal(err)
	}
	p.says(envelope...)
	if err := p.pastes(strings.Repeat("This is a line of the report.\r\n", 40)); err == nil {
		t.Error("a long message arrives")
	}
	octets := c.logged(`lost connection after DATA \(([0-9]+) bytes\)`)
	c.refuses("cut", octets+"0", "a line")
	c.answers("cut", octets)
	c.refuses("names", "the name server", "the mail server")

	send := func(to string) {
		t.Helper()
		q := c.typist("alice")
		q.says("HELO pv")
		q.hands("alice@alice.lab", to, "Subject: x\r\n\r\nhello\r\n")
	}
	for n, late := 0, false; !late; n++ { // which answers are late is drawn
		to := fmt.Sprintf("nobody%d@nowhere.lab", n)
		send(to)
		late = c.logged("to=<"+to+">, .*(try again|status=bounced)") == "try again"
	}
	c.refuses("names", "the mail server", "the mailbox is full")
	c.answers("names", "the name server")
	c.refuses("wrong-mx", "smtp.papeterie.lab", "papeterie.lab")

	send("commande@papeterie.lab")
	c.logged(`papeterie\.lab>.*status=bounced`)
	c.refuses("wrong-mx", "papeterie.lab", "mx.papeterie.lab")
	c.answers("wrong-mx", c.logged(`papeterie\.lab>.*status=bounced .*name=([^ ]+) type=A`))

	c.refuses("certificate", "it has expired", "it is self-signed")
	encrypted, err := smtp.Dial(c.door("alice"))
	if err != nil {
		t.Fatal(err)
	}
	defer encrypted.Close()
	if err := encrypted.StartTLS(&tls.Config{InsecureSkipVerify: true}); err != nil { //nolint:gosec // it is what is looked at
		t.Fatal(err)
	}
	if state, _ := encrypted.TLSConnectionState(); state.PeerCertificates[0].NotAfter.Before(time.Now()) {
		c.refuses("certificate", "it is self-signed", "I do not know")
		c.answers("certificate", "it has expired")
	}
	c.whole()
}

// TestTrustEmbedded: the lab on senders can be done on the embedded engine, too. The neighbour has no shell there: what he sends goes through
// his own server.
func TestTrustEmbedded(t *testing.T) {
	t.Parallel()
	c := newEmbedded(t, "confiance")
	users := func(seat, name string) string {
		return filepath.Join(c.data, "instances", c.name, "seats", seat, "users", filepath.FromSlash(name))
	}
	write := func(path, text string) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	read := func(path string) string {
		text, _ := os.ReadFile(path)
		return string(text)
	}
	const (
		alice, bruno = "alice@alice.lab", "bruno@bruno.lab"
		posing       = "From: alice@alice.lab\r\nSubject: It is me\r\n\r\nhello\r\n"
	)
	home := users("1", "home/alice")
	zone := "@ MX 10 mx\nmx A 198.18.0.1\n@ 0 TXT \"v=spf1 mx -all\"\n"
	a, b := c.typist("alice"), c.typist("bruno")
	a.says("HELO pv")
	b.says("HELO pv")

	a.hands("chloe@chloe.lab", bruno, "Subject: forged\r\n\r\nAm I chloe?\r\n")
	c.logged(`to=<bruno@bruno\.lab>, relay=mx\.bruno\.lab.*status=sent`)

	write(filepath.Join(home, "zone"), zone)
	write(users("2", "home/bruno/zone"), strings.Replace(zone, "198.18.0.1", "198.18.0.2", 1))
	b.hands(alice, alice, posing)
	c.logged(`policyd-spf.* 550 5\.7\.23 .*id=alice@alice\.lab;`)

	write(filepath.Join(home, ".forward"), bruno+"\n")
	b.hands(bruno, alice, "Subject: go on\r\n\r\nhello\r\n")
	c.logged(`orig_to=<alice@alice\.lab>.*status=bounced .*5\.7\.23`)
	if err := os.Remove(filepath.Join(home, ".forward")); err != nil {
		t.Fatal(err)
	}

	sign := func(student, home, zone string) string {
		t.Helper()
		c.must(nil, "lab", "--student", student, "dkim", "genkey", "s1", home)
		zone += read(filepath.Join(home, "dkim", "s1.txt"))
		write(filepath.Join(home, "zone"), zone)
		return zone
	}
	zone = sign("alice", home, zone)
	a.hands(alice, bruno, "From: alice@alice.lab\r\nSubject: signed\r\n\r\nhello\r\n")
	c.logged(`DKIM-Signature field added.*`)
	box := ""
	for !strings.Contains(box, "Subject: signed") {
		time.Sleep(100 * time.Millisecond)
		box = read(users("2", "spool/bruno"))
	}
	signed := box[strings.LastIndex(box, "DKIM-Signature:"):]
	b.hands(bruno, alice, strings.ReplaceAll(strings.Replace(strings.TrimSpace(signed)+"\n", "hello", "hallo", 1), "\n", "\r\n"))
	c.logged(`opendkim.*bad signature data`)

	for _, p := range []struct{ policy, seen string }{{"quarantine", `delivered to file: ~/mail/Junk`}, {"reject", `milter-reject: .*rejected by DMARC policy for alice\.lab`}} {
		write(filepath.Join(home, "zone"), zone+"_dmarc 0 TXT \"v=DMARC1; p="+p.policy+"\"\n")
		b.hands(bruno, alice, posing)
		c.logged(p.seen)
	}
	c.must(nil, "lab", "--student", "alice", "check", "visible")
	c.answers("why", "the domains are not aligned")

	a.hands(alice, alice, "\r\nBuy now.\r\n")
	sign("bruno", users("2", "home/bruno"), read(users("2", "home/bruno/zone")))
	b.hands(bruno, alice, "From: bruno@bruno.lab\r\nTo: alice@alice.lab\r\nSubject: Lunch\r\n\r\nToday?\r\n")
	c.logged(`<bruno@bruno\.lab> -> <alice@alice\.lab>, .*, Hits: -`)
	c.answers("score", "DKIM_VALID")
	for _, id := range []string{"spf", "sign"} { // no check opens a file there: the teacher has the word
		if now := c.check()[0].task(id); now.State != "blocked" {
			t.Errorf("%+v", now)
		}
		c.must(nil, "mark", "alice", id, "passed")
	}
	c.whole()
}
