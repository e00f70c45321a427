package deploy

import (
	"crypto/tls"
	"crypto/x509"
	"testing"
	"time"

	"maillab/internal/engine"
	"maillab/internal/plan"
)

// shown is the certificate that each of two seats has in a decision.
func shown(t *testing.T, d Decision) (leaves [2]*x509.Certificate) {
	t.Helper()
	for i := range leaves {
		text := []byte(d.Desired.Specs[i+1].Certificate)
		pair, err := tls.X509KeyPair(text, text)
		if err != nil {
			t.Fatalf("seat %d: %v", i+1, err)
		}
		leaves[i] = pair.Leaf
	}
	return leaves
}

// TestCertificates: each seat has a certificate of its own for what its student is told, by one authority. It is the same at
// the next up, and another when names change or it ends soon; no sandbox is made anew for it.
func TestCertificates(t *testing.T) {
	b := newWorld(t).bringing(t, t.TempDir(), "monday", 2)
	b.request.Lab = aLab(t, "tls: starttls\nhosts: [smtp.example, imap.example]\n")
	now := noon()
	b.carrier.Now = func() time.Time { return now }
	up := func() Outcome {
		out, err := b.up(t)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	first := shown(t, up().Decision)
	set, err := b.folder.Certificates()
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(set.CA())
	for _, name := range []string{"mail.local.example", "smtp.example", "imap.example", "localhost", "127.0.0.1"} {
		for _, leaf := range first {
			if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: name, CurrentTime: now}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if first[0].Equal(first[1]) {
		t.Error("two seats have one key")
	}
	if out := up(); !out.Nothing {
		t.Errorf("the same up again does something: %v", out.Result)
	}
	last := first
	for _, step := range []struct {
		what string
		do   func()
		name string
	}{
		{"another host", func() { b.request.Host = "lab.example" }, "lab.example"},
		{"an address", func() { b.request.Host = "192.0.2.7" }, "192.0.2.7"},
		{"an address to listen on", func() { b.request.Listen, b.request.Host = "10.9.8.7", "lab.example" }, "10.9.8.7"},
		{"a year", func() { now = now.Add(338 * 24 * time.Hour) }, "10.9.8.7"},
	} {
		step.do()
		out := up()
		next := shown(t, out.Decision)
		if next[0].Equal(last[0]) || next[1].Equal(last[1]) {
			t.Errorf("%s: the certificates are those from before", step.what)
		}
		if _, err := next[1].Verify(x509.VerifyOptions{Roots: roots, DNSName: step.name, CurrentTime: now}); err != nil {
			t.Errorf("%s: %v", step.what, err)
		}
		for _, o := range out.Result.Outcomes {
			if s := o.Step; s.Action != plan.Configure && s.Action != plan.Wait && s.Target.Kind == engine.Sandbox {
				t.Errorf("%s: %v", step.what, s)
			}
		}
		if !up().Nothing {
			t.Errorf("%s: the next up does something", step.what)
		}
		last = next
	}
	b.request.Lab = aLab(t, "tls: off\n")
	if out := up(); out.Desired.Specs[1].Certificate != "" {
		t.Error("a certificate without TLS")
	}
	if kept, err := b.folder.Certificates(); err != nil || string(kept.CA()) != string(set.CA()) {
		t.Errorf("a lesson without TLS loses the authority that clients were given: %v", err)
	}
}
