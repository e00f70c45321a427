package senders

import (
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// stored is the message of a capture as it lies in a mailbox: with what the servers wrote in front.
func stored(t testing.TB, name string) string {
	t.Helper()
	a, err := txtar.ParseFile("testdata/debian/" + name + ".txtar")
	if err != nil {
		t.Fatal(err)
	}
	return "From alice@alice.lab  Mon Nov 30 06:08:27 2026\nReturn-Path: <alice@alice.lab>\n" + part(a, "header") +
		"Received: from mx.alice.lab (mx.alice.lab [198.18.0.1])\n\tby mx.bob.lab (Postfix) with SMTP id 3948FD6653\n\tfor <bob@bob.lab>; Mon, 30 Nov 2026 06:08:25 +0000 (UTC)\n" +
		part(a, "message")
}

// TestExplain: each step says which record, which address and which domain it was about, in both languages.
func TestExplain(t *testing.T) {
	j := &Judge{Host: "mx.bob.lab", Parent: "lab", Names: zoneFile(t, "testdata/debian/zone")}
	for name, want := range map[string][]string{
		"pass":         {`? TXT alice.lab: "v=spf1 mx -all"`, "? A mx.alice.lab: 198.18.0.1", "pass: 198.18.0.1 matches “mx”", "SPF passed for alice.lab, which is aligned with alice.lab (relaxed)"},
		"dkim-pass":    {"alice.lab signed with its key “s1”: the header fields From To Subject Date Message-ID From, and the body", "pass: nothing of that has changed since"},
		"dkim-body":    {"fail: the body is not the one that was signed"},
		"dkim-subject": {"fail: the key does not fit, or a signed header field has changed"},
		"dkim-no-key":  {"? TXT s9._domainkey.alice.lab: NXDOMAIN", "fail: no key is published as s9._domainkey.alice.lab"},
		"from-carol-reject": {"people see as its author: carol@carol.lab", "the envelope's sender (MAIL FROM) was <alice@alice.lab>", "SPF passed, but for alice.lab, which is not aligned with carol.lab (strict)",
			"its policy is reject; what is done: reject"},
		"from-erin-badrecord": {"permerror: the record is wrong"},
		"two-addresses":       {"From does not name one author"},
	} {
		var en, fr strings.Builder
		for _, step := range j.Explain(t.Context(), []byte(stored(t, name))) {
			for _, line := range append(step.Lines, step.Title) {
				en.WriteString(line["en"] + "\n")
				fr.WriteString(line["fr"] + "\n")
			}
		}
		for _, text := range want {
			if !strings.Contains(en.String(), text) {
				t.Errorf("%s: %q is not in\n%s", name, text, en.String())
			}
		}
		if strings.Count(en.String(), "\n") != strings.Count(fr.String(), "\n") || strings.Contains(fr.String()+en.String(), "%!") {
			t.Errorf("%s in French:\n%s", name, fr.String())
		}
	}
	elsewhere := j.Explain(t.Context(), []byte("From: a@alice.lab\n\nx\n"))
	if text := elsewhere[0].Lines[0]["en"]; !strings.HasPrefix(text, "no Received of mx.bob.lab is there") {
		t.Errorf("a message from nowhere: %q", text)
	}
}

// TestFrench: all that is said has its French.
func TestFrench(t *testing.T) {
	call := regexp.MustCompile(`(?:said|say|begin)\("((?:[^"\\]|\\.)*)"`)
	for _, file := range []string{"signer.go", "explain.go", "report.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range call.FindAllStringSubmatch(string(text), -1) {
			if french()[m[1]] == "" {
				t.Errorf("%s: no French for %q", file, m[1])
			}
		}
	}
}

// TestAmend: what was written in this server's name goes, whatever its form; all else stays as it is.
func TestAmend(t *testing.T) {
	text := "Received: x\nAuthentication-Results: mx.bob.lab; dmarc=pass\nauthentication-results:\n (comment) MX.BOB.LAB 1;\n\tspf=pass\nAuthentication-Results : \"mx.bob.lab\"; a=b\n" +
		"Authentication-Results: mx.bob.lab.evil; a=b\nSubject: x\n\nAuthentication-Results: mx.bob.lab; in the body\n"
	want := "A: 1\nB: 2\nReceived: x\nAuthentication-Results: mx.bob.lab.evil; a=b\nSubject: x\n\nAuthentication-Results: mx.bob.lab; in the body\n"
	if got := string(Amend([]byte(text), "mx.bob.lab", "A: 1", "B: 2")); got != want {
		t.Errorf("got\n%s", got)
	}
	many := strings.Repeat("X: y\n", 3*mostFields) + "Authentication-Results: mx.bob.lab; dmarc=pass\n\n"
	if got := string(Amend([]byte(many), "mx.bob.lab")); strings.Contains(got, "dmarc") {
		t.Error("a forged header behind many others stays")
	}
	forged := strings.Repeat("Authentication-Results: mx.bob.lab; dmarc=pass\n", 400_000) // moving all that follows each would take minutes
	if got := string(Amend([]byte(forged+"\nx\n"), "mx.bob.lab")); got != "\nx\n" {
		t.Errorf("%.200q stays of many forged ones", got)
	}
}

// TestHostile: what takes the library the square of its length is not looked at, and proves nothing.
func TestHostile(t *testing.T) {
	names := zoneFile(t, "testdata/debian/zone")
	j := &Judge{Host: "mx.bob.lab", Parent: "lab", Names: names}
	signature := "DKIM-Signature: v=1; a=rsa-sha256; d=alice.lab; s=s1; h=From; bh=x; b=x\n"
	for name, header := range map[string]string{
		"folded":     signature + "X: y\n" + strings.Repeat(" \n", 2_000_000),
		"fields":     signature + strings.Repeat("X: y\n", 500_000),
		"signed":     strings.Replace(signature, "h=From", "h=From"+strings.Repeat(":x", 10_000), 1),
		"signatures": strings.Repeat(signature, 100),
	} {
		m := j.Message(t.Context(), Judgement{}, "id", []byte(header+"From: x@alice.lab\n\nx\n"))
		if len(m.DKIM) == 0 || len(m.DKIM) > mostSigned || !m.TooMany {
			t.Errorf("%s: %d signatures, too many: %v", name, len(m.DKIM), m.TooMany)
		}
		for _, s := range m.DKIM {
			if s.Result == Pass {
				t.Errorf("%s: it passes", name)
			}
		}
	}
	wide := zoneText(t, "$TTL 60\nwide A 198.18.0.9\nwide TXT \"v=spf1 "+strings.Repeat("mx ", 40)+"-all\"\nwide MX 1 a.wide\n")
	asked := &counting{records: wide}
	_, s := (&Judge{Host: "mx.bob.lab", Parent: "lab", Names: asked}).Envelope(t.Context(), Client{Address: netip.MustParseAddr("198.18.0.1"), Sender: "x@wide.lab"})
	if s.Result != PermError || asked.n > 130 {
		t.Errorf("%v after %d questions", s.Result, asked.n)
	}
}

// FuzzRecords: whatever a domain publishes, and whatever a message claims, judging ends, and what is told of it is of one line.
func FuzzRecords(f *testing.F) {
	f.Add("v=spf1 mx -all", "v=DMARC1; p=reject", "v=DKIM1; p=AAAA", "alice@alice.lab")
	f.Add("v=spf1 include:alice.lab a:%{i}.alice.lab redirect=alice.lab", "v=DMARC1; p=none; pct=200", "k=ed25519; p=", "\"a@b\"@alice.lab")
	f.Fuzz(func(t *testing.T, spfText, dmarcText, dkimText, from string) {
		names := published{"alice.lab": spfText, "_dmarc.alice.lab": dmarcText, "s1._domainkey.alice.lab": dkimText}
		j := &Judge{Host: "mx.bob.lab", Parent: "lab", Names: names}
		c := Client{Address: netip.MustParseAddr("198.18.0.1"), Helo: "alice.lab", Sender: "x@alice.lab"}
		m := Judgement{Client: c}
		m.HELO, m.SPF = j.Envelope(t.Context(), c)
		text := fmt.Sprintf("DKIM-Signature: v=1; a=rsa-sha256; d=alice.lab; s=s1; h=From; bh=AAAA; b=AAAA\nFrom: %s\n\nx\n", from)
		m = j.Message(t.Context(), m, "id", []byte(text))
		for _, line := range m.Log("id", "bob.lab") {
			if strings.ContainsAny(line.Text, "\r\n") {
				t.Errorf("a line of the log: %q", line.Text)
			}
		}
		for _, field := range append(m.Results("mx.bob.lab"), m.ReceivedSPF("bob.lab")) {
			for _, line := range strings.Split(field, "\n")[1:] {
				if !strings.HasPrefix(line, "\t") {
					t.Errorf("a field of the header: %q", field)
				}
			}
		}
		if m.DMARC.Result == Pass && !m.DMARC.SPF {
			t.Errorf("what nobody signed passes: %+v", m.DMARC)
		}
		j.Explain(t.Context(), []byte(text))
	})
}

// FuzzSigning: whatever a configuration says, it is read or told to be wrong.
func FuzzSigning(f *testing.F) {
	f.Add("Domain alice.lab\nSelector s1\nKeyFile dkim/s1.private\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, problems := ParseSigning([]byte(text))
		if len(problems) == 0 && (!isName(s.Domain) || !isName(s.Selector) || !isName(s.KeyFile)) {
			t.Errorf("%+v", s)
		}
		ParseKey("key", []byte(text))
	})
}

// FuzzSignature: whatever a DKIM-Signature says, judging ends, nothing passes that no published key has signed, and what is told of it is
// harmless.
func FuzzSignature(f *testing.F) {
	for _, value := range []string{
		"v=1; a=rsa-sha256; d=alice.lab; s=s1; h=From; bh=AAAA; b=AAAA",
		"v=1; a=ed25519-sha256; c=relaxed/simple; d=alice.lab; s=s1; i=x@sub.alice.lab; t=1; x=2; l=0; h=From:From : To; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=x\n\ty",
		"d=;s=;;b==;v=1;v=2", "\n (comment)\n\td = \"a\"; s=\x00\xff",
	} {
		f.Add(value, true)
	}
	names := zoneFile(f, "testdata/debian/zone")
	j := &Judge{Host: "mx.bob.lab", Parent: "lab", Names: names}
	f.Fuzz(func(t *testing.T, value string, first bool) {
		text := "DKIM-Signature: " + value + "\nFrom: x@alice.lab\n\nx\n"
		if !first {
			text = "From: x@alice.lab\nDKIM-Signature: " + value + "\n\nx\n"
		}
		m := j.Message(t.Context(), Judgement{}, "id", []byte(text))
		if len(m.DKIM) > mostSigned {
			t.Errorf("%d signatures", len(m.DKIM))
		}
		for _, s := range m.DKIM {
			if s.Result == Pass {
				t.Errorf("it passes: %+v", s)
			}
		}
		harmless(t, m)
		j.Explain(t.Context(), []byte(text))
	})
}

// FuzzPolicy: whatever a DMARC record says, it is a policy that is known or none, and what nobody proved does not pass.
func FuzzPolicy(f *testing.F) {
	for _, record := range []string{"v=DMARC1; p=reject", "v=DMARC1;p=none;sp=quarantine;pct=0;adkim=s;aspf=r;rua=mailto:a@b!10m,mailto:c@d;fo=0:1:d:s;rf=afrf;ri=1",
		"v=DMARC1", "v = DMARC1 ; p = reject", "v=DMARC1; pct=-1; p=reject", "v=DMARC1; p=reject; pct=1e9"} {
		f.Add(record, "x@sub.alice.lab", byte(50))
	}
	f.Fuzz(func(t *testing.T, record, from string, draw byte) {
		j := &Judge{Host: "mx.bob.lab", Parent: "lab", Names: published{"_dmarc.alice.lab": record}}
		m := Judgement{From: authors(from), SPF: SPF{Result: Pass, Domain: "carol.lab"}}
		m.DMARC = j.dmarc(t.Context(), m, int(draw)%100)
		d := m.DMARC
		known := []Policy{PolicyNone, PolicyQuarantine, PolicyReject}
		if !slices.Contains(known, d.Policy) || !slices.Contains(known, d.Apply) || d.Result == Pass && d.Domain != "carol.lab" && j.Organization(d.Domain) != "carol.lab" {
			t.Errorf("%q of %q: %+v", record, from, d)
		}
		if d.Apply == PolicyReject && d.Policy != PolicyReject || d.Apply != PolicyNone && d.Result != Fail {
			t.Errorf("%q: more is done than is asked for: %+v", record, d)
		}
		harmless(t, m)
	})
}

// FuzzAmend: whatever a header says, what is left of it stood there in that order, a field in front is all that is new, and doing it again
// changes nothing.
func FuzzAmend(f *testing.F) {
	for _, text := range []string{"Authentication-Results: mx.bob.lab; a=b\n\nx", "authentication-results:\n (a (b) c) \"mx.bob.lab\" 1;\n\tx\nSubject: y\n\n",
		"Authentication-Results : MX.BOB.LAB\nX\n\n", "Authentication-Results: ((mx.bob.lab;\n\n", "\nAuthentication-Results: mx.bob.lab\n"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		once := string(Amend([]byte(text), "mx.bob.lab"))
		if twice := string(Amend([]byte(once), "mx.bob.lab")); twice != once {
			t.Errorf("%q becomes %q, and then %q", text, once, twice)
		}
		if headed := string(Amend([]byte(text), "mx.bob.lab", "A: 1")); headed != "A: 1\n"+once {
			t.Errorf("%q becomes %q with a field, and %q without", text, headed, once)
		}
		kept, met := slices.Collect(strings.Lines(once)), 0
		for line := range strings.Lines(text) {
			if met < len(kept) && kept[met] == line {
				met++
			}
		}
		if met != len(kept) {
			t.Errorf("%q becomes %q, which has what was not there", text, once)
		}
		if !strings.Contains(strings.ToLower(text), "authentication-results") && once != text {
			t.Errorf("%q becomes %q", text, once)
		}
	})
}

// harmless demands that each line of the log is one, and that a field of the header goes on only in lines that say so.
func harmless(t *testing.T, m Judgement) {
	t.Helper()
	m.Client = Client{Address: netip.MustParseAddr("198.18.0.1"), Helo: "alice.lab", Sender: "x@alice.lab"}
	for _, line := range m.Log("id", "bob.lab") {
		if strings.ContainsFunc(line.Text, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("a line of the log: %q", line.Text)
		}
	}
	for _, field := range m.Results("mx.bob.lab") {
		for _, line := range strings.Split(field, "\n")[1:] {
			if !strings.HasPrefix(line, "\t") {
				t.Errorf("a field of the header: %q", field)
			}
		}
		if strings.ContainsFunc(field, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r > '~' }) {
			t.Errorf("a field of the header: %q", field)
		}
	}
}
