package log

import (
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"maillab/internal/mail"

	"github.com/google/go-cmp/cmp"
)

// TestPflogsumm has Debian's pflogsumm, which was made for Postfix, read what the events of real logs give: its report
// is the one that it gives for those logs.
func TestPflogsumm(t *testing.T) {
	if _, err := exec.LookPath("pflogsumm"); err != nil {
		t.Skip("pflogsumm is not installed (Debian package pflogsumm)")
	}
	now := &clock{}
	l, path := open(t, Config{Now: now.Now})
	files := []string{"testdata/postfix.log", "testdata/postfix-more.log"}
	for _, file := range files {
		for _, line := range strings.Split(strings.TrimSpace(read(t, file)), "\n") {
			at, err := time.Parse(time.Stamp, line[:len(time.Stamp)])
			if err != nil {
				t.Fatal(err)
			}
			now.set(at)
			replay(t, l, strings.TrimPrefix(line[len(time.Stamp):], " test6isri "))
		}
	}
	l.POP3("courier").Login(Peer{Addr: "127.0.0.1", Port: 1}, "util1", "PLAIN") // must not disturb
	flush(t, l)
	got := report(t, path)
	if diff := cmp.Diff(report(t, files...), got); diff != "" {
		t.Error(diff)
	}
	for _, want := range []string{"14   received", "14   delivered", "1   deferred  (2  deferrals)", "2   bounced",
		"4   rejected"} { // counted in the logs by hand
		if !strings.Contains(got, " "+want) {
			t.Errorf("the report does not say %q", want)
		}
	}
}

// TestPflogsummCountsConnections: ten connections at once are ten, for a program that tells them apart by their process.
func TestPflogsummCountsConnections(t *testing.T) {
	if _, err := exec.LookPath("pflogsumm"); err != nil {
		t.Skip("pflogsumm is not installed (Debian package pflogsumm)")
	}
	now := &clock{now: time.Date(2026, 11, 21, 20, 25, 28, 0, time.UTC)}
	l, path := open(t, Config{Now: now.Now})
	var all []*SMTPD
	for range 10 {
		s := l.SMTPD(mail.Peer{Remote: netip.MustParseAddrPort("172.17.0.1:40000")})
		s.Connect()
		all = append(all, s)
	}
	now.set(now.Now().Add(2 * time.Second))
	for _, s := range all {
		s.Disconnect("quit=1 commands=1")
	}
	flush(t, l)
	if got := report(t, path); !regexp.MustCompile(`(?m)^ +10 +connections$`).MatchString(got) {
		t.Errorf("no ten connections in\n%s", got)
	}
}

// report is pflogsumm's.
func report(t *testing.T, files ...string) string {
	t.Helper()
	cmd := exec.Command("pflogsumm", append([]string{"--smtpd_stats"}, files...)...)
	cmd.Env = append(os.Environ(), "PERL_HASH_SEED=0", "PERL_PERTURB_KEYS=0") // it prints hashes in their own order
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("pflogsumm: %v", err)
	}
	return string(out)
}
