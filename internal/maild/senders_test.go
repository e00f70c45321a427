package maild

import (
	"errors"
	"fmt"
	"net/smtp"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"maillab/internal/between"
	"maillab/internal/mail/senders"
	"maillab/internal/spec"
)

// judging is a street in which senders are judged, and scored where a filter is set.
func judging(t *testing.T, how spec.Verify, scoring *spec.Filter, names ...string) *street {
	later := new(atomic.Int64)
	s := newStreetWith(t, func(c *Config) {
		c.Spec.Services.SMTP.Verify, c.Spec.Services.SMTP.Filter = &how, scoring
		c.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	}, names...)
	s.forget = func() { later.Add(int64(time.Hour)) }
	return s
}

// hand hands a message in at a neighbour's, and returns what comes of it.
func (s *street) hand(from int, to, sender, recipient, message string) error {
	s.t.Helper()
	conn, _, err := s.ask(s.t.Context(), from, to, between.SMTP)
	if err == nil {
		err = between.Taken(s.t.Context(), conn)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	c, err := smtp.NewClient(conn, "mx."+to)
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	if err := errors.Join(c.Hello(fmt.Sprintf("seat%d", from)), c.Mail(sender)); err != nil {
		s.t.Fatal(err)
	}
	if err := c.Rcpt(recipient); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	_, err = w.Write([]byte(strings.ReplaceAll(message, "\n", "\r\n")))
	return errors.Join(err, w.Close())
}

// file writes a file into the home of a domain's owner.
func (s *street) file(domain, name, text string) {
	s.t.Helper()
	path := filepath.Join(s.daemons[domain].dir, "users", "home", "util1", filepath.FromSlash(name))
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		s.t.Fatal(err)
	}
}

// folder is what is in a folder of util1's.
func (s *street) folder(domain, name string) string {
	text, _ := os.ReadFile(filepath.Join(s.daemons[domain].dir, "users", "home", "util1", "mail", name))
	return string(text)
}

// TestForgery: whose envelope is another's is refused once that domain says so, and not before; whose From alone is another's is
// taken, refused or put aside as that domain wants.
func TestForgery(t *testing.T) {
	s := judging(t, spec.Verify{SPF: "reject", DMARC: "obey"}, nil, "alice", "bob", "carol")
	mx := "@ MX 10 mx\nmx 0 A 198.18.0.3\n"
	forged := "From: Carol <util1@carol.lab>\nTo: util1@bob.lab\nSubject: forged\nAuthentication-Results: mx.bob.lab; dmarc=pass header.from=carol.lab\n" +
		"Authentication-Results: elsewhere.lab; dmarc=pass header.from=carol.lab\n\nx\n"
	hand := func(sender string) error { return s.hand(1, "bob.lab", sender, "util1@bob.lab", forged) }
	for _, c := range []struct {
		zone, sender string
		refused      string   // part of the reply
		header       []string // of the message
		folder       string
	}{
		{"", "util1@carol.lab", "", []string{"Received-SPF: None (mailfrom) identity=mailfrom; client-ip=198.18.0.1; helo=seat1; envelope-from=util1@carol.lab; receiver=bob.lab \n",
			"Authentication-Results: mx.bob.lab; dmarc=none (p=none dis=none) header.from=carol.lab\n"}, ""},
		{"@ 0 TXT \"v=spf1 mx -all\"\n", "util1@carol.lab", "5.7.23 <util1@bob.lab>: Recipient address rejected: Message rejected due to: SPF fail - not authorized.", nil, ""},
		{"@ 0 TXT \"v=spf1 mx ~all\"\n", "util1@carol.lab", "", []string{"Received-SPF: Softfail ", "; spf=softfail smtp.mailfrom=carol.lab\n"}, ""},
		{"_dmarc 0 TXT \"v=DMARC1; p=none\"\n", "util1@alice.lab", "", []string{"dmarc=fail (p=none dis=none) header.from=carol.lab", "Received-SPF: Pass (mailfrom)"}, ""},
		{"_dmarc 0 TXT \"v=DMARC1; p=quarantine\"\n", "util1@alice.lab", "", []string{"dmarc=fail (p=quarantine dis=quarantine) header.from=carol.lab"}, "Junk"},
		{"_dmarc 0 TXT \"v=DMARC1; p=reject\"\n", "util1@alice.lab", "5.7.1 rejected by DMARC policy for carol.lab", nil, ""},
		{"_dmarc 0 TXT \"v=DMARC1; p=reject; pct=0\"\n", "util1@alice.lab", "", []string{"dmarc=fail (p=reject dis=quarantine)"}, "Junk"},
		{"_dmarc 0 TXT \"v=DMARC1; p=nonsense\"\n", "util1@alice.lab", "", []string{"dmarc=permerror header.from=carol.lab"}, ""},
	} {
		s.zone("alice.lab", "@ MX 10 mx\nmx A 198.18.0.1\n@ TXT \"v=spf1 mx -all\"\n")
		s.zone("carol.lab", mx+c.zone)
		s.forget()
		inbox, aside := len(s.daemons["bob.lab"].box("util1")), len(s.folder("bob.lab", "Junk"))
		err := hand(c.sender)
		if c.refused != "" {
			if err == nil || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%q: %v, want %q", c.zone, err, c.refused)
			}
			s.logged("bob.lab", "reject: ", c.refused[:6])
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", c.zone, err)
			continue
		}
		came := s.daemons["bob.lab"].box("util1")[inbox:]
		if c.folder != "" {
			came = s.folder("bob.lab", c.folder)[aside:]
			s.logged("bob.lab", "status=sent (delivered to file: ~/mail/Junk)")
		}
		for _, want := range append(c.header, "elsewhere.lab; dmarc=pass") {
			if !strings.Contains(came, want) {
				t.Errorf("%q: %q is not in\n%s", c.zone, want, came)
			}
		}
		if strings.Contains(came, "mx.bob.lab; dmarc=pass") {
			t.Errorf("%q: what was forged in the server's name is there:\n%s", c.zone, came)
		}
	}
}

// newKey is a key for signing, and its record.
func newKey(t *testing.T) (key []byte, record string) {
	t.Helper()
	key, err := senders.NewKey(1024)
	if err != nil {
		t.Fatal(err)
	}
	signer, problem := senders.ParseKey("", key)
	if problem != nil {
		t.Fatal(problem)
	}
	record, err = senders.Record("s1", signer)
	if err != nil {
		t.Fatal(err)
	}
	return key, record
}

// TestSigned: a domain's mail is signed with its owner's key, which the receiver finds; a letter that is another breaks it; what is
// wrong with the configuration is told in the log.
func TestSigned(t *testing.T) {
	s := judging(t, spec.Verify{SPF: "reject", DMARC: "obey"}, nil, "alice", "bob")
	alice, bob := s.daemons["alice.lab"], s.daemons["bob.lab"]
	send := func() {
		t.Helper()
		text := "From: util1@alice.lab\r\nSubject: signed\r\n\r\nhello\r\n"
		if err := smtp.SendMail(alice.addresses["smtp"], nil, "util1@alice.lab", []string{"util1@bob.lab"}, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	key, record := newKey(t)
	s.zone("alice.lab", "@ MX 10 mx\nmx A 198.18.0.1\n"+record)
	s.file("alice.lab", "opendkim.conf", "Domain alice.lab\nSelector s1\nKeyfile dkim/s1.private\n")
	send()
	s.logged("alice.lab", "opendkim[61]: ", ": ~/dkim/s1.private:0: there is no such file")
	s.file("alice.lab", "dkim/s1.private", string(key))
	send()
	s.logged("alice.lab", ": DKIM-Signature field added (s=s1, d=alice.lab)")
	s.logged("bob.lab", "opendkim[61]: ", ": DKIM verification successful")
	bob.wait("the signed one", func() bool {
		return strings.Contains(bob.box("util1"), "dkim=pass (1024-bit key; unprotected) header.d=alice.lab")
	})
	box := bob.box("util1")
	message := box[strings.LastIndex(box, "DKIM-Signature: "):]
	if err := s.hand(1, "bob.lab", "", "util1@bob.lab", strings.Replace(message, "hello", "hallo", 1)); err != nil {
		t.Fatal(err)
	}
	if box := bob.box("util1"); !strings.Contains(box, `dkim=fail reason="signature verification failed" (1024-bit key; unprotected) header.d=alice.lab`) {
		t.Errorf("a letter was changed:\n%s", box)
	}
	s.file("alice.lab", "opendkim.conf", "Domain alice.lab\nSelektor s1\nKeyfile dkim/s1.private\n")
	send()
	s.logged("alice.lab", `~/opendkim.conf:2: "selektor" is not read here`)
	// A neighbour's message in the domain's name is nobody's to sign, also where nobody is judged.
	s.file("alice.lab", "opendkim.conf", "Domain alice.lab\nSelector s1\nKeyfile dkim/s1.private\n")
	alice.cfg.Spec.Services.SMTP.Verify = nil
	if err := s.hand(2, "alice.lab", "util1@bob.lab", "util1@alice.lab", "From: util1@alice.lab\nSubject: by bob\n\nx\n"); err != nil {
		t.Fatal(err)
	}
	if box := alice.box("util1"); !strings.Contains(box, "Subject: by bob") || strings.Contains(box, "DKIM-Signature") {
		t.Errorf("alice has\n%s", box)
	}
}

// TestScored: a content filter counts what was found out of a sender, and only that: not what a stranger writes of himself. What is told of
// a message later is of its sender, not of the filter.
func TestScored(t *testing.T) {
	s := judging(t, spec.Verify{SPF: "mark", DMARC: "obey"}, &spec.Filter{Tagged: -999, Required: 6.31}, "alice", "bob", "carol")
	alice, bob := s.daemons["alice.lab"], s.daemons["bob.lab"]
	key, record := newKey(t)
	s.zone("alice.lab", "@ MX 10 mx\nmx A 198.18.0.1\n@ TXT \"v=spf1 mx -all\"\n"+record)
	s.file("alice.lab", "opendkim.conf", "Domain alice.lab\nSelector s1\nKeyfile dkim/s1.private\n")
	s.file("alice.lab", "dkim/s1.private", string(key))
	s.zone("carol.lab", "@ MX 10 mx\nmx A 198.18.0.3\n@ TXT \"v=spf1 mx ~all\"\n_dmarc TXT \"v=DMARC1; p=quarantine\"\n")
	if err := smtp.SendMail(alice.addresses["smtp"], nil, "util1@alice.lab", []string{"util1@bob.lab"}, []byte("From: util1@alice.lab\r\nTo: util1@bob.lab\r\nSubject: signed\r\n\r\nhello\r\n")); err != nil {
		t.Fatal(err)
	}
	bob.wait("the signed one", func() bool { return strings.Contains(bob.box("util1"), "Subject: signed") })
	box := bob.box("util1")
	scored := func(message string, want ...string) {
		t.Helper()
		for _, test := range want {
			if unfolded := strings.ReplaceAll(message, "\n ", " "); !strings.Contains(unfolded, test) {
				t.Errorf("%s is not in\n%s", test, message)
			}
		}
	}
	scored(box, "DKIM_SIGNED=0.1, DKIM_VALID=-0.1, DKIM_VALID_AU=-0.1, DKIM_VALID_EF=-0.1, ", "SPF_PASS=-0.001]")
	told := fmt.Sprint(bob.neighbours.judge.Explain(t.Context(), []byte(box[strings.LastIndex(box, "\nFrom ")+1:])))
	for _, want := range []string{"the client was 198.18.0.1", "received-spf: Pass (mailfrom)", "dkim=pass"} {
		if !strings.Contains(told, want) {
			t.Errorf("%q is not told:\n%s", want, told)
		}
	}
	message := box[strings.LastIndex(box, "DKIM-Signature: "):]
	for _, c := range []struct {
		sender, message string
		want            []string
		not             string
	}{
		{"", strings.Replace(message, "hello", "hallo", 1), []string{"DKIM_INVALID=0.1, DKIM_SIGNED=0.1, ", "SPF_HELO_NONE"}, "DKIM_VALID"},
		{"util1@carol.lab", "From: util1@alice.lab\n\nx\n", []string{"SPF_SOFTFAIL=0.665"}, "DKIM_"},
		{"util1@nobody.lab", "Authentication-Results: mx.bob.lab; spf=pass smtp.mailfrom=nobody.lab; dkim=pass header.d=nobody.lab\n\nx\n", []string{"SPF_NONE=0.001"}, "_PASS"},
		{"util1@alice.lab", strings.Replace(message, "util1@alice.lab", "util1@x.alice.lab", 1), []string{"DKIM_INVALID"}, "DKIM_VALID"},
	} {
		before := len(bob.box("util1"))
		if err := s.hand(1, "bob.lab", c.sender, "util1@bob.lab", c.message); err != nil {
			t.Fatal(err)
		}
		came := bob.box("util1")[before:]
		scored(came, c.want...)
		if strings.Contains(came, c.not) {
			t.Errorf("%s is in\n%s", c.not, came)
		}
	}
	if err := s.hand(1, "bob.lab", "util1@alice.lab", "util1@bob.lab", "From: util1@carol.lab\n\nx\n"); err != nil {
		t.Fatal(err)
	}
	scored(s.folder("bob.lab", "Junk"), "SPF_PASS=-0.001")
}
