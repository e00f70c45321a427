package filter

import (
	"strings"
	"testing"
	"time"
)

var at = time.Date(2013, 12, 20, 10, 6, 20, 0, time.FixedZone("CET", 3600))

var school = Settings{Host: "smtp2.ac-amiens.fr", Domain: "ac-amiens.fr", Tagged: 2, Required: 6.31, Bayes: "ham", Location: at.Location()}

// message is one as Postfix hands it to a filter.
func message(helo, client, text string) Message {
	received := "Received: from " + helo + " (" + client + " [172.30.177.85])\n" +
		"\tby smtp2.ac-amiens.fr (Postfix) with SMTP id C724B100081\n\tfor <pascal.vaniet@ac-amiens.fr>; Fri, 20 Dec 2013 10:05:48 +0100 (CET)\n"
	return Message{Text: []byte(received + text), MailID: "Rrxpqb--Hy9f", Sender: "pascal.vaniet@ac-amiens.fr",
		Recipients: []string{"pascal.vaniet@ac-amiens.fr"}, Client: "172.30.177.85", ClientName: client, At: at}
}

// TestSheet is the message of the school's sheet: a part typed by hand, with nothing in its header but a subject and a type.
func TestSheet(t *testing.T) {
	v := Judge(school, message("PV", "pvaniet.in.ac-amiens.fr",
		"Subject: test\nContent-type: multipart/mixed; boundary=-----0000000000\n\n-------0000000000\n\nbonjour\n-------0000000000--\n"), nil)
	want := `X-Quarantine-ID: <Rrxpqb--Hy9f>
X-Virus-Scanned: Debian amavisd-new at ac-amiens.fr
X-Amavis-Alert: BAD HEADER SECTION, Missing required header field: "Date"
X-Spam-Flag: NO
X-Spam-Score: 3.632
X-Spam-Level: ***
X-Spam-Status: No, score=3.632 tagged_above=2 required=6.31
 tests=[ALL_TRUSTED=-1, BAYES_00=-1.9, MIME_HEADER_CTYPE_ONLY=0.717,
 MISSING_DATE=1.36, MISSING_FROM=1, MISSING_HEADERS=1.021, MISSING_MID=0.497,
 RP_MATCHES_RCVD=-0.245, TVD_RCVD_SINGLE=2.172, T_TVD_MIME_NO_HEADERS=0.01]
 autolearn=no
Received: from smtp2.ac-amiens.fr ([127.0.0.1])
 by localhost (smtp2.ac-amiens.fr [127.0.0.1]) (amavisd-new, port 10024)
 with LMTP id Rrxpqb--Hy9f for <pascal.vaniet@ac-amiens.fr>;
 Fri, 20 Dec 2013 10:06:20 +0100 (CET)`
	if got := strings.Join(v.Header(), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if !strings.HasPrefix(string(v.Apply()), want+"\nReceived: from PV (") {
		t.Errorf("the message begins otherwise: %.900q", v.Apply())
	}
}

// whole is a header that lacks nothing.
const whole = "From: util1@ac-amiens.fr\nTo: util11@ac-amiens.fr\nSubject: test\nDate: Fri, 20 Dec 2013 10:00:00 +0100\nMessage-ID: <abcde.f@ac-amiens.fr>\n"

// TestRules has, for each message, what amavisd-new 2.13 with SpamAssassin 4.0 found in it: its rules by name, its alert, its
// category. What that version has no more, and what it has of rules that are not here, is left out.
func TestRules(t *testing.T) {
	without := func(name string) string {
		var out []string
		for _, l := range strings.SplitAfter(whole, "\n") {
			if !strings.HasPrefix(l, name+":") {
				out = append(out, l)
			}
		}
		return strings.Join(out, "")
	}
	for _, c := range []struct{ name, text, tests, alert, category string }{
		{"whole", whole + "\nbonjour, tout va bien\n", "", "", "CLEAN"},
		{"body alone", "\nbonjour\n", "MISSING_DATE MISSING_FROM MISSING_HEADERS MISSING_MID MISSING_SUBJECT", `Missing required header field: "Date"`, "BAD-HEADER-7"},
		{"nothing", "\n", "EMPTY_MESSAGE MISSING_DATE MISSING_FROM MISSING_HEADERS MISSING_MID MISSING_SUBJECT", `Missing required header field: "Date"`, "SPAM"},
		{"subject", "Subject: test\n\nbonjour\n", "MISSING_DATE MISSING_FROM MISSING_HEADERS MISSING_MID", `Missing required header field: "Date"`, "BAD-HEADER-7"},
		{"no date", without("Date") + "\nbonjour\n", "MISSING_DATE", `Missing required header field: "Date"`, "BAD-HEADER-7"},
		{"no from", without("From") + "\nbonjour\n", "MISSING_FROM", `Missing required header field: "From"`, "BAD-HEADER-7"},
		{"no to", without("To") + "\nbonjour\n", "MISSING_HEADERS", "", "CLEAN"},
		{"capitals, old", "From: util1@ac-amiens.fr\nTo: util11@ac-amiens.fr\nSubject: BONJOUR A TOUS\nDate: Mon, 30 Nov 2009 06:00:00 +0000\nMessage-ID: <a.b@ac-amiens.fr>\n\nbonjour, tout va bien\n",
			"DATE_IN_PAST_96_XX MSGID_SHORT SUBJ_ALL_CAPS", "", "SPAMMY"},
		{"twice, eight bits, no date", "From: util1@ac-amiens.fr\nFrom: util2@ac-amiens.fr\nTo: util11@ac-amiens.fr\nSubject: h\351llo\nDate: hier\nMessage-ID: 12\n\nbonjour\n",
			"INVALID_DATE INVALID_MSGID MSGID_SHORT", `Non-encoded non-ASCII data (and not UTF-8) (char E9 hex): Subject: h\x{E9}llo`, "BAD-HEADER-8"},
		{"gtube", whole + "\n" + gtube + "\n", "GTUBE", "", "SPAM"},
		{"eicar", whole + "\n" + eicar + "\n", "", "", "INFECTED (Eicar-Test-Signature)"},
		{"html", whole + "MIME-Version: 1.0\nContent-Type: text/html\n\n<p>bonjour</p>\n", "HTML_MESSAGE MIME_HTML_ONLY", "", "CLEAN"},
		{"parts", whole + "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=XX\n\n--XX\nContent-Type: text/plain\n\nbonjour\n--XX--\n", "", "", "CLEAN"},
		{"bare part", whole + "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=XX\n\n--XX\n\nbonjour\n--XX--\n", "T_TVD_MIME_NO_HEADERS", "", "CLEAN"},
		{"type alone", whole + "Content-Type: multipart/mixed; boundary=XX\n\n--XX\nContent-Type: text/plain\n\nbonjour\n--XX--\n", "MIME_HEADER_CTYPE_ONLY", "", "CLEAN"},
		{"plain type alone", whole + "Content-Type: text/plain\n\nbonjour\n", "", "", "CLEAN"},
		{"future", without("Date") + "Date: Sat, 21 Dec 2013 10:10:00 +0100\n\nbonjour\n", "DATE_IN_FUTURE_24_48", "", "CLEAN"},
		{"folded blank", "X-A: a\n \n b\n" + whole + "\nbonjour\n", "", "Improper folded header field made up entirely of whitespace (char 20 hex): X-A: a\\x{0A} \\x{0A} b", "BAD-HEADER-4"},
		{"long", "X-A: " + strings.Repeat("a", 1000) + "\n" + whole + "\nbonjour\n", "", "Header line longer than 998 characters: X-A: " + strings.Repeat("a", 45) + "[...]", "BAD-HEADER-5"},
		{"utf-8", without("Subject") + "Subject: é\n\nbonjour\n", "", `Non-encoded UTF-8 string in non-EAI mail (char C3 A9 hex): Subject: \x{C3}\x{A9}`, "BAD-HEADER-2"},
	} {
		settings := school
		settings.Bayes = ""
		v := Judge(settings, message("localhost", "localhost", c.text), nil)
		var tests []string
		for _, h := range v.Hits {
			if h.Test != "ALL_TRUSTED" {
				tests = append(tests, h.Test)
			}
		}
		alert := ""
		if len(v.Bad) > 0 {
			alert = v.Bad[0].String()
		}
		if got := strings.Join(tests, " "); got != c.tests || alert != c.alert || v.Category() != c.category {
			t.Errorf("%s: %s, %s, %s\nwant %s, %s, %s", c.name, got, alert, v.Category(), c.tests, c.alert, c.category)
		}
	}
}

// TestSenders has, for what a server notes of a sender, the rules that Debian's SpamAssassin 4.0.1 met on such messages, with a name server
// that had these domains' records. What it has more: it looks at HELO also where MAIL FROM's domain has a record, so that SPF_HELO_NONE and
// SPF_HELO_FAIL are with most of its SPF rules, and it has rules on what HELO and From look like.
func TestSenders(t *testing.T) {
	const signed = "Authentication-Results: mx.bob.lab;\n\tdkim=pass (1024-bit key; unprotected) header.d=alice.lab header.i=@alice.lab header.a=rsa-sha256 header.s=s1 header.b=hRLtXS8l\n"
	spf := func(result, identity string) string {
		return "Authentication-Results: mx.bob.lab; spf=" + result + " " + identity + "\n"
	}
	helo := func(result string) string {
		return "Received-SPF: " + result + " (sender SPF authorized) identity=helo; client-ip=198.18.0.1; helo=alice.lab; envelope-from=<>; receiver=bob.lab \n"
	}
	for _, c := range []struct{ name, said, sender, from, tests string }{
		{"signed", spf("pass", "smtp.mailfrom=alice.lab") + signed, "alice@alice.lab", "alice@alice.lab", "DKIM_SIGNED DKIM_VALID DKIM_VALID_AU DKIM_VALID_EF SPF_PASS"},
		{"broken", spf("pass", "smtp.mailfrom=alice.lab") + strings.Replace(signed, "dkim=pass", `dkim=fail reason="signature verification failed"`, 1),
			"alice@alice.lab", "alice@alice.lab", "DKIM_INVALID DKIM_SIGNED SPF_PASS"},
		{"softfail", spf("softfail", "smtp.mailfrom=soft.lab"), "c@soft.lab", "carol@soft.lab", "SPF_SOFTFAIL"},
		{"neutral", spf("neutral", "smtp.mailfrom=neutral.lab"), "c@neutral.lab", "carol@soft.lab", "SPF_NEUTRAL"},
		{"fail", spf("fail", "smtp.mailfrom=fail.lab"), "c@fail.lab", "carol@soft.lab", "SPF_FAIL"},
		{"a wrong record", spf("permerror", "smtp.mailfrom=broken.lab"), "c@broken.lab", "carol@soft.lab", "T_SPF_PERMERROR"},
		{"no record", spf("none", "smtp.mailfrom=none.lab"), "c@none.lab", "carol@soft.lab", "SPF_NONE"},
		{"no sender", helo("Pass") + spf("pass", "smtp.helo=alice.lab") + signed, "", "alice@alice.lab", "DKIM_SIGNED DKIM_VALID DKIM_VALID_AU SPF_HELO_PASS"},
		{"no sender, no record", helo("None") + spf("none", "smtp.helo=mx.alice.lab"), "", "carol@soft.lab", "SPF_HELO_NONE"},
		{"HELO's alone", helo("Pass") + spf("none", "smtp.mailfrom=none.lab"), "c@none.lab", "carol@soft.lab", "SPF_HELO_PASS SPF_NONE"},
		{"below the signer's domain", spf("none", "smtp.mailfrom=x.alice.lab") + signed, "a@x.alice.lab", "a@x.alice.lab", "DKIM_SIGNED DKIM_VALID SPF_NONE"},
		{"another envelope", spf("softfail", "smtp.mailfrom=soft.lab") + signed, "c@soft.lab", "Alice <alice@alice.lab>", "DKIM_SIGNED DKIM_VALID DKIM_VALID_AU SPF_SOFTFAIL"},
		{"nobody was judged", "", "alice@alice.lab", "alice@alice.lab", ""},
	} {
		header := strings.Replace(whole, "util1@ac-amiens.fr", c.from, 1)
		m := message("mx.alice.lab", "mx.alice.lab", signed+spf("pass", "smtp.mailfrom=forged.lab")+header+"\nbonjour, tout va bien\n") // what a client says counts for nothing
		m.Text, m.Sender = append([]byte(c.said), m.Text...), c.sender
		var tests []string
		for _, h := range Judge(Settings{Tagged: 2, Required: 6}, m, nil).Hits {
			if strings.Contains(h.Test, "DKIM") || strings.Contains(h.Test, "SPF") {
				tests = append(tests, h.Test)
			}
		}
		if got := strings.Join(tests, " "); got != c.tests {
			t.Errorf("%s: %s\nwant %s", c.name, got, c.tests)
		}
	}
}

// TestSubject: spam says so in its subject, in one of its own where there is none.
func TestSubject(t *testing.T) {
	marked := string(Judge(school, message("pv", "pv", whole+"\n"+gtube+"\n"), nil).Apply())
	if !strings.Contains(marked, "\nSubject: ***SPAM*** test\nDate:") {
		t.Errorf("%q", marked)
	}
	bare := string(Judge(school, message("pv", "pv", "\nSubject: no header\n"+gtube+"\n"), nil).Apply())
	if !strings.Contains(bare, "\nSubject: ***SPAM***\nReceived: from smtp2.ac-amiens.fr ([127.0.0.1])\n") || !strings.HasSuffix(bare, "\n\nSubject: no header\n"+gtube+"\n") {
		t.Errorf("%q", bare)
	}
}

// TestSubmitted: what a program on the machine handed in passed no relay.
func TestSubmitted(t *testing.T) {
	m := message("", "", "")
	m.Client = ""
	m.Text = []byte("Received: by smtp2.ac-amiens.fr (Postfix, from userid 1000)\n\tid C724B100081; Fri, 20 Dec 2013 10:05:48 +0100 (CET)\n" + whole + "\nbonjour\n")
	if v := Judge(Settings{Tagged: 2, Required: 6}, m, nil); len(v.Hits) != 1 || v.Hits[0].Test != "NO_RELAYS" {
		t.Errorf("%v", v.Hits)
	}
}

// TestLog is amavis's own line about such a message.
func TestLog(t *testing.T) {
	v := Judge(school, message("PV", "pvaniet.in.ac-amiens.fr", "Subject: test\n\nbonjour\n"), nil)
	want := `Passed BAD-HEADER-7 {RelayedInbound,Quarantined}, [127.0.0.1] <pascal.vaniet@ac-amiens.fr> -> <pascal.vaniet@ac-amiens.fr>, ` +
		`Queue-ID: C724B100081, mail_id: Rrxpqb--Hy9f, Hits: 2.905, size: 193, queued_as: 8F79010050B, 12 ms`
	if got := v.Log("C724B100081", "", "8F79010050B", 193, 12*time.Millisecond); got != want {
		t.Errorf("%s", got)
	}
}

func FuzzJudge(f *testing.F) {
	f.Add(whole + "\nbonjour\n")
	f.Add("Content-Type: multipart/mixed; boundary=\"\n\n--\n")
	f.Fuzz(func(t *testing.T, text string) {
		m := message("pv", "pv", text)
		v := Judge(school, m, nil)
		if out := string(v.Apply()); !strings.HasSuffix(out, string(m.Text)) && !v.Spam() {
			t.Errorf("the message changed: %q", out)
		}
		for _, field := range v.Header() {
			for _, line := range strings.Split(field, "\n")[1:] {
				if !strings.HasPrefix(line, " ") || strings.TrimSpace(line) == "" {
					t.Errorf("a line of %q is no continuation", field)
				}
			}
		}
	})
}
