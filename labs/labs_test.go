package labs_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image/jpeg"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/lab"
	"maillab/internal/lab/task"
	"maillab/internal/roster"
	"maillab/internal/spec"
	"maillab/labs"
)

// compile brings a lab that is on board to its sandboxes, with its example class.
func compile(t *testing.T, name string) (*lab.Lab, []spec.Sandbox) {
	t.Helper()
	folder, err := labs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	l, err := lab.Parse(folder, labs.File)
	if err != nil {
		t.Fatal(err)
	}
	text, err := fs.ReadFile(folder, labs.Roster)
	if err != nil {
		t.Fatal(err)
	}
	class, _, err := roster.Read(labs.Roster, bytes.NewReader(text), roster.Options{})
	if err != nil {
		t.Fatal(err)
	}
	secrets := func(key string) string { return "<" + key + ">" }
	sandboxes, err := lab.Compile(l, class, roster.Seat(nil, class).Given.Seats(), "test", secrets)
	if err != nil {
		t.Fatal(err)
	}
	return l, sandboxes
}

// owner is whose an isolated sandbox is, by its place in the example class.
func owner(s spec.Sandbox) string { return []string{"", "alice", "bruno", "chloe"}[s.Seat] }

func TestLabsCompile(t *testing.T) {
	names, err := labs.List()
	if err != nil || len(names) < 3 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		l, sandboxes := compile(t, name)
		if l.Name != name {
			t.Errorf("lab %s is in the folder %s", l.Name, name)
		}
		want := map[string]int{lab.Isolated: 3, lab.Shared: 1}[l.Topology]
		if len(sandboxes) != want {
			t.Errorf("%s: %d sandboxes, want %d", name, len(sandboxes), want)
		}
	}
}

// TestAmiens: what the first sheet asks of its server.
func TestAmiens(t *testing.T) {
	_, sandboxes := compile(t, "amiens-smtp-pop-imap")
	for i, s := range sandboxes {
		if s.Seat != i+1 || s.Hostname != "test6isri.local.isri.fr" || s.Domain != "local.isri.fr" {
			t.Errorf("seat %d: %s, %s", s.Seat, s.Hostname, s.Domain)
		}
		for n := 1; n <= 19; n++ {
			if a, ok := s.Account(fmt.Sprintf("util%d", n)); !ok || a.Password != "master2021" || a.Student != owner(s) {
				t.Errorf("seat %d: util%d: %+v", s.Seat, n, a)
			}
		}
		if a, ok := s.Account("tech"); !ok || a.Password != "mdp" {
			t.Errorf("tech: %+v", a)
		}
		if login, ok := lab.Login(s, owner(s)); !ok || login.Name != "util1" {
			t.Errorf("login: %+v", login)
		}
		for _, domain := range []string{"local.isri.fr", "u-picardie.fr", "ac-amiens.fr"} {
			if !slices.Contains(s.Locals, domain) {
				t.Errorf("%s is not local", domain)
			}
		}
		if s.Aliases["pascal.vaniet"] != "util1" || s.Aliases["president"] != "util2" {
			t.Errorf("aliases: %v", s.Aliases)
		}
		if len(s.Outside) != 1 || s.Outside[0].Domain != "*" || s.Outside[0].MX != "mx.{domain}" {
			t.Errorf("outside: %v", s.Outside)
		}
		if len(s.Mail) != 1 || s.Mail[0].To != "util1" || !bytes.Contains(s.Mail[0].Raw, []byte("<token/"+owner(s)+"/bienvenue>")) {
			t.Errorf("mail: %s", s.Mail)
		}
		for _, line := range []string{"telnet localhost 25", "telnet localhost 110", "telnet localhost 143", "util11", "/var/log/mail.log"} {
			if !strings.Contains(s.Accounts[0].Motd, line) {
				t.Errorf("motd has no %q:\n%s", line, s.Accounts[0].Motd)
			}
		}
		isPicture(t, s)
	}
	if sandboxes[2].Accounts[0].Lang != "en" || !strings.Contains(string(sandboxes[2].Mail[0].Raw), "Hello chloe") {
		t.Error("chloe reads English")
	}
}

// isPicture: the sheet has a JPEG encoded, so there has to be one, small enough to paste.
func isPicture(t *testing.T, s spec.Sandbox) {
	t.Helper()
	for _, f := range s.Files {
		if f.Path == "/home/util1/enveloppe.jpg" {
			if _, err := jpeg.Decode(bytes.NewReader(f.Data)); err != nil || len(f.Data) > 8<<10 {
				t.Errorf("%d bytes, %v", len(f.Data), err)
			}
			return
		}
	}
	t.Error("no picture")
}

// TestCaen: what the second sheet asks of the server that a class shares.
func TestCaen(t *testing.T) {
	_, sandboxes := compile(t, "caen-pop3-smtp")
	s := sandboxes[0]
	if s.Seat != 0 || s.Hostname != "tpmail.info.unicaen.fr" || s.Domain != "tpmail.info.unicaen.fr" {
		t.Errorf("%d, %s, %s", s.Seat, s.Hostname, s.Domain)
	}
	var got []string
	for i, a := range s.Accounts {
		r := s.Routes[i]
		got = append(got, strings.Join([]string{a.Student, a.Name, a.Password, a.Lang, r.Account, r.To, r.Via}, " "))
	}
	want := []string{
		"alice 20901201 20901201 fr 20901201 liste1@tpmail.info.unicaen.fr 127.0.0.1:2501",
		"bruno 20901202 20901202 fr 20901202 liste2@tpmail.info.unicaen.fr 127.0.0.1:2502",
		"chloe 20901203 20901203 en 20901203 liste3@tpmail.info.unicaen.fr 127.0.0.1:2503",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(s.Outside) != 0 || s.Services.SMTP.Relay != "reject" || s.Services.IMAP == nil {
		t.Errorf("outside %v, %+v", s.Outside, s.Services)
	}
	for _, f := range s.Files {
		if strings.HasSuffix(f.Path, "/membres.txt") && string(f.Data) != f.Account+"@tpmail.info.unicaen.fr\n" {
			t.Errorf("%s: %s", f.Path, f.Data)
		}
	}
}

// TestTasksAndStatements: each task is an exercise of both statements and the other way round, in both languages.
func TestTasksAndStatements(t *testing.T) {
	names, err := labs.List()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		l, sandboxes := compile(t, name)
		folder, err := labs.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		statements := map[string]string{}
		for _, lang := range task.Languages() {
			text, err := fs.ReadFile(folder, "statement."+lang+".md")
			if err != nil {
				t.Fatal(err)
			}
			statements[lang] = string(text)
		}
		ids := map[string]bool{}
		for _, one := range l.Tasks {
			ids[one.ID] = true
			for lang, statement := range statements {
				if !strings.Contains(statement, "`"+one.ID+"`") {
					t.Errorf("%s: %s has no exercise for task %s", name, lang, one.ID)
				}
				if one.Title[lang] == "" || len(one.Hint) > 0 && one.Hint[lang] == "" || len(one.Ask) > 0 && one.Ask[lang] == "" {
					t.Errorf("%s: task %s is not whole in %s", name, one.ID, lang)
				}
			}
		}
		for lang, statement := range statements {
			for _, m := range regexp.MustCompile("(?:tâche|task) `([^`]+)`").FindAllStringSubmatch(statement, -1) {
				if !ids[m[1]] {
					t.Errorf("%s: %s names a task %s, which there is not", name, lang, m[1])
				}
			}
		}
		students := 0
		for _, s := range sandboxes {
			sheets, err := task.Sheets(s.Tasks)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			students += len(sheets)
			for _, sheet := range sheets {
				if len(sheet.Tasks) != len(l.Tasks) || len(sheet.Tasks) < 2 {
					t.Errorf("%s: %s has %d tasks", name, sheet.Student, len(sheet.Tasks))
				}
			}
		}
		if students != 3 {
			t.Errorf("%s: tasks for %d students", name, students)
		}
	}
}

// BenchmarkCompile is what an up with nothing to do pays for a large class.
func BenchmarkCompile(b *testing.B) {
	folder, err := labs.Open(labs.Default)
	if err != nil {
		b.Fatal(err)
	}
	class := roster.Count(300)
	seats := roster.Seat(nil, class).Given.Seats()
	for b.Loop() {
		l, err := lab.Parse(folder, labs.File)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := lab.Compile(l, class, seats, "bench", lab.Derived([]byte("x"))); err != nil {
			b.Fatal(err)
		}
	}
}

// TestOpenUnknown: a name that is not a lab's opens nothing, not even a path within one.
func TestOpenUnknown(t *testing.T) {
	for _, name := range []string{"", ".", "..", "nix", "amiens-smtp-pop-imap/mail", "lab.schema.json"} {
		if _, err := labs.Open(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := labs.Open(labs.Default); err != nil {
		t.Error(err)
	}
	if text, err := labs.Schema(); err != nil || !json.Valid(text) {
		t.Error("schema", err)
	}
}
