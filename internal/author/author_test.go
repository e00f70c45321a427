package author

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/control"
	"maillab/internal/dialogue"
	"maillab/internal/lab"
	"maillab/internal/lab/task"
	"maillab/internal/mail"
)

var update = flag.Bool("update", false, "write the golden file anew")

// recorded is a real session of an author's: five exercises in one sandbox, slips among them.
func recorded(t *testing.T) Record {
	t.Helper()
	r := Record{Accounts: []string{"me", "tech"}, Passwords: []string{"hello", "it's"}, Domain: "example.test"}
	for name, to := range map[string]any{"dialogues": &r.Dialogues, "messages": &r.Messages} {
		text, err := os.ReadFile(filepath.Join("testdata", name+".json"))
		if err == nil {
			err = json.Unmarshal(text, to)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(filepath.Join("testdata", "mail.log"))
	if err != nil {
		t.Fatal(err)
	}
	r.Log = strings.Split(strings.TrimSpace(string(text)), "\n")
	return r
}

// small is a lab into which tasks are written.
const small = `# a lab
apiVersion: maillab/v1
name: small
title: Small
hostname: mail
domain: example.test
accounts:
  - {name: me, password: hello}   # the student
  - {name: tech, password: hello}
services: {smtp: {}, pop3: {}, imap: {}, ssh: {}}
tasks: []   # here

# the end
timezone: Europe/Paris
`

// TestRealSession: of each exercise of a real session a task is made that a lab can have, and the same again as was meant.
func TestRealSession(t *testing.T) {
	whole := recorded(t)
	text, script, wrong := small, "", ""
	for _, one := range []struct {
		id     string
		record func(r *Record)
	}{
		{"read", func(r *Record) { r.Dialogues, r.Messages = r.Dialogues[:1], nil }},
		{"send", func(r *Record) { r.Dialogues, r.Messages = r.Dialogues[1:2], r.Messages[:1] }},
		{"flag", func(r *Record) { r.Dialogues, r.Messages = r.Dialogues[2:], nil }},
		{"command", func(r *Record) { r.Dialogues, r.Messages = nil, r.Messages[1:] }},
		{"queue-id", func(r *Record) { r.Dialogues, r.Messages, r.Answer = nil, nil, "CAB390D50FE" }},
		{"send-and-tell", func(r *Record) { r.Dialogues, r.Messages, r.Answer = r.Dialogues[1:2], r.Messages[:1], "<CAB390D50FE>" }},
		{"files", func(r *Record) {
			r.Dialogues, r.Messages = nil, nil
			r.Files = []File{{Path: ".forward", Text: "tech\n"}, {Path: "count.sh", Text: "#!/bin/sh\necho \"you have $n\"\n", Executable: true, Output: "you have 2\n"}}
		}},
	} {
		r := whole
		r.Dialogues, r.Messages = slices.Clone(whole.Dialogues), slices.Clone(whole.Messages)
		one.record(&r)
		p, err := Propose(one.id, r)
		if err != nil {
			t.Fatalf("%s: %v", one.id, err)
		}
		added, err := Add([]byte(text), p.Task)
		if err != nil {
			t.Fatalf("%s: %v", one.id, err)
		}
		text = string(added)
		l, err := lab.Parse(fstest.MapFS{"lab.yaml": {Data: added}}, "lab.yaml")
		if err != nil {
			t.Fatalf("%s: %v\n%s", one.id, err, text)
		}
		got := l.Tasks[len(l.Tasks)-1]
		p.Task.Points = 1 // by default
		for _, c := range got.Check.Walk("") {
			if c.Mail != nil {
				c.Mail.Messages = task.Count{} // by default, too
			}
		}
		if diff := cmp.Diff(p.Task, got); diff != "" {
			t.Errorf("%s: written is not what was meant: %s", one.id, diff)
		}
		if len(p.Wrong) < 4 && r.Answer == "" || len(p.Wrong) < 3 {
			t.Errorf("%s: %d wrong ways", one.id, len(p.Wrong))
		}
		script = Solution(script, r, p.Section())
		for _, w := range p.WrongSections() {
			wrong = Wrong(wrong, w)
		}
	}
	_, sections, _ := strings.Cut(script, endMark+"\n")
	golden(t, text+"\n"+sections+"\n"+wrong)
}

func golden(t *testing.T, got string) {
	t.Helper()
	file := filepath.Join("testdata", "session.golden")
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
		t.Error(diff)
	}
}

// typed is a dialogue as a person types it: lines with > are the client's, * is a message.
func typed(service string, accounts []string, lines ...string) dialogue.Dialogue {
	at := time.Date(2026, 3, 26, 10, 0, 0, 0, time.UTC)
	d := dialogue.Dialogue{ID: service + lines[0], Service: service, Accounts: accounts, Start: at, End: at.Add(time.Hour)}
	for i, text := range lines {
		line := dialogue.Line{From: dialogue.Server, Kind: dialogue.Reply, Text: text}
		if command, is := strings.CutPrefix(text, "> "); is {
			at = at.Add(time.Duration(3000+i*i*70) * time.Millisecond)
			line = dialogue.Line{From: dialogue.Client, Kind: dialogue.Command, Text: command}
		} else if text == "*" {
			line = dialogue.Line{From: dialogue.Client, Kind: dialogue.Data, Bytes: 10}
		}
		line.At = at
		d.Lines = append(d.Lines, line)
	}
	return d
}

// TestProposed: what a check asks for, of dialogues of all kinds.
func TestProposed(t *testing.T) {
	for name, test := range map[string]struct {
		dialogues []dialogue.Dialogue
		log       string
		want      string
	}{
		"dele counts with quit alone": {
			[]dialogue.Dialogue{typed("pop3", []string{"me"}, "+OK", "> user me", "+OK", "> pass ********", "+OK", "> dele 1", "+OK", "> quit", "+OK")}, "",
			`{"dialogue":{"service":"pop3","by":"hand","account":"{account}","exchanges":[{"command":"(?i)^dele ","reply":"^\\+OK"},{"command":"(?i)^quit","reply":"^\\+OK"}]}}`,
		},
		"what is only looked at is asked for where nothing else was done": {
			[]dialogue.Dialogue{typed("pop3", []string{"tech"}, "+OK", "> user tech", "+OK", "> pass ********", "+OK", "> stat", "+OK 1 2", "> quit", "+OK")}, "",
			`{"dialogue":{"service":"pop3","by":"hand","account":"{account2}","exchanges":[{"command":"(?i)^stat","reply":"^\\+OK"}]}}`,
		},
		"a first try is none of it": {
			[]dialogue.Dialogue{
				typed("imap", []string{"me"}, "* OK", "> a login me ********", "a OK", "> b create one", "b OK"),
				typed("imap", []string{"me"}, "* OK again", "> a login me ********", "a OK", "> b create one", "b OK", "> c subscribe one", "c OK", "> d logout", "d OK"),
			}, "",
			`{"dialogue":{"service":"imap","by":"hand","account":"{account}","exchanges":[{"command":"(?i)^[^ ]+ +create .*one\"?$","reply":"^[^ ]+ OK "},{"command":"(?i)^[^ ]+ +subscribe .*one\"?$","reply":"^[^ ]+ OK "}]}}`,
		},
		"a folder's name has blanks": {
			[]dialogue.Dialogue{typed("imap", []string{"me"}, "* OK", "> a login me ********", "a OK", "> b create \"My me\"", "b OK", "> c logout", "c OK")}, "",
			`{"dialogue":{"service":"imap","by":"hand","account":"{account}","exchanges":[{"command":"(?i)^[^ ]+ +create .*My {account}\"?$","reply":"^[^ ]+ OK "}]}}`,
		},
		"a refusal that stays is what it was typed for": {
			[]dialogue.Dialogue{typed("smtp", nil, "220 x", "> helo x", "250 x", "> mail from: me", "250 2.1.0 Ok", "> rcpt to: a@b.example", "554 5.7.1 <a@b.example>: Relay access denied", "> quit", "221 Bye")}, "",
			`{"dialogue":{"service":"smtp","by":"hand","exchanges":[{"command":"(?i)^mail +from:.*\\b{account}\\b","reply":"^250"},{"command":"(?i)^rcpt +to:","reply":"^554"}]}}`,
		},
		"a message that waits is told by its handing in and by the log": {
			[]dialogue.Dialogue{typed("smtp", nil, "220 x", "> helo x", "250 x", "> mail from: me", "250 2.1.0 Ok", "> rcpt to: a@b.example", "250 2.1.5 Ok", "> data", "354 End", "*", "250 2.0.0 Ok: queued as 4bXyz12Qw3z1", "> quit", "221 Bye")},
			"Mar 26 10:00:30 mail postfix/smtp[7]: 4bXyz12Qw3z1: to=<a@b.example>, relay=none, delay=30, dsn=4.4.1, status=deferred (connect to mx.b.example[192.0.2.25]:25: Connection timed out)",
			`{"message":[{"dialogue":{"service":"smtp","by":"hand","exchanges":[{"command":"(?i)^rcpt +to:","reply":"^250"}]}},{"log":{"lines":["from=\u003c","status=deferred .*Connection timed out"]}}]}`,
		},
		"a message is read in whichever form, and there was one": {
			[]dialogue.Dialogue{typed("imap", []string{"me"}, "* OK", "> a login me ********", "a OK", "> b uid fetch 4 (flags rfc822)", "* 1 FETCH (UID 4 RFC822 {134}", "b OK", "> c logout", "c OK")}, "",
			`{"dialogue":{"service":"imap","by":"hand","account":"{account}","exchanges":[{"command":"(?i)^[^ ]+ +(uid +)?fetch .*[ (](body(\\.peek)?\\[(text)?\\]|rfc822(\\.text)?([ )]|$))","reply":"^\\* [0-9]+ FETCH "}]}}`,
		},
		"who pasted is asked for no typing": {
			[]dialogue.Dialogue{pastedDialogue()}, "",
			`{"dialogue":{"service":"pop3","by":"program","account":"{account}","exchanges":[{"command":"(?i)^retr ","reply":"^\\+OK"}]}}`,
		},
	} {
		p, err := Propose("it", Record{Accounts: []string{"me", "tech"}, Domain: "example.test", Dialogues: test.dialogues, Log: []string{test.log}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, _ := json.Marshal(p.Task.Check); string(got) != test.want {
			t.Errorf("%s:\n%s, want\n%s", name, got, test.want)
		}
	}
}

func pastedDialogue() dialogue.Dialogue {
	d := typed("pop3", []string{"me"}, "+OK", "> user me", "+OK", "> pass ********", "+OK", "> retr 1", "+OK", "> quit", "+OK")
	for i := range d.Lines {
		d.Lines[i].At = d.Start
	}
	return d
}

// TestReading: what is asked for of a FETCH is passed by its other forms, and not by what shows something else.
func TestReading(t *testing.T) {
	forms := map[string][]string{
		"whole":     {"fetch 1 body[]", "fetch 1 rfc822", "uid fetch 7 (uid body.peek[])", "FETCH 1 (RFC822)", "fetch 1 BODY[TEXT]"},
		"header":    {"fetch 1 body[header]", "fetch 1 rfc822.header", "uid fetch 7 (body.peek[header.fields (subject)])"},
		"structure": {"fetch 1 bodystructure", "uid fetch 3 (uid bodystructure)"},
		"size":      {"fetch 1 rfc822.size"},
		"flags":     {"fetch 1 flags", "fetch 1:* (uid flags)"},
	}
	for kind, typed := range forms {
		for _, text := range typed {
			one := turn{text: "a " + text, verb: verbOf("imap", "a "+text)}
			pattern, err := commandPattern("imap", one, nil).Compile()
			if err != nil {
				t.Fatal(text, err)
			}
			for other, said := range forms {
				for _, line := range said {
					if got, want := pattern.MatchString("z9 "+line), other == kind; got != want {
						t.Errorf("%s by %s: %t", text, line, got)
					}
				}
			}
		}
	}
}

// TestRefused: of a recipient that was refused a wrong way is one that is there, by an account of the student's.
func TestRefused(t *testing.T) {
	d := typed("smtp", nil, "220 x", "> helo x", "250 x", "> mail from: me", "250 2.1.0 Ok", "> rcpt to: nobody@example.test", "550 5.1.1 unknown", "> quit", "221 Bye")
	for want, accounts := range map[string][]string{"rcpt to:<${user2}>": {"me", "tech"}, "rcpt to:<${user}>": {"me"}} {
		p, err := Propose("it", Record{Accounts: accounts, Domain: "example.test", Dialogues: []dialogue.Dialogue{d}})
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(p.Wrong, func(w Way) bool { return w.Name == taken })
		if i < 0 {
			t.Fatalf("no way is %s: %+v", taken, p.Wrong)
		}
		if diff := cmp.Diff([]string{"helo x", "mail from: ${user}", want, "quit"}, p.Wrong[i].Steps[0].Lines); diff != "" {
			t.Error(diff)
		}
	}
}

// TestTwoRecipients: both mailboxes are asked for, of one message; with one recipient left out it is not done.
func TestTwoRecipients(t *testing.T) {
	d := typed("smtp", nil, "220 x", "> helo x", "250 x", "> mail from:<me@example.test>", "250 2.1.0 Ok", "> rcpt to:<me>", "250 2.1.5 Ok", "> rcpt to:<tech>", "250 2.1.5 Ok",
		"> data", "354 End", "*", "250 2.0.0 Ok: queued as 4bXyz12Qw3z1", "> quit", "221 Bye")
	m := control.Message{ID: "4bXyz12Qw3z1", Accounts: []string{"me", "tech"}, Text: []byte("Return-Path: <me>\nTo: me\n\n..\n"),
		Envelope: &mail.Envelope{ID: "4bXyz12Qw3z1", ClientAddr: "::1", Sender: mail.Address{Typed: "me@example.test"}, Recipients: []mail.Recipient{{Address: mail.Address{Typed: "me"}}, {Address: mail.Address{Typed: "tech"}}}}}
	p, err := Propose("both", Record{Accounts: []string{"me", "tech"}, Dialogues: []dialogue.Dialogue{d}, Messages: []control.Message{m}})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"message":[{"mail":{"to":"{account}","by":"hand","via":"smtp","from":"^{account}(@|$)","recipients":"2-","header":{"To":"\\b{account}\\b"},"not_header":{"To":"\\b{account2}\\b"},"body":"[^ \\n]"}},{"mail":{"to":"{account2}","via":"smtp"}}]}`
	if got, _ := json.Marshal(p.Task.Check); string(got) != want {
		t.Errorf("%s, want\n%s", got, want)
	}
	if text := p.text(p.Steps); !strings.Contains(text, "\n...\n.\nquit\n") {
		t.Errorf("a line of dots is not as it has to be typed:\n%s", text)
	}
	if text := p.text(p.Wrong[2].Steps); strings.Count(text, "rcpt to:") != 1 || !strings.Contains(text, "${user2}") {
		t.Errorf("one recipient is not left out:\n%s", text)
	}
}

// TestCommandToTwo: of several recipients of the mail command one is left out.
func TestCommandToTwo(t *testing.T) {
	m := control.Message{ID: "4bXyz12Qw3z1", Accounts: []string{"me", "tech"}, Text: []byte("Subject: both\nTo: me, tech\n\nHello\n"),
		Envelope: &mail.Envelope{ID: "4bXyz12Qw3z1", Recipients: []mail.Recipient{{Address: mail.Address{Typed: "me"}}, {Address: mail.Address{Typed: "tech"}}}}}
	p, err := Propose("both", Record{Accounts: []string{"me", "tech"}, Messages: []control.Message{m}})
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, w := range p.Wrong[1:3] {
		told = append(told, p.text(w.Steps))
	}
	want := []string{"mail \"${user}\" \"${user2}\" <<END\nHello\nEND\n", "mail -s \"both\" \"${user2}\" <<END\nHello\nEND\n"}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Error(diff)
	}
}

// TestNotProposed: what cannot be made a task says why.
func TestNotProposed(t *testing.T) {
	who := Record{Accounts: []string{"me", "tech"}}
	for name, test := range map[string]struct {
		id     string
		record func(r *Record)
		want   string
	}{
		"nothing": {"it", func(*Record) {}, ErrNothing.Error()},
		"goodbye": {"it", func(r *Record) { r.Dialogues = []dialogue.Dialogue{typed("pop3", nil, "+OK", "> quit", "+OK")} }, ErrNothing.Error()},
		"a name":  {"Not one", func(*Record) {}, "lower-case"},
		"TLS":     {"it", func(r *Record) { r.Dialogues = []dialogue.Dialogue{typed("pop3", nil, "+OK", "> stls", "+OK")} }, "STLS, in the POP3 dialogue"},
		"a secret": {"it", func(r *Record) {
			r.Dialogues = []dialogue.Dialogue{typed("pop3", nil, "+OK", "> pass ********", "-ERR no")}
		}, "a password that was not right"},
		"no answer": {"it", func(r *Record) { r.Answer = "why not" }, "stands neither in mail.log nor in a reply"},
	} {
		r := who
		test.record(&r)
		if _, err := Propose(test.id, r); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Propose("it", who); !errors.Is(err, ErrNothing) {
		t.Error(err)
	}
}

// TestSecrets: a script types the account's own password where the record hides it.
func TestSecrets(t *testing.T) {
	for want, d := range map[string]dialogue.Dialogue{
		`a login ${user2} ${password2}`:                                        typed("imap", []string{"tech"}, "* OK", "> a login tech ********", "a OK", "> b logout", "b OK"),
		`AUTH PLAIN $(printf '\000%s\000%s' "${user}" "${password}" | base64)`: typed("smtp", []string{"me"}, "220 x", "> AUTH PLAIN ****", "235 ok"),
		"AUTH LOGIN\n$(printf %s \"${user}\" | base64)\n$(printf %s \"${password}\" | base64)": typed("smtp", []string{"me"},
			"220 x", "> AUTH LOGIN", "334 VXNlcm5hbWU6", "> ****", "334 UGFzc3dvcmQ6", "> ****", "235 ok"),
	} {
		lines, err := script(talkOf(d), Record{}, namesOf(Record{Accounts: []string{"me", "tech"}}))
		if got := strings.Join(lines, "\n"); err != nil || !strings.HasPrefix(got, want+"\n") {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
	}
}

// TestNames: only a name that stands as a word is one.
func TestNames(t *testing.T) {
	n := namesOf(Record{Accounts: []string{"util1", "util11"}, Domain: "isri.fr"})
	for text, want := range map[string]string{
		"to util11@isri.fr": `to {account2}@{domain}`, "to <util1> (x)": `to <{account}> \(x\)`, "util111, xutil1, util1-2": `util111, xutil1, util1-2`,
		"UTIL1": "{account}", "a{2}": `a\{{2\}`, "": "",
	} {
		if got := n.pattern(text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	if got := n.shell("$x `util1` \\ util11@isri.fr"); got != "\\$x \\`${user}\\` \\\\ ${user2}@isri.fr" {
		t.Error(got)
	}
}

// TestAdd: a task is added wherever tasks stand, and nothing else changes.
func TestAdd(t *testing.T) {
	one := task.Task{ID: "new", Title: task.Text{"fr": "à", "en": "to"}, Check: task.Check{Answer: &task.Answer{Matches: "yes"}}}
	block := func(margin string) string {
		text, err := item(one)
		if err != nil {
			t.Fatal(err)
		}
		return indented(text, margin)
	}
	old := "  - id: old # keep\n    title: Old\n\n    check: {manual: {}}\n"
	for name, test := range map[string]struct{ before, want string }{
		"no tasks":        {"name: x\n", "name: x\n\ntasks:\n" + block("  ")},
		"no last newline": {"name: x", "name: x\n\ntasks:\n" + block("  ")},
		"none yet":        {"tasks: [] # none\nname: x\n", "tasks: # none\n" + block("  ") + "name: x\n"},
		"an empty key":    {"tasks:\n# about x\nname: x\n", "tasks:\n" + block("  ") + "# about x\nname: x\n"},
		"at the end":      {"tasks:\n" + old + "\n\n", "tasks:\n" + old + "\n" + block("  ") + "\n\n"},
		"in the middle":   {"tasks:\n" + old + "\n# about x\nname: x\n", "tasks:\n" + old + "\n" + block("  ") + "\n# about x\nname: x\n"},
		"at the margin":   {"tasks:\n- id: old\n  title: Old\nname: x\n", "tasks:\n- id: old\n  title: Old\n\n" + block("") + "name: x\n"},
	} {
		got, err := Add([]byte(test.before), one)
		if diff := cmp.Diff(test.want, string(got)); diff != "" || err != nil {
			t.Errorf("%s: %v %s", name, err, diff)
		}
	}
	for _, bad := range []string{"", "- a\n", "tasks: [{id: x}]\n", "tasks: {}\n", "a: [\n"} {
		if got, err := Add([]byte(bad), one); err == nil {
			t.Errorf("%q became %s", bad, got)
		}
	}
}

// TestSolution: a section comes once; what was there before stays.
func TestSolution(t *testing.T) {
	r := Record{Accounts: []string{"me"}, Passwords: []string{"hello"}}
	mine := "#!/bin/sh\necho mine\n"
	script := Solution(Solution(Solution(mine, r, Section{"a", "one\n"}), r, Section{"b", "two\n"}), r, Section{"a", "three\n"})
	if !strings.HasPrefix(script, mine) || strings.Count(script, toolsMark) != 1 {
		t.Error(script)
	}
	if diff := cmp.Diff([]Section{{"a", "three\n"}, {"b", "two\n"}}, Sections(script)); diff != "" {
		t.Error(diff)
	}
	whole := Whole(r, script, "b", "four\n")
	if !strings.Contains(whole, "three\n") || strings.Contains(whole, "two\n") || !strings.HasSuffix(whole, "four\n") {
		t.Error(whole)
	}
	var names []string
	for _, p := range Kept(r, script, Wrong("", Section{"b wrong", "five\n"}), "b") {
		names = append(names, fmt.Sprintf("%s %t", p.Name, p.Passes))
	}
	if diff := cmp.Diff([]string{"solution true", "wrong false"}, names); diff != "" {
		t.Error(diff)
	}
	if Kept(r, script, "", "c") != nil {
		t.Error("a task without a section has ways")
	}
}
