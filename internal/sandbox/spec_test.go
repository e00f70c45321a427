package sandbox

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/spec"
)

func goodSpec() spec.Sandbox {
	return spec.Sandbox{
		Version: spec.Version, Hostname: "test6isri.local.isri.fr", Domain: "local.isri.fr", Hosts: []string{"smtp.u-picardie.fr"},
		Timezone: "UTC",
		Accounts: []spec.Account{{Name: "util1", PasswordHash: "$y$1"}, {Name: "util2", PasswordHash: "$y$2"}},
		Files:    []spec.File{{Account: "util1", Path: "/home/util1/tp/x", Mode: 0o644}},
		Mail:     []spec.Mail{{To: "util2", Raw: []byte("Subject: x\n\n")}},
	}
}

func encode(t testing.TB, s spec.Sandbox) []byte {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestSpecIsChecked(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(*spec.Sandbox)
		want  string // "" is good
	}{
		{"good", func(*spec.Sandbox) {}, ""},
		{"a student number", func(s *spec.Sandbox) { s.Accounts[1].Name = "20301234"; s.Mail = nil }, ""},
		{"another version", func(s *spec.Sandbox) { s.Version = 99 }, "version 99"},
		{"no host name", func(s *spec.Sandbox) { s.Hostname = "" }, "no host name"},
		{"a host name that is a line", func(s *spec.Sandbox) { s.Hosts = []string{"a\n127.0.0.1 b"} }, "no host name"},
		{"no time zone", func(s *spec.Sandbox) { s.Timezone = "Mars/Olympus" }, "time zone"},
		{"a time zone that is a path", func(s *spec.Sandbox) { s.Timezone = "../../etc/passwd" }, "time zone"},
		{"an account of the system's", func(s *spec.Sandbox) { s.Accounts[0].Name = "mail" }, "the system has one"},
		{"an account twice", func(s *spec.Sandbox) { s.Accounts[0].Name = "util2" }, "twice"},
		{"an account that is a path", func(s *spec.Sandbox) { s.Accounts[0].Name = "../x" }, "not a name"},
		{"a hidden account", func(s *spec.Sandbox) { s.Accounts[0].Name = ".x" }, "not a name"},
		{"a password in clear", func(s *spec.Sandbox) { s.Accounts[0].Password = "x" }, "no password in clear"},
		{"no password", func(s *spec.Sandbox) { s.Accounts[0].PasswordHash = "" }, "hash is needed"},
		{"a full name of several fields", func(s *spec.Sandbox) { s.Accounts[0].FullName = "x:/root:/bin/sh\nroot2::0:0:" }, "colon"},
		{"a hash of several fields", func(s *spec.Sandbox) { s.Accounts[0].PasswordHash = "x:1" }, "colon"},
		{"a file outside", func(s *spec.Sandbox) { s.Files[0].Path = "/etc/passwd" }, "not below the home"},
		{"a file that climbs", func(s *spec.Sandbox) { s.Files[0].Path = "/home/util1/../util2/x" }, "not below the home"},
		{"a file with an empty step", func(s *spec.Sandbox) { s.Files[0].Path = "/home/util1//x" }, "not below the home"},
		{"no time zone at all", func(s *spec.Sandbox) { s.Timezone = "" }, "time zone"},
		{"a file in another's home", func(s *spec.Sandbox) { s.Files[0].Path = "/home/util2/x" }, "not below the home"},
		{"the home itself", func(s *spec.Sandbox) { s.Files[0].Path = "/home/util1/" }, "not below the home"},
		{"a setuid file", func(s *spec.Sandbox) { s.Files[0].Mode = 0o4755 }, "mode 4755"},
		{"a file of nobody's", func(s *spec.Sandbox) { s.Files[0].Account = "who" }, "no account"},
		{"mail for nobody", func(s *spec.Sandbox) { s.Mail[0].To = "who" }, "no such account"},
		{"too many", func(s *spec.Sandbox) { s.Accounts = make([]spec.Account, 1000) }, "uids for 999"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := goodSpec()
			tt.spoil(&s)
			_, err := parseSpec(encode(t, s), map[string]bool{"root": true, "mail": true})
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestAllThatIsWrongIsSaidAtOnce(t *testing.T) {
	s := goodSpec()
	s.Hostname, s.Accounts[0].Name, s.Mail[0].To = "", "../x", "who"
	_, err := parseSpec(encode(t, s), nil)
	for _, want := range []string{"no host name", "../x", "no such account"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
}

func TestMaildSeesNoPasswords(t *testing.T) {
	in := `{"hash":"abc","accounts":[{"name":"util1","passwordHash":"$y$secret","PASSWORDHASH":"$y$secret","lang":"fr"}],"future":{"a":1}}`
	got, err := forMaild([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"accounts":[{"lang":"fr","name":"util1"}],"future":{"a":1},"hash":"abc"}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// FuzzSpec: what passes the checks cannot write a line or a path of its own into the system's files.
func FuzzSpec(f *testing.F) {
	f.Add(encode(f, goodSpec()))
	f.Add([]byte(`{"version":1,"hostname":"h","timezone":"UTC","accounts":[{"name":"a","passwordHash":"x"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := parseSpec(text, map[string]bool{"root": true})
		if err != nil {
			return
		}
		n, err := numbers{}.with(s)
		if err != nil {
			t.Fatal(err)
		}
		accounts := accountsOf(s, 150000, n)
		if got := len(parseTable(passwdTable(nil, accounts).text())); got != len(accounts) {
			t.Fatalf("%d accounts make %d lines", len(accounts), got)
		}
		for _, line := range append(passwdTable(nil, accounts), shadowTable(nil, nil, accounts, nil, 1)...) {
			if n := strings.Count(line, ":"); n != 6 && n != 8 {
				t.Fatalf("%d colons in %q", n, line)
			}
		}
		for _, file := range s.Files {
			rel, _ := inHome(file)
			for _, step := range strings.Split(rel, "/") {
				if step == "" || step == "." || step == ".." {
					t.Fatalf("%q climbs", file.Path)
				}
			}
		}
		redacted, err := forMaild(text)
		if err != nil {
			t.Fatal(err)
		}
		var again spec.Sandbox
		if err := json.Unmarshal(redacted, &again); err != nil {
			t.Fatal(err)
		}
		for _, a := range again.Accounts {
			if a.Password != "" || a.PasswordHash != "" {
				t.Fatalf("maild sees %+v", a)
			}
		}
	})
}
