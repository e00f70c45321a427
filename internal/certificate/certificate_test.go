package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func noon() time.Time { return time.Date(2026, 3, 26, 12, 0, 0, 0, time.UTC) }

// leafOf reads a certificate as it is kept.
func leafOf(t *testing.T, text string) *x509.Certificate {
	t.Helper()
	p, err := parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return p.cert
}

// trusted is an error unless a client that was given the CA and nothing else trusts a certificate for a name at a time.
func trusted(ca []byte, leaf *x509.Certificate, name string, at time.Time) error {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: name, CurrentTime: at})
	return err
}

func renewed(t *testing.T, s Set, wanted map[string][]string, now time.Time) Set {
	t.Helper()
	next, err := s.Renewed("monday", wanted, now)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func TestNames(t *testing.T) {
	got := Names("Mail.Example.", "mail.example", "", "::ffff:10.0.0.1", "10.0.0.1", "0.0.0.0", "::", "fe80::1%eth0", "2001:DB8::1", "école.fr", "a b")
	if diff := cmp.Diff([]string{"mail.example", "10.0.0.1", "fe80::1", "2001:db8::1"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestIssued: what is issued is for its names and no other, for 397 days at most, and by the one authority.
func TestIssued(t *testing.T) {
	names := []string{"test1isri.local.isri.fr", "localhost", "127.0.0.1", "2001:db8::1", "10.1.2.3", "lab.example"}
	s := renewed(t, Set{}, map[string][]string{"1": names, "2": {strings.Repeat("long.", 20) + "example"}}, noon())
	leaf := leafOf(t, s.Issued["1"])
	for _, name := range names {
		if err := trusted(s.CA(), leaf, name, noon()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"other.example", "10.1.2.4", "example", "x.lab.example"} {
		if trusted(s.CA(), leaf, name, noon()) == nil {
			t.Errorf("it is for %s too", name)
		}
	}
	if lasts := leaf.NotAfter.Sub(leaf.NotBefore) + time.Second; lasts > 397*24*time.Hour || lasts < 396*24*time.Hour {
		t.Errorf("it is valid for %v", lasts)
	}
	if leaf.IsCA || leaf.Subject.CommonName != names[0] {
		t.Errorf("an authority: %v, called %q", leaf.IsCA, leaf.Subject.CommonName)
	}
	if err := trusted(s.CA(), leafOf(t, s.Issued["2"]), strings.Repeat("long.", 20)+"example", noon()); err != nil {
		t.Error(err)
	}
	if strings.Contains(string(s.CA()), "PRIVATE") || !strings.Contains(s.Issued["1"], "PRIVATE KEY") {
		t.Error("the authority's key is shown to clients, or the certificate's is not there")
	}
}

// TestRenewed: a certificate stays as it is until its names change or sixty days are left, and an authority until what it
// issues would outlive it.
func TestRenewed(t *testing.T) {
	day, names := 24*time.Hour, []string{"mail.example", "127.0.0.1"}
	first := renewed(t, Set{}, map[string][]string{"1": names}, noon())
	for _, test := range []struct {
		what      string
		names     []string
		after     time.Duration
		leaf, own bool // new
	}{
		{"the same day", names, 0, false, false},
		{"in another order", []string{"127.0.0.1", "mail.example"}, 0, false, false},
		{"nearly a year on", names, 335 * day, false, false},
		{"sixty days before its end", names, 337 * day, true, false},
		{"a name more", append([]string{"lab.example"}, names...), day, true, false},
		{"a name less", names[:1], day, true, false},
		{"nine years on", names, 3285 * day, true, true},
		{"a clock that was wrong", names, -2 * day, true, true},
	} {
		now := noon().Add(test.after)
		next := renewed(t, first, map[string][]string{"1": test.names}, now)
		if leaf, own := next.Issued["1"] != first.Issued["1"], next.Authority != first.Authority; leaf != test.leaf || own != test.own {
			t.Errorf("%s: a new certificate %v, authority %v", test.what, leaf, own)
		}
		if err := trusted(next.CA(), leafOf(t, next.Issued["1"]), test.names[0], now); err != nil {
			t.Errorf("%s: %v", test.what, err)
		}
	}
	if _, err := (Set{Authority: "nonsense"}).Renewed("monday", nil, noon()); err == nil || !strings.Contains(err.Error(), "the authority") {
		t.Errorf("an authority that cannot be read: %v", err)
	}
}

// TestOwn: a daemon's certificate is the same after a restart, is renewed while it runs, and its CA stays.
func TestOwn(t *testing.T) {
	dir, now := t.TempDir(), noon()
	open := func() *Own {
		o, err := OpenOwn(dir, []string{"mail.example"}, func() time.Time { return now }, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	first := open().Current()
	o := open()
	if !o.Current().Leaf.Equal(first.Leaf) {
		t.Error("a restart makes a new certificate")
	}
	ca, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	shown := func() *x509.Certificate {
		c, err := o.Server().GetCertificate(&tls.ClientHelloInfo{})
		if err != nil {
			t.Fatal(err)
		}
		return c.Leaf
	}
	for _, step := range []struct {
		days  int
		fresh bool
	}{{1, false}, {334, false}, {2, true}, {300, false}, {37, true}} {
		before := shown()
		now = now.Add(time.Duration(step.days) * 24 * time.Hour)
		if fresh := !shown().Equal(before); fresh != step.fresh {
			t.Errorf("%v: a new certificate: %v", now, fresh)
		}
		if err := trusted(ca, shown(), "mail.example", now); err != nil {
			t.Errorf("%v: %v", now, err)
		}
	}
	if !open().Current().Leaf.Equal(shown()) {
		t.Error("what was renewed is not kept")
	}
	var kept Set
	text, err := os.ReadFile(filepath.Join(dir, "tls.json"))
	if err != nil || json.Unmarshal(text, &kept) != nil || string(kept.CA()) != string(ca) {
		t.Errorf("kept: %v %s", err, text)
	}
}

// TestOwnOnAFullDisk: what cannot be renewed is shown as it is.
func TestOwnOnAFullDisk(t *testing.T) {
	dir, now := filepath.Join(t.TempDir(), "state"), noon()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	o, err := OpenOwn(dir, []string{"mail.example"}, func() time.Time { return now }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	first := o.Current()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	now = now.Add(350 * 24 * time.Hour)
	if o.Current() != first {
		t.Error("a certificate is shown that is kept nowhere")
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Hour)
	if o.Current() == first {
		t.Error("it is not tried again")
	}
}
