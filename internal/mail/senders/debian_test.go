package senders

import (
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"github.com/rogpeppe/go-internal/txtar"
)

// records are a name server that has a file of them. All of temp.lab fails.
type records []dns.RR

func zoneFile(t testing.TB, path string) (all records) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return zoneText(t, string(text))
}

func zoneText(t testing.TB, text string) (all records) {
	t.Helper()
	z := dns.NewZoneParser(strings.NewReader(text), "lab.", "")
	for r, ok := z.Next(); ok; r, ok = z.Next() {
		all = append(all, r)
	}
	if z.Err() != nil {
		t.Fatal(z.Err())
	}
	return all
}

func (r records) find(name string, kind uint16) (found []dns.RR, err error) {
	name = dns.CanonicalName(name)
	if dns.IsSubDomain("temp.lab.", name) {
		return nil, &net.DNSError{Err: "Host not found, try again", Name: name, IsTemporary: true}
	}
	exists := false
	for _, one := range r {
		h := one.Header()
		exists = exists || dns.IsSubDomain(name, h.Name)
		if strings.EqualFold(h.Name, name) && h.Rrtype == kind {
			found = append(found, one)
		}
	}
	switch {
	case !exists:
		return nil, &net.DNSError{Err: "Host not found", Name: name, IsNotFound: true}
	case len(found) == 0:
		return nil, &net.DNSError{Err: "Host found but no data record of requested type", Name: name, IsNotFound: true}
	}
	return found, nil
}

func (r records) LookupTXT(_ context.Context, name string) (texts []string, err error) {
	found, err := r.find(name, dns.TypeTXT)
	for _, one := range found {
		texts = append(texts, strings.Join(one.(*dns.TXT).Txt, ""))
	}
	return texts, err
}

func (r records) LookupMX(_ context.Context, name string) (all []*net.MX, err error) {
	found, err := r.find(name, dns.TypeMX)
	for _, one := range found {
		all = append(all, &net.MX{Host: strings.TrimSuffix(one.(*dns.MX).Mx, "."), Pref: one.(*dns.MX).Preference})
	}
	return all, err
}

func (r records) LookupIP4(_ context.Context, name string) (all []netip.Addr, err error) {
	found, err := r.find(name, dns.TypeA)
	for _, one := range found {
		a, _ := netip.AddrFromSlice(one.(*dns.A).A.To4())
		all = append(all, a)
	}
	return all, err
}

func (r records) LookupAddr(_ context.Context, address netip.Addr) (string, error) {
	name, err := dns.ReverseAddr(address.String())
	if err != nil {
		return "", err
	}
	found, err := r.find(name, dns.TypePTR)
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(found[0].(*dns.PTR).Ptr, "."), nil
}

// part is one file of a capture.
func part(a *txtar.Archive, name string) string {
	for _, f := range a.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

var saidByClient = regexp.MustCompile(`(?m)^C: (HELO|MAIL FROM:<|RCPT TO:<)\s?([^>\n]*)`)

// TestDebian plays what a real Postfix with policyd-spf, opendkim and opendmarc of Debian 12 was sent, and wants its replies, its
// lines of the log and its headers.
func TestDebian(t *testing.T) {
	j := &Judge{Host: "mx.bob.lab", Parent: "lab", Names: zoneFile(t, "testdata/debian/zone")}
	files, err := filepath.Glob("testdata/debian/*.txtar")
	if err != nil || len(files) < 45 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			replayed(t, j, a)
		})
	}
}

func replayed(t *testing.T, j *Judge, a *txtar.Archive) {
	words := strings.Fields(string(a.Comment))
	if words[1] == "127.0.0.1" {
		t.Skip("what is local is not judged: see TestSigned")
	}
	c := Client{Address: netip.MustParseAddr(words[1]), Name: strings.Trim(words[2], "[]")}
	dialogue := part(a, "dialogue")
	var recipients []string
	for _, m := range saidByClient.FindAllStringSubmatch(dialogue, -1) {
		switch m[1] {
		case "HELO":
			c.Helo = m[2]
		case "MAIL FROM:<":
			c.Sender = m[2]
		default:
			recipients = append(recipients, m[2])
		}
	}
	m := Judgement{Client: c}
	m.HELO, m.SPF = j.Envelope(t.Context(), c)
	var log []string
	for _, to := range recipients {
		if strings.Contains(dialogue, "Relay access denied") {
			break // nobody asks further
		}
		text, refused := m.Refused("bob.lab")
		line := m.Policy("bob.lab", refused)
		log = append(log, line.Program+": "+line.Text)
		if said := "S: 550 5.7.23 <" + to + ">: Recipient address rejected: " + text + "\n"; refused != strings.Contains(dialogue, said) {
			t.Errorf("to %s: refused is %v with %q in\n%s", to, refused, said, dialogue)
		}
	}
	if strings.Contains(dialogue, "C: DATA") {
		message := part(a, "message")
		if !strings.Contains(message, "From: ") {
			message = "From: " + c.Sender + "\n" + message // Postfix's cleanup adds it
		}
		m = j.Message(t.Context(), m, "QUEUEID", []byte(message))
		for _, line := range m.Log("QUEUEID", "bob.lab") {
			log = append(log, line.Program+": "+line.Text)
		}
		if text := m.Rejection(); text != "" != strings.Contains(dialogue, "S: 550 5.7.1 "+text) {
			t.Errorf("rejected with %q, in\n%s", text, dialogue)
		}
	}
	if diff := cmp.Diff(expected(m, part(a, "log")), strings.Join(log, "\n")); diff != "" {
		t.Errorf("log (-Debian +ours):\n%s", diff)
	}
	header := expected(m, part(a, "header"))
	if header == "" {
		return
	}
	headers := append(m.Results(j.Host), m.ReceivedSPF("bob.lab"))
	if diff := cmp.Diff(header, strings.Join(headers, "\n")); diff != "" {
		t.Errorf("headers (-Debian +ours):\n%s", diff)
	}
}

// expected is a capture without what others say, and with what we say otherwise (docs/senders.md).
func expected(m Judgement, text string) string {
	var kept []string
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if !strings.HasPrefix(line, "postfix/") && !strings.Contains(line, " ignoring Authentication-Results ") {
			kept = append(kept, line)
		}
	}
	text = strings.ReplaceAll(strings.Join(kept, "\n"), ";\n\tdkim-atps=neutral", "")
	if r := m.SPF.Result; r != Pass && r != Fail && r != None { // opendmarc has but three words
		text = strings.ReplaceAll(text, " spf=fail ", " spf="+string(r)+" ")
		text = regexp.MustCompile(`(SPF\(.*) fail\b`).ReplaceAllString(text, "$1 "+string(r))
	}
	if m.SPF.Result == TempError { // policyd-spf takes a server that fails for a domain without a record, opendmarc, too
		text = strings.ReplaceAll(text, "Received-SPF: None ", "Received-SPF: Temperror ")
		text = strings.ReplaceAll(strings.ReplaceAll(text, "dmarc=none (p=none dis=none)", "dmarc=temperror"), "temp.lab none", "temp.lab temperror")
	}
	for theirs, ours := range map[string]string{
		"(p=quarantine dis=none)": "(p=quarantine dis=quarantine)", // opendmarc leaves that to others
		"rsa routines::invalid padding; error:02000072:rsa routines::padding check failed": "rsa routines::bad signature",
		"0200008A":                            "02000068",
		"unexpected reply class/type (-1/-1)": "query failed",
	} {
		text = strings.ReplaceAll(text, theirs, ours)
	}
	if len(m.From) > 1 && strings.HasPrefix(text, "Received-SPF") { // opendmarc says nothing of what it cannot judge
		text = "Authentication-Results: mx.bob.lab; spf=pass smtp.mailfrom=alice.lab\n" + text
	}
	for _, s := range m.DKIM {
		if s.said() == "signature expired" { // opendkim has not read the algorithm by then
			text = strings.ReplaceAll(text, "header.a=rsa-sha1", "header.a=rsa-sha256")
		}
		if before, after, ok := strings.Cut(text, "Received-SPF"); ok && s.Result == TempError && strings.HasPrefix(text, "Auth") { // opendkim tells the log alone
			text = before + "Authentication-Results: mx.bob.lab;\n\t" + s.told() + "\nReceived-SPF" + after
		}
	}
	return text
}

// counting counts the questions.
type counting struct {
	records
	n int
}

func (c *counting) LookupIP4(ctx context.Context, name string) ([]netip.Addr, error) {
	c.n++
	return c.records.LookupIP4(ctx, name)
}

func (c *counting) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	c.n++
	return c.records.LookupMX(ctx, name)
}

// published are texts by name, and no other records.
type published map[string]string

func (p published) LookupTXT(_ context.Context, name string) ([]string, error) {
	if text, known := p[strings.ToLower(strings.TrimSuffix(name, "."))]; known {
		return []string{text}, nil
	}
	return nil, &net.DNSError{Err: "Host not found", Name: name, IsNotFound: true}
}

func (p published) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	return nil, &net.DNSError{Err: "Host not found", Name: name, IsNotFound: true}
}

func (p published) LookupIP4(_ context.Context, name string) ([]netip.Addr, error) {
	return nil, &net.DNSError{Err: "Host not found", Name: name, IsNotFound: true}
}

func (p published) LookupAddr(_ context.Context, address netip.Addr) (string, error) {
	return "", &net.DNSError{Err: "Host not found", Name: address.String(), IsNotFound: true}
}
