package handout

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

func class() Class {
	services := []Service{{"ssh", "127.0.0.1:10122"}, {"smtp", "127.0.0.1:10125"}, {"imap", "127.0.0.1:10143"}}
	standard := []Service{{"ssh", "127.0.10.2:22"}, {"pop3", "127.0.10.2:110"}}
	return Class{Instance: "lundi", Title: map[string]string{"fr": "TD à la main", "en": "By hand"}, Sheets: []Sheet{
		{Student: "alice", Seat: 1, Lang: "fr", Domain: "local.isri.fr", Hostname: "test.local.isri.fr", Services: services,
			HostKey: "ssh-ed25519 AAAA", Statement: "statement.fr.md", Tasks: 20, Points: 34, Until: "2026-03-27 18:00", Accounts: []Account{{"util1", "master2021", true}, {"util2", "a|b`c<&>", false}}},
		{Student: "=cmd|'/c calc'!A1 <b>*", Seat: 2, Lang: "en", Domain: "d.test", Hostname: "h.d.test", Services: standard,
			Accounts: []Account{{"21901234", "x", true}}},
		{Student: "zoé", Seat: 3, Domain: "d.test", Hostname: "h.d.test"},
	}}
}

func TestForms(t *testing.T) {
	c := class()
	html, err := c.HTML()
	if err != nil {
		t.Fatal(err)
	}
	table, err := c.CSV()
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]string{
		"handout.md": c.Markdown(), "handout.html": html, "handout.csv": table,
		"ssh_config": c.SSHConfig("/k"), "known_hosts": c.KnownHosts(),
	} {
		file := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	bare := strings.ReplaceAll(html, `xmlns="http://www.w3.org/2000/svg"`, "") // a name, which nothing follows
	if strings.Contains(bare, "<b>") || strings.Contains(bare, "http") {
		t.Error("a name is markup, or the page leads outside")
	}
}
