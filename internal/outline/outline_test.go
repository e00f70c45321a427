package outline

import (
	"encoding/json"
	"strings"
	"testing"

	"maillab/internal/engine"
	"maillab/internal/spec"
)

// first is a sandbox, and what it is made from.
func first() (spec.Sandbox, engine.SandboxSpec) {
	return spec.Sandbox{
		Domain: "a.test", Lang: "fr", Title: map[string]string{"fr": "TP"}, Services: spec.Services{SMTP: &spec.SMTP{Auth: "none"}, SSH: &spec.SSH{}},
		Accounts: []spec.Account{{Name: "util1", Student: "alice", Password: "x"}, {Name: "tech", Password: "y"}},
		Mail:     []spec.Mail{{To: "util1", Raw: []byte("one")}}, Files: []spec.File{{Account: "util1", Path: "/home/util1/a", Data: []byte("a")}},
		Limits: spec.Limits{SpoolBytes: 64 << 20, Processes: 32}, Tasks: json.RawMessage(`[{"student":"alice","tasks":[{"id":"one","points":1},{"id":"two"}]}]`),
	}, engine.SandboxSpec{Memory: 96 << 20, NanoCPUs: 5e8, PIDs: 768, Hostname: "mail", Image: "i1"}
}

// TestWhatIsSaid: each difference, as a teacher would say it.
func TestWhatIsSaid(t *testing.T) {
	for want, change := range map[string]func(s *spec.Sandbox, c *engine.SandboxSpec){
		"|":                                      func(*spec.Sandbox, *engine.SandboxSpec) {},
		"memory 96 → 128 MiB|":                   func(_ *spec.Sandbox, c *engine.SandboxSpec) { c.Memory = 128 << 20 },
		"processors 0.5 → 1|":                    func(_ *spec.Sandbox, c *engine.SandboxSpec) { c.NanoCPUs = 1e9 },
		"another version of the programs in it|": func(_ *spec.Sandbox, c *engine.SandboxSpec) { c.Image = "i2" },
		"|domain a.test → b.test":                func(s *spec.Sandbox, _ *engine.SandboxSpec) { s.Domain = "b.test" },
		"|time zone none → UTC":                  func(s *spec.Sandbox, _ *engine.SandboxSpec) { s.Timezone = "UTC" },
		"|room for mail and files 64 → 128 MiB":  func(s *spec.Sandbox, _ *engine.SandboxSpec) { s.Limits.SpoolBytes = 128 << 20 },
		"|aliases changed":                       func(s *spec.Sandbox, _ *engine.SandboxSpec) { s.Aliases = map[string]string{"a": "util1"} },
		"|service imap new; service ssh gone": func(s *spec.Sandbox, _ *engine.SandboxSpec) {
			s.Services.SSH, s.Services.IMAP = nil, &spec.IMAP{}
		},
		"|service smtp changed": func(s *spec.Sandbox, _ *engine.SandboxSpec) { s.Services.SMTP = &spec.SMTP{Auth: "required"} },
		"|account prof new; account tech gone": func(s *spec.Sandbox, _ *engine.SandboxSpec) {
			s.Accounts = []spec.Account{s.Accounts[0], {Name: "prof", Password: "z"}}
		},
		"|password of util1 changed": func(s *spec.Sandbox, _ *engine.SandboxSpec) {
			s.Accounts = []spec.Account{{Name: "util1", Student: "alice", Password: "other"}, s.Accounts[1]}
		},
		"|task journal new; task one changed; task two gone": func(s *spec.Sandbox, _ *engine.SandboxSpec) {
			s.Tasks = json.RawMessage(`[{"tasks":[{"id":"one","points":2},{"id":"journal"}]}]`)
		},
		"|starting mail for tech new; starting mail for util1 changed": func(s *spec.Sandbox, _ *engine.SandboxSpec) {
			s.Mail = []spec.Mail{{To: "util1", Raw: []byte("two")}, {To: "tech"}}
		},
		"|file /home/util1/a gone": func(s *spec.Sandbox, _ *engine.SandboxSpec) { s.Files = nil },
	} {
		s, c := first()
		was := Of(s, c)
		change(&s, &c)
		is := Of(s, c)
		if got := Container(was, is) + "|" + Told(was, is); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestMuchIsNotSaidOneByOne, and of what is not known nothing is said.
func TestMuchIsNotSaidOneByOne(t *testing.T) {
	s, c := first()
	was := Of(s, c)
	for n := range 30 {
		s.Files = append(s.Files, spec.File{Path: "/home/util1/" + strings.Repeat("x", n+1)})
	}
	if got := Told(was, Of(s, c)); strings.Count(got, "new") != most-1 || !strings.HasSuffix(got, "; and 25 more") {
		t.Error(got)
	}
	if got := Told(nil, was) + Container(nil, was); got != "" {
		t.Errorf("of an outline that was not kept: %q", got)
	}
}

// TestKept: an outline says the same when it was kept, and holds no password.
func TestKept(t *testing.T) {
	s, c := first()
	s.Accounts[0].Password = "very-secret"
	text, err := json.Marshal(Of(s, c))
	if err != nil || strings.Contains(string(text), "very-secret") {
		t.Fatal(string(text), err)
	}
	var kept Outline
	if err := json.Unmarshal(text, &kept); err != nil {
		t.Fatal(err)
	}
	if got := Told(kept, Of(s, c)) + Container(kept, Of(s, c)); got != "" {
		t.Errorf("kept and read: %q", got)
	}
}
