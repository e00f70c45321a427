package zone

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

func alice() Zone { return New("alice.lab", "mx.alice.lab") }

// lines are records without their blanks.
func lines(records []dns.RR) (all []string) {
	for _, r := range records {
		all = append(all, strings.Join(strings.Fields(r.String()), " "))
	}
	return all
}

const example = `; mail for alice.lab
$TTL 600
@	MX	10 mx
	IN MX	20 MX.Bob.Lab.
mx	A	198.18.0.1
www	60	IN CNAME mx ; an alias
old	IN 5 MX 0 .
@	TXT	"v=spf1 mx -all"
_dmarc	TXT	v=DMARC1
key._domainkey TXT "v=DKIM1; p=" "abc"
`

func TestParse(t *testing.T) {
	z, problems := Parse(alice(), []byte(strings.ReplaceAll(example, "\n", "\r\n")))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	want := []string{
		"alice.lab. 300 IN SOA mx.alice.lab. postmaster.alice.lab. 1 3600 600 86400 30",
		"alice.lab. 300 IN NS mx.alice.lab.",
		"alice.lab. 600 IN MX 10 mx.alice.lab.",
		"alice.lab. 600 IN MX 20 mx.bob.lab.",
		"mx.alice.lab. 600 IN A 198.18.0.1",
		"www.alice.lab. 60 IN CNAME mx.alice.lab.",
		"old.alice.lab. 5 IN MX 0 .",
		`alice.lab. 600 IN TXT "v=spf1 mx -all"`,
		`_dmarc.alice.lab. 600 IN TXT "v=DMARC1"`,
		`key._domainkey.alice.lab. 600 IN TXT "v=DKIM1; p=" "abc"`,
	}
	if diff := cmp.Diff(want, lines(z.Records)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestGiven: what a student begins with is a zone in which mail finds its way.
func TestGiven(t *testing.T) {
	z, problems := Parse(alice(), Given("alice.lab", "mx.alice.lab", netip.MustParseAddr("198.18.0.1")))
	mx, _, _ := z.Find("alice.lab.", dns.TypeMX)
	a, _, _ := z.Find("mx.alice.lab.", dns.TypeA)
	if len(problems) > 0 || len(mx) != 1 || len(a) != 1 {
		t.Errorf("%v, %v, %v", problems, mx, a)
	}
}

// TestMistakes: each is told with its line, and with what to type in its place.
func TestMistakes(t *testing.T) {
	for _, test := range []struct{ line, message, mend string }{
		{"bob.lab. MX 10 mx", "bob.lab. is not in your domain", "names here end in alice.lab."},
		{"mx.bob.lab. A 198.18.0.1", "mx.bob.lab. is not in your domain", "names here end in alice.lab."},
		{"lab. TXT x", "lab. is not in your domain", "names here end in alice.lab."},
		{"notalice.lab. A 198.18.0.1", "notalice.lab. is not in your domain", "names here end in alice.lab."},
		{"@ MX mx", "an MX record holds a preference and a name", "@ MX 10 mx"},
		{"@ MX ten mx", `"ten" is no preference: a number, the lowest is tried first`, "@ MX 10 mx"},
		{"@ MX 70000 mx", `"70000" is no preference: a number, the lowest is tried first`, "@ MX 10 mx"},
		{"@ MX 10 198.18.0.1", "an MX record leads to a name, not to an address", "a name, which has an A record: mx A 198.18.0.1"},
		{"mx A 198.18.0", "an A record holds one IPv4 address", "mx A 198.18.0.1"},
		{"mx A ::1", "an A record holds one IPv4 address", "mx A 198.18.0.1"},
		{"mx A mx.bob.lab.", "an A record holds one IPv4 address", "mx A 198.18.0.1"},
		{"www CNAME", "a CNAME leads to one name", "www CNAME mx"},
		{"@ CNAME mx", "alice.lab. is your domain itself, which cannot be a CNAME", "an A record of its own"},
		{"first CNAME mx", "a CNAME stands alone, and first.alice.lab. is on line 1 already", "take one out"},
		{"@ TXT v=spf1 mx -all", "a text of several words is written in quotes", `TXT "v=spf1 mx -all"`},
		{`@ TXT "open`, "a quote is not closed", `close it on the same line: TXT "some text"`},
		{"@ TXT", "a TXT record holds a text", `@ TXT "v=spf1 mx -all"`},
		{`@ TXT "` + strings.Repeat("x", 256) + `"`, "a text has 256 characters: 255 at most in one pair of quotes", `part it: TXT "first part" "second part"`},
		{"@ SOA mx postmaster (", "brackets continue a record on further lines", "write the record on one line"},
		{"@ SOA mx postmaster 1 2 3 4 5", "the lab gives the SOA of your domain", "take the line out"},
		{"@ NS ns", "the lab gives the NS of your domain", "take the line out"},
		{"@ SRV 1 2 3 x", `"SRV" is no type of record that is served here`, "A, MX, CNAME and TXT"},
		{"mx", "the type is missing", "NAME TYPE DATA, such as: mx A 198.18.0.1"},
		{"$ORIGIN bob.lab.", "$ORIGIN is not read here", "names are completed with alice.lab: take the line out"},
		{"$INCLUDE /etc/shadow", "$INCLUDE is not read here", "names are completed with alice.lab: take the line out"},
		{"$TTL", "$TTL takes one number of seconds", "$TTL 300"},
		{"*.x A 198.18.0.1", `"*.x" is not a name`, "letters, digits, dashes and dots"},
		{"a..b A 198.18.0.1", `"a..b" is not a name`, "letters, digits, dashes and dots"},
		{"é A 198.18.0.1", `"é" has a character that does not fit`, "letters, digits, dashes and dots"},
	} {
		_, problems := Parse(alice(), []byte("first A 198.18.0.7\n"+test.line+"\n"))
		if len(problems) != 1 || problems[0].Line != 2 || problems[0].Message.In("en") != test.message || problems[0].Mend.In("en") != test.mend {
			t.Errorf("%s:\n%v", test.line, problems)
			continue
		}
		inFrench(t, problems[0])
		if text := problems[0].Message["fr"] + problems[0].Mend["fr"]; strings.Contains(text, "%!") {
			t.Errorf("in French something is missing, or too much: %s", text)
		}
	}
	_, problems := Parse(alice(), []byte("  MX 10 mx\n"))
	if len(problems) != 1 || !strings.Contains(problems[0].Message.In("en"), "there is none") {
		t.Errorf("a blank with nothing before it: %v", problems)
	}
}

// inFrench looks whether a problem is told in both languages.
func inFrench(t *testing.T, p Problem) {
	t.Helper()
	if p.Message["fr"] == "" || p.Message["fr"] == p.Message["en"] || p.Mend["fr"] == "" {
		t.Errorf("in French: %q, %q", p.Message["fr"], p.Mend["fr"])
	}
}

// TestBounds: a file that no lesson needs is not read to its end.
func TestBounds(t *testing.T) {
	many := strings.Repeat("mx A 198.18.0.1\n", 2*maxRecords)
	if z, problems := Parse(alice(), []byte(many)); len(problems) != 1 || len(z.Records) > maxRecords+1 {
		t.Errorf("%d records, %v", len(z.Records), problems)
	}
	if _, problems := Parse(alice(), make([]byte, MaxFile+1)); len(problems) != 1 {
		t.Errorf("a large file: %v", problems)
	}
}

// TestOneTTL: records of one name and type have the first one's, as BIND reads them; others have their own.
func TestOneTTL(t *testing.T) {
	z, problems := Parse(alice(), []byte("mx 60 A 198.18.0.1\nmx A 198.18.0.9\nmx 5 TXT x\n"))
	want := []string{"mx.alice.lab. 60 IN A 198.18.0.1", "mx.alice.lab. 60 IN A 198.18.0.9", "mx.alice.lab. 5 IN TXT \"x\""}
	if got := lines(z.Records[2:]); len(problems) > 0 || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, problems)
	}
	if soa := z.SOA(); soa.Header().Ttl != NegativeTTL || z.Records[0].Header().Ttl != TTL {
		t.Errorf("%v may be kept too long, or %v too short", soa, z.Records[0])
	}
}

func TestFind(t *testing.T) {
	z, problems := Parse(alice(), []byte("a.b A 198.18.0.1\nwww CNAME b2\nb2 CNAME a.b\nout CNAME mx.bob.lab.\nround CNAME again\nagain CNAME round\nlost CNAME nobody\n"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for _, test := range []struct {
		name    string
		kind    uint16
		records int
		exists  bool
		endless bool
	}{
		{"A.B.Alice.Lab.", dns.TypeA, 1, true, false},
		{"a.b.alice.lab.", dns.TypeMX, 0, true, false},
		{"b.alice.lab.", dns.TypeA, 0, true, false}, // nothing is there, but below it (RFC 8020)
		{"c.alice.lab.", dns.TypeA, 0, false, false},
		{"www.alice.lab.", dns.TypeA, 3, true, false},
		{"www.alice.lab.", dns.TypeCNAME, 1, true, false},
		{"out.alice.lab.", dns.TypeA, 1, true, false}, // whoever asks goes on at bob's
		{"lost.alice.lab.", dns.TypeA, 1, false, false},
		{"round.alice.lab.", dns.TypeA, 2, true, true},
	} {
		records, exists, endless := z.Find(test.name, test.kind)
		if len(records) != test.records || exists != test.exists || endless != test.endless {
			t.Errorf("%s %s: %v, %t, %t", test.name, dns.TypeToString[test.kind], lines(records), exists, endless)
		}
	}
}

// FuzzParse: whatever is in a file, only records of the domain come of it, which fit into messages, and a problem has its line.
func FuzzParse(f *testing.F) {
	f.Add(example)
	f.Add("@ TXT \"a;b\" ; c\n\tMX 10 .\n$TTL 1\nbob.lab. A 1.2.3.4\n")
	f.Add("x 1 2 3 IN IN A 1.2.3.4\nx CNAME x\n\"x\" A 1.2.3.4")
	f.Fuzz(func(t *testing.T, text string) {
		z, problems := Parse(alice(), []byte(text))
		for _, r := range z.Records {
			if !z.Has(r.Header().Name) {
				t.Errorf("%s is not in the zone", r)
			}
			m := &dns.Msg{Answer: []dns.RR{r}}
			if _, err := m.Pack(); err != nil {
				t.Errorf("%s: %v", r, err)
			}
			if z.Find(r.Header().Name, r.Header().Rrtype); fmt.Sprint(r) == "" {
				t.Error("a record without a text")
			}
		}
		for _, p := range problems {
			inFrench(t, p)
			if p.Message.In("en") == "" || p.Line < 0 || p.Line > strings.Count(text, "\n")+1 {
				t.Errorf("%+v", p)
			}
		}
	})
}
