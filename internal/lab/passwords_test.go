package lab

import (
	"strings"
	"testing"
	"testing/fstest"

	"maillab/internal/roster"
	"maillab/internal/spec"
)

// textedLab is a lab in whose texts passwords stand.
const textedLab = `apiVersion: maillab/v1
name: words
title: W
topology: TOPOLOGY
hostname: mail
domain: x.test
accounts:
  - {name: "util{n}", n: 1-4, password: master}
  - {name: tech, password: mdp}
assign: ["util{seat}", "util{n2}"]
services: {smtp: {}, ssh: {}}
files: [{from: sheet.txt, to: "/home/{account}/", expand: true}]
motd: "{account} {password}, {account2} {password2}, tech {password:tech}"
`

func passwordsLab(t *testing.T, topology string) *Lab {
	t.Helper()
	text := strings.NewReplacer("TOPOLOGY", topology, "util{n2}", "util1{seat}", "n: 1-4", "n: 1-14").Replace(textedLab)
	l, err := Parse(fstest.MapFS{"lab.yaml": {Data: []byte(text)}, "sheet.txt": {Data: []byte("your password is {password}\n")}}, "lab.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func readClass(t *testing.T, text string) roster.Class {
	t.Helper()
	class, _, err := roster.Read("class.csv", strings.NewReader(text), roster.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return class
}

func secretly(key string) string { return "<" + key + ">" }

func compiled(t *testing.T, l *Lab, class roster.Class) []spec.Sandbox {
	t.Helper()
	specs, err := Compile(l, class, roster.Seat(nil, class).Given.Seats(), "i", secretly)
	if err != nil {
		t.Fatal(err)
	}
	return specs
}

// TestWithPasswords: whoever says the passwords, accounts and all texts agree.
func TestWithPasswords(t *testing.T) {
	class := readClass(t, "name;pin\nalice;a-pin\nbob;b-pin\n")
	for _, c := range []struct {
		topology, rule        string
		changed               map[int]map[string]string
		util1, util11, tech   string // alice's two, and nobody's
		guessable             bool
		bobs, bobsMotd, sheet string
	}{
		{"isolated", "", nil, "master", "master", "mdp", true, "master", "", "master"},
		{"isolated", "lab", map[int]map[string]string{1: {"util1": "new"}}, "new", "master", "mdp", true, "master", "", "new"},
		{"isolated", "generate", nil, "<password/1/util1>", "<password/1/util11>", "<password/1/tech>", false, "<password/2/util1>", "", "<password/1/util1>"},
		{"isolated", "column=PIN", map[int]map[string]string{1: {"tech": "t"}}, "a-pin", "a-pin", "t", false, "b-pin", "", "a-pin"},
		{"shared", "column=pin", nil, "a-pin", "a-pin", "<password/0/tech>", false, "b-pin", "", "a-pin"},
		{"shared", "generate", map[int]map[string]string{0: {"util2": "bobs"}}, "<password/0/util1>", "<password/0/util11>", "<password/0/tech>", false, "bobs", "", "<password/0/util1>"},
	} {
		rule, err := ParsePasswords(c.rule)
		if err != nil {
			t.Fatal(err)
		}
		rule.Changed = c.changed
		l := passwordsLab(t, c.topology).WithPasswords(rule)
		specs := compiled(t, l, class)
		last := specs[len(specs)-1]
		for name, want := range map[string]string{"util1": c.util1, "util11": c.util11, "tech": c.tech} {
			if a, _ := specs[0].Account(name); a.Password != want {
				t.Errorf("%s, %s: %s has %q, want %q", c.topology, c.rule, name, a.Password, want)
			}
		}
		bob, _ := Login(last, "bob")
		if bob.Password != c.bobs || l.Guessable() != c.guessable {
			t.Errorf("%s, %s: bob has %q; guessable %v", c.topology, c.rule, bob.Password, l.Guessable())
		}
		alice, _ := Login(specs[0], "alice")
		if want := "util1 " + c.util1 + ", util11 " + c.util11 + ", tech " + c.tech; !strings.Contains(alice.Motd, want) {
			t.Errorf("%s, %s: no %q in %s", c.topology, c.rule, want, alice.Motd)
		}
		if text := string(specs[0].Files[0].Data); text != "your password is "+c.sheet+"\n" {
			t.Errorf("%s, %s: the sheet says %q", c.topology, c.rule, text)
		}
	}
}

func TestPasswordsThatCannotBe(t *testing.T) {
	for _, text := range []string{"column=", "column= ", "secret", "Generate"} {
		if p, err := ParsePasswords(text); err == nil {
			t.Errorf("%q is %+v", text, p)
		}
	}
	rule := Passwords{Made: true, Column: "pin"}
	for text, want := range map[string]string{
		"name;note\nalice;x\n":                               `class.csv: no column "pin", from which the passwords are to come; the columns are`,
		"name;pin\nalice;x\nbob;\n":                          `class.csv:3: pin "" is no password for bob`,
		"name;pin\nalice;" + strings.Repeat("x", 201) + "\n": "is no password for alice",
	} {
		class := readClass(t, text)
		_, err := Compile(passwordsLab(t, "isolated").WithPasswords(rule), class, roster.Seat(nil, class).Given.Seats(), "i", secretly)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestAnotherAccountsPassword: only of accounts that the lab names; who shares a server with others is not told theirs.
func TestAnotherAccountsPassword(t *testing.T) {
	text := strings.NewReplacer("TOPOLOGY", "isolated", `"util{n2}"`, "util2", "{password:tech}", "{password:tehc}").Replace(textedLab)
	_, err := Parse(fstest.MapFS{"lab.yaml": {Data: []byte(text)}, "sheet.txt": {}}, "lab.yaml")
	if err == nil || !strings.Contains(err.Error(), "unknown placeholder {password:tehc}") {
		t.Errorf("%v", err)
	}
	shared := strings.NewReplacer("TOPOLOGY", "shared", `"util{n2}"`, `"util1{seat}"`, "n: 1-4", "n: 1-14", "tech {password:tech}", "bob {password:util2}").Replace(textedLab)
	l, err := Parse(fstest.MapFS{"lab.yaml": {Data: []byte(shared)}, "sheet.txt": {}}, "lab.yaml")
	if err != nil {
		t.Fatal(err)
	}
	specs := compiled(t, l, readClass(t, "name\nalice\nbob\n"))
	if alice, _ := Login(specs[0], "alice"); !strings.Contains(alice.Motd, "bob {password:util2}") {
		t.Errorf("alice is told: %s", alice.Motd)
	}
}
