package queue

import (
	"bytes"
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"maillab/internal/mail"
	"maillab/internal/mail/addrspec"
	"maillab/internal/spec"
)

// FuzzForward reads any .forward: what it yields can stand in an envelope line.
func FuzzForward(f *testing.F) {
	f.Add("util1, \\util2\n# c\n\"a b\"@c <d@e>")
	f.Add("|x, :include:y, /z")
	f.Fuzz(func(t *testing.T, text string) {
		targets, _ := ParseForward([]byte(text))
		if len(targets) > forwardLimit {
			t.Fatalf("%d targets", len(targets))
		}
		for _, target := range targets {
			if target.Address == "" || strings.ContainsAny(target.Address, "\r\n\x00") {
				t.Fatalf("%q: target %q", text, target.Address)
			}
		}
	})
}

// FuzzAddress resolves any address: completing is idempotent, and nobody gets mail for a domain that is not his.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{"util1", "@a:b@c", "a%b%c@local.isri.fr", `"a\"@b"@c`, "x@[IPv6:::1]", "a!b", "@", "%@%"} {
		f.Add(s)
	}
	q := newResolver(&Config{Domain: "local.isri.fr", Locals: []string{"local.isri.fr"}, Accounts: people{},
		Outside: []spec.Outside{{Domain: "example.com", MX: "m", Address: "192.0.2.25"}}})
	f.Fuzz(func(t *testing.T, typed string) {
		verdict, address := q.Check(typed)
		if address != "" && !strings.Contains(address, "@") {
			t.Fatalf("%q became %q", typed, address)
		}
		if again := complete(address, "local.isri.fr"); !strings.HasPrefix(address, "@") && again != address && !strings.HasSuffix(address, `"`) {
			t.Fatalf("%q became %q became %q", typed, address, again)
		}
		if d := q.resolve(address); d.kind == toMailbox && verdict != Accepted {
			t.Fatalf("%q: %v, yet it leads to a mailbox", typed, verdict)
		}
		_ = addrspec.Quote(address)
	})
}

// FuzzQueueFile reads any queue file, and what it yields reads the same when it is written again.
func FuzzQueueFile(f *testing.F) {
	f.Add([]byte("maillab-queue 2 2\n{\"id\":\"A\",\"recipients\":[{\"typed\":\"x\",\"address\":\"x@y\"}]}\nx\n{\"rcpt\":0,\"state\":\"sent\"}\n{\"due\""))
	f.Add([]byte("maillab-queue 2 0\n{}\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		e, whole, err := parseFile(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			return
		}
		if whole > int64(len(file)) || e.offset+e.length > whole || len(e.states) != len(e.env.Recipients) {
			t.Fatalf("intact up to %d of %d, message at %d+%d", whole, len(file), e.offset, e.length)
		}
		again := &entry{states: make([]state, len(e.states))}
		lines := journal(e)
		if n := again.replay(lines); n != int64(len(lines)) {
			t.Fatalf("%q: only %d bytes of the journal read again", lines, n)
		}
		for i := range e.states {
			if e.states[i].State != "" && e.states[i].State != again.states[i].State {
				t.Fatalf("state %q became %q", e.states[i].State, again.states[i].State)
			}
		}
	})
}

// FuzzCompose takes any message: no CR is left, the header ends in a blank line, no client can add a hop of ours or
// take it away, and the size that is logged is that of the text plus one byte a line, or two.
func FuzzCompose(f *testing.F) {
	for _, s := range []string{"", "\r\n", "Subject: a\r\n b\r\n\r\nc", "From x\nFrom y\n", "a:\r\rb\n", " x\n", "Bcc: x\n y\nTo: z\n\n"} {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Add("X: "+strings.Repeat("y", headerLimit)+"\n z\nSubject: s\n\n", true)
	q := &Queue{cfg: Config{Hostname: "h", Domain: "d", SizeLimit: 1 << 20, HopLimit: 50, Log: &journalLog{}}}
	q.cfg.Location = newClock().now.Location()
	f.Fuzz(func(t *testing.T, body string, local bool) {
		env := &mail.Envelope{ID: "ID", Sender: mail.Address{Full: "s@d"}, Recipients: []mail.Recipient{{Address: mail.Address{Typed: "r"}}}, Arrived: newClock().now}
		if !local {
			env.ClientAddr = "192.0.2.1"
		}
		m, err := q.compose(env, true, strings.NewReader(body))
		if err != nil {
			return
		}
		header, _, ok := bytes.Cut(m.text, []byte("\n\n"))
		if !ok || !bytes.HasPrefix(header, []byte("Received: ")) || !bytes.HasSuffix(m.text, []byte("\n")) {
			t.Fatalf("%q became %q", body, m.text)
		}
		for i, line := range bytes.Split(header, []byte("\n")) {
			if headerName(line) == 0 && (i == 0 || len(line) == 0 || line[0] != ' ' && line[0] != '\t') {
				t.Fatalf("%q: header line %q", body, line)
			}
			if name := strings.ToLower(string(line[:headerName(line)])); name == "bcc" {
				t.Fatalf("%q: Bcc came through", body)
			}
		}
		if bytes.IndexByte(m.text, '\r') >= 0 {
			t.Fatalf("%q: CR in %q", body, m.text)
		}
		lines := int64(bytes.Count(m.text, []byte("\n")))
		if least := int64(len(m.text)) + lines - 2; m.size < least || m.size > int64(len(m.text))*2+100 {
			t.Fatalf("%q: size %d, %d bytes, %d lines", body, m.size, len(m.text), lines)
		}
	})
}

// FuzzAddressField completes names in any field: without the added domains, and blanks, it is the field again.
func FuzzAddressField(f *testing.F) {
	f.Add("To: a, B <c>, \"d\" (e) f: g;")
	f.Fuzz(func(t *testing.T, field string) {
		name, _, ok := strings.Cut(field, ":")
		if !ok || strings.Contains(field, "@\x01") {
			return
		}
		got := completeField("to", field, "\x01")
		blanks := strings.NewReplacer("@\x01", "", " ", "", "\t", "")
		if blanks.Replace(got) != blanks.Replace(field) {
			t.Fatalf("%q (%s) became %q", field, name, got)
		}
		Addresses(field)
	})
}

// FuzzListeners reads any /proc/net/tcp.
func FuzzListeners(f *testing.F) {
	if text, err := os.ReadFile("/proc/net/tcp"); err == nil {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		ownerOf("127.0.0.1:25", parseListeners(text))
	})
}

// FuzzReplies lets a student's server answer anything: no panic, an end, and only a real 250 behind the message means
// that it was taken.
func FuzzReplies(f *testing.F) {
	for _, s := range []string{"220 x\n250 x\n250 x\n250 x\n354 x\n250 x\n221 x\n", "220-a\r\n220 b\r\n500 x\r\n250 x\r\n", "220 x\n250 x\n250 x\n550 5.1.1 no\n",
		"hello\n", "220 x\n250-x\n251 y\n", "220 x\n250 x\n250 x\n250 x\n354 x\n452 full\n", "999999999999999999999 x\n", "220 \xff\x00\r\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, said string) {
		client, server := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, server) }()
		go func() {
			_, _ = io.WriteString(server, said)
			_ = server.Close()
		}()
		defer client.Close()
		s, err := openPlain(client, "test6isri.local.isri.fr")
		if err != nil {
			return
		}
		e := &entry{env: &mail.Envelope{Sender: mail.Address{Full: "util1@local.isri.fr"}}}
		if s.mail(e) != nil || s.rcpt(mail.Recipient{Address: mail.Address{Full: "liste@local.isri.fr"}}) != nil {
			return
		}
		answer, err := s.data(strings.NewReader("Subject: x\n\n.x\n"))
		if (err == nil) != strings.HasPrefix(answer, "2") || strings.ContainsAny(oneLine(answer), "\r\n") {
			t.Errorf("%q: %q, %v", said, answer, err)
		}
		s.quit()
	})
}
